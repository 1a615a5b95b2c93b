import type { Cancel, Clock } from '../clock/clock.ts';
import type { Random } from './random.ts';

/** Something that can happen next. */
interface Task {
  label: string;
  process: Process | undefined;
  run: () => void;
}

interface Timer extends Task {
  at: number;
}

/** Where a simulated world begins: 2026-01-01, so that times in status fields look like times. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * Decides what happens next. Everything that takes time in a simulated world (a request, its answer, an effect on a
 * host, a timer) waits here as a task, and one seeded choice after another runs them. Between two tasks all promises
 * that can settle do, so a seed leads to the same story each time.
 */
export class Scheduler {
  readonly #random: Random;
  readonly #onStep: (label: string) => void;
  readonly #ready: Task[] = [];
  readonly #timers: Timer[] = [];
  #nowMs = 0;
  #steps = 0;

  /** @param onStep told of every task before it runs */
  constructor(random: Random, onStep: (label: string) => void) {
    this.#random = random;
    this.#onStep = onStep;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Nothing but timers waits. */
  get idle(): boolean {
    return this.#ready.length === 0;
  }

  /** @returns how long something takes */
  between(shortestMs: number, longestMs: number): number {
    return shortestMs + this.#random.below(longestMs - shortestMs);
  }

  /** Lets `run` happen some time from now. */
  add(label: string, process: Process | undefined, run: () => void): void {
    this.#ready.push({ label, process, run });
  }

  after(label: string, delayMs: number, process: Process | undefined, run: () => void): Cancel {
    const timer: Timer = { label, process, run, at: this.#nowMs + Math.max(0, delayMs) };
    const index = this.#timers.findIndex((each) => each.at > timer.at);
    this.#timers.splice(index === -1 ? this.#timers.length : index, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at !== -1) this.#timers.splice(at, 1);
    };
  }

  /** What belonged to a process that died never happens. */
  forget(process: Process): void {
    for (const tasks of [this.#ready, this.#timers]) {
      for (let index = tasks.length - 1; index >= 0; index -= 1) {
        if (tasks[index]?.process === process) tasks.splice(index, 1);
      }
    }
  }

  /**
   * Runs one task: any that waits or is due, or the next timer when there is none (and now and then although there is:
   * whatever waits may take long).
   *
   * @returns whether anything was left to run
   */
  async step(): Promise<boolean> {
    const task = this.#next();
    if (!task) return false;
    this.#steps += 1;
    this.#nowMs += 1;
    this.#onStep(task.label);
    task.run();
    await settled();
    return true;
  }

  #next(): Task | undefined {
    const runnable = ({ process }: Task): boolean => !process?.frozen;
    const ready = this.#ready.every(runnable) ? this.#ready : this.#ready.filter(runnable);
    const timer = this.#timers.find(runnable);
    const due = timer !== undefined && timer.at <= this.#nowMs;
    // A timer that is due takes its chance among the others; one that is not makes the time pass.
    const useTimer = timer && this.#random.chance(due ? 1 / (ready.length + 1) : ready.length > 0 ? 0.01 : 1);
    if (useTimer) {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      this.#nowMs = Math.max(this.#nowMs, timer.at);
      return timer;
    }
    if (ready.length === 0) return undefined;
    const task = this.#random.pick(ready);
    this.#ready.splice(this.#ready.indexOf(task), 1);
    return task;
  }
}

/** Resolves when every promise that can settle has: microtasks run before the next turn of the event loop. */
export const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** A computer program that can die at any step; nothing of it happens afterwards. */
export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #onDeath: (() => void)[] = [];
  #alive = true;
  /** How far its wall clock is off. */
  skewMs = 0;
  /** Stopped as by SIGSTOP: its tasks wait, its timers are overdue when it goes on. */
  frozen = false;
  /** The network lets it through to the API server. */
  reachesApi = true;

  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.#scheduler = scheduler;
    this.clock = {
      now: () => EPOCH_MS + scheduler.nowMs + this.skewMs,
      monotonicMs: () => scheduler.nowMs,
      uptimeMs: () => scheduler.nowMs,
      after: (delayMs, callback) =>
        this.#alive ? scheduler.after(`${name}: timer`, delayMs, this, callback) : () => undefined,
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Resolves when the scheduler comes to it; never, once the process is dead. */
  step(label: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#alive) this.#scheduler.add(`${this.name}: ${label}`, this, resolve);
    return promise;
  }

  /** Resolves when what was sent arrives: that happens also when the sender is frozen or dead by then. */
  sent(label: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#alive) this.#scheduler.add(`${this.name}: ${label}`, undefined, resolve);
    return promise;
  }

  /** Calls back in a step of its own, unless the process is dead by then. */
  soon(label: string, callback: () => void): void {
    if (this.#alive) this.#scheduler.add(`${this.name}: ${label}`, this, callback);
  }

  /** Calls back later, also when the process is frozen or dead by then: others do it, in a time between these two. */
  leaves(label: string, [shortestMs, longestMs]: readonly [number, number], callback: () => void): void {
    const delayMs = this.#scheduler.between(shortestMs, longestMs);
    if (this.#alive) this.#scheduler.after(label, delayMs, undefined, callback);
  }

  /** Resolves after a time between these two; never, once the process is dead. */
  waits(shortestMs: number, longestMs: number): Promise<void> {
    const delayMs = this.#scheduler.between(shortestMs, longestMs);
    return new Promise((resolve) => void this.clock.after(delayMs, resolve));
  }

  onDeath(callback: () => void): void {
    this.#onDeath.push(callback);
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#scheduler.forget(this);
    for (const callback of this.#onDeath.splice(0)) callback();
  }
}
