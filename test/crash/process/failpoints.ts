/** Stands around the ports of a process: counts every call that changes something, and strikes at the one that was armed. */
import { appendFileSync, readFileSync } from 'node:fs';
import type { PortName } from '../../../src/values/around.ts';
import { type ArmedFault, readArmed, replaceFile } from '../armed-faults.ts';
import { type Blow, filesOf, type JournalEntry } from '../faults.ts';
import { jumpClock } from './jumping-clock.ts';

/**
 * Says what a call is about.
 * @returns nothing for a call that changes nothing, or none of the objects of a life
 */
export type Describe = (port: PortName, method: string, args: readonly unknown[]) => string | undefined;

type Method = (...args: unknown[]) => unknown;

/** A call at its boundary, and what shall befall it. */
interface Reached {
  boundary: string;
  armed: ArmedFault | undefined;
}

/** An hour: longer than any lease, deadline or grace period. */
const jumpMs = 3_600_000;

export class Failpoints {
  readonly #files: ReturnType<typeof filesOf>;
  readonly #describe: Describe;
  readonly #counts = new Map<string, number>();
  #phase = '';

  constructor(directory: string, describe: Describe) {
    this.#files = filesOf(directory);
    this.#describe = describe;
  }

  /** The process does its work. */
  ready(): void {
    this.#write({ event: 'ready', pid: process.pid });
  }

  /** An {@link Around}: the same port, with a boundary before and after every effect. */
  readonly around = <Port extends object>(name: PortName, port: Port): Port =>
    new Proxy(port, {
      get: (target, property): unknown => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function' || typeof property !== 'string') return member;
        const method = (member as Method).bind(target);
        return (...args: unknown[]): unknown => {
          const what = this.#describe(name, property, args);
          if (what === undefined) return method(...args);
          const effect = (): unknown => method(...args);
          return name === 'fence' ? this.#crossNow(what, effect) : this.#cross(name, what, effect);
        };
      },
    });

  async #cross(port: PortName, what: string, effect: () => unknown): Promise<unknown> {
    const reached = this.#reach(what);
    const { boundary, armed } = reached;
    try {
      this.#strike(port, reached, 'before');
      const result = armed?.kind.blow === 'twice' ? await twice(port, effect) : await effect();
      this.#say('passed', boundary);
      this.#strike(port, reached, 'after');
      return result;
    } catch (error) {
      this.#say('failed', boundary, error);
      throw error;
    }
  }

  /** The same for a port whose calls answer at once. */
  #crossNow(what: string, effect: () => unknown): unknown {
    const reached = this.#reach(what);
    const { boundary } = reached;
    try {
      this.#strike('fence', reached, 'before');
      const result = effect();
      this.#say('passed', boundary);
      this.#strike('fence', reached, 'after');
      return result;
    } catch (error) {
      this.#say('failed', boundary, error);
      throw error;
    }
  }

  #reach(what: string): Reached {
    const phase = readFileSync(this.#files.phase, 'utf8');
    if (phase !== this.#phase) this.#counts.clear();
    this.#phase = phase;
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    const boundary = count === 1 ? what : `${what} #${count}`;
    this.#say('reached', boundary);
    return { boundary, armed: this.#armedAt(boundary) };
  }

  #armedAt(boundary: string): ArmedFault | undefined {
    return readArmed(this.#files.armed).find((fault) => fault.boundary === boundary);
  }

  /** Disarmed first, so that the process that comes after a killed one is not killed as well. */
  #strike(port: PortName, { boundary, armed }: Reached, moment: 'before' | 'after'): void {
    if (armed?.kind.moment !== moment) return;
    const others = readArmed(this.#files.armed).filter((fault) => fault.boundary !== boundary);
    replaceFile(this.#files.armed, JSON.stringify(others));
    this.#say('struck', boundary);
    deal(armed.kind.blow, port, boundary);
  }

  #say(event: 'reached' | 'passed' | 'struck' | 'failed', boundary: string, error?: unknown): void {
    const at = { phase: this.#phase, boundary, atMs: Math.round(performance.now()) };
    this.#write(event === 'failed' ? { event, ...at, error: String(error) } : { event, ...at });
  }

  #write(entry: JournalEntry): void {
    appendFileSync(this.#files.journal, `${JSON.stringify(entry)}\n`);
  }
}

/**
 * Who repeats a call of a port heeds the last answer. A request to the API is repeated behind the back of who sent it, as
 * by a proxy that took the first answer for lost; who sent it hears the first.
 */
async function twice(port: PortName, effect: () => unknown): Promise<unknown> {
  const first = await effect();
  if (port !== 'api') return effect();
  await Promise.resolve(effect()).catch(() => undefined);
  return first;
}

function deal(blow: Blow, port: PortName, boundary: string): void {
  switch (blow) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      return;
    case 'fail':
      throw port === 'api' ? brokenConnection() : new Error(`the crash test lets it fail: ${boundary}`);
    case 'clock ahead':
      return jumpClock(jumpMs);
    case 'clock back':
      return jumpClock(-jumpMs);
    case 'twice':
      return; // the effect itself is repeated
  }
}

/** What node:http says when the server is gone: nobody can tell from it whether the request was heard. */
const brokenConnection = (): Error => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
