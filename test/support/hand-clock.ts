import type { Cancel, Clock } from '../../src/clock/clock.ts';
import { settled } from '../../src/simulation/scheduler.ts';

interface Timer {
  atMs: number;
  callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class HandClock implements Clock {
  #nowMs = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  uptimeMs(): number {
    return this.monotonicMs();
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Timers that have not fired. */
  get waiting(): number {
    return this.#timers.length;
  }

  after(delayMs: number, callback: () => void): Cancel {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass: each timer fires when it is due, and what follows from it settles before time goes on. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    let fired = 0;
    for (let due = this.#takeDue(untilMs); due; due = this.#takeDue(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
      // What asks to be called at once, again and again, would never let time go on.
      if ((fired += 1) > 10_000) throw new Error(`time stands still at ${this.#nowMs} ms`);
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** As for a program that was stopped meanwhile: it finds all its timers overdue when it goes on. */
  async jump(durationMs: number): Promise<void> {
    this.#nowMs += durationMs;
    await this.pass(0);
  }

  #takeDue(untilMs: number): Timer | undefined {
    const due = this.#timers.filter(({ atMs }) => atMs <= untilMs);
    const first = due.reduce<Timer | undefined>(
      (earliest, each) => (earliest && earliest.atMs <= each.atMs ? earliest : each),
      undefined,
    );
    this.#timers = this.#timers.filter((other) => other !== first);
    return first;
  }
}
