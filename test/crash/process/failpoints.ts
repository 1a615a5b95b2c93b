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
          return name === 'fence' ? this.#crossNow(what, effect) : this.#cross(what, effect);
        };
      },
    });

  async #cross(what: string, effect: () => unknown): Promise<unknown> {
    const { boundary, armed } = this.#reach(what);
    try {
      this.#strike(boundary, armed, 'before');
      if (armed?.kind.blow === 'twice') await effect();
      const result = await effect();
      this.#say('passed', boundary);
      this.#strike(boundary, armed, 'after');
      return result;
    } catch (error) {
      this.#say('failed', boundary, error);
      throw error;
    }
  }

  /** The same for a port whose calls answer at once. */
  #crossNow(what: string, effect: () => unknown): unknown {
    const { boundary, armed } = this.#reach(what);
    try {
      this.#strike(boundary, armed, 'before');
      if (armed?.kind.blow === 'twice') effect();
      const result = effect();
      this.#say('passed', boundary);
      this.#strike(boundary, armed, 'after');
      return result;
    } catch (error) {
      this.#say('failed', boundary, error);
      throw error;
    }
  }

  #reach(what: string): { boundary: string; armed: ArmedFault | undefined } {
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
  #strike(boundary: string, armed: ArmedFault | undefined, moment: 'before' | 'after'): void {
    if (armed?.kind.moment !== moment) return;
    const others = readArmed(this.#files.armed).filter((fault) => fault.boundary !== boundary);
    replaceFile(this.#files.armed, JSON.stringify(others));
    this.#say('struck', boundary);
    deal(armed.kind.blow, boundary);
  }

  #say(event: 'reached' | 'passed' | 'struck' | 'failed', boundary: string, error?: unknown): void {
    const at = { phase: this.#phase, boundary, atMs: Math.round(performance.now()) };
    this.#write(event === 'failed' ? { event, ...at, error: String(error) } : { event, ...at });
  }

  #write(entry: JournalEntry): void {
    appendFileSync(this.#files.journal, `${JSON.stringify(entry)}\n`);
  }
}

function deal(blow: Blow, boundary: string): void {
  switch (blow) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      return;
    case 'fail':
      throw new Error(`the crash test lets it fail: ${boundary}`);
    case 'clock ahead':
      return jumpClock(jumpMs);
    case 'clock back':
      return jumpClock(-jumpMs);
    case 'twice':
      return; // the effect itself is repeated
  }
}
