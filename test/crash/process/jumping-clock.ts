/** The wall clock of a process, which can be set; what lasts (timers, `performance.now`) goes on as ever, as in a real jump. */

let offsetMs = 0;
const SystemDate = Date;

class JumpingDate extends SystemDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(JumpingDate.now());
    else super(...(given as [number]));
  }

  static override now(): number {
    return SystemDate.now() + offsetMs;
  }
}

/** Must come before anything keeps `Date.now` for itself. */
export function installJumpingClock(): void {
  globalThis.Date = JumpingDate as DateConstructor;
}

export function jumpClock(byMs: number): void {
  offsetMs += byMs;
}
