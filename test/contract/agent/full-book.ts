import type { Around } from '../../../src/values/around.ts';

/** The fence's records on a disk that is full at times. */
export class FullBook {
  full = false;
  /** Resolves when something was not recorded. */
  readonly refused: Promise<void>;
  readonly #refuse: () => void;
  readonly #call: string;

  /** @param call that finds no room */
  constructor(call: string) {
    this.#call = call;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.refused = promise;
    this.#refuse = resolve;
  }

  readonly around: Around = (name, port) => (name === 'fence' ? this.#limited(port) : port);

  #limited<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (!this.full || property !== this.#call)
            return (member as (...given: unknown[]) => unknown).apply(target, args);
          this.#refuse();
          throw new Error('database or disk is full');
        };
      },
    });
  }
}
