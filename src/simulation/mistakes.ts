/** Errors that only a mistake in the program throws. Whoever catches everything and tries again would cover them up. */
import { isNativeError } from 'node:util/types';
import type { Bindings } from 'pino';
import type { Logger } from '../telemetry/logger.ts';
import { InvariantBroken } from './invariant.ts';

const names: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/** Called with whatever was caught. @returns how the world is broken, if it was by a mistake */
export function mistakeIn(error: unknown): InvariantBroken | undefined {
  if (!isNativeError(error) || !names.has(error.name)) return undefined;
  return new InvariantBroken('nothing unexpected is thrown', error.stack ?? error.message);
}

/** What the logs of a world say that nobody else is told of: the errors that a controller got over, and orders that failed. */
export function listeningTo(logger: Logger, onMistake: (broken: InvariantBroken) => void): Logger {
  return new Proxy(logger, {
    get: (target, property, receiver): unknown => {
      const member: unknown = Reflect.get(target, property, target);
      if (property === 'child') return (bindings: Bindings) => listeningTo(target.child(bindings), onMistake);
      if (property !== 'error' && property !== 'warn') return member;
      return (what: unknown, ...words: unknown[]): void => {
        const broken = mistakeToldOf(what);
        if (broken) onMistake(broken);
        Reflect.apply(member as (...args: unknown[]) => void, receiver, [what, ...words]);
      };
    },
  });
}

function mistakeToldOf(what: unknown): InvariantBroken | undefined {
  const { err, reason, message } = what as { err?: unknown; reason?: unknown; message?: unknown };
  // No fault of a world fails without a reason of its own.
  if (reason === 'ExecutionFailed')
    return new InvariantBroken('nothing unexpected is thrown', String(message));
  return mistakeIn(err);
}
