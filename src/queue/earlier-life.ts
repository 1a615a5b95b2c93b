import type { Version } from './snapshot-fields.ts';

/** Longer than any sign of life lasts that is not renewed, with room for a Redis that is read late. */
export const earlierLifeMs = 30_000;

/**
 * Publications of an earlier start of an agent come out of an older copy of Redis, or from an agent that counts its
 * starts from an older copy of its own disk. Only the second kind goes on giving signs of life: those that came with an
 * older Redis run out, and an agent of a later start that lives takes the place of what is older within seconds.
 */
export class EarlierLife {
  readonly #afterMs: number;
  #incarnation: string | undefined;
  #since = 0;

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /**
   * To be asked at each look.
   *
   * @param lifeSign what the agent said last when it gave a sign of life: its version; nothing when that has run out
   * @param nowMs of a clock that never jumps
   * @returns whether the publication is of an agent that lives
   */
  isAlive({ incarnation }: Version, lifeSign: Version | undefined, nowMs: number): boolean {
    if (lifeSign?.incarnation !== incarnation) return this.forget();
    if (this.#incarnation !== incarnation) {
      this.#incarnation = incarnation;
      this.#since = nowMs;
    }
    return nowMs - this.#since >= this.#afterMs;
  }

  /** What was seen so far says nothing any more. */
  forget(): false {
    this.#incarnation = undefined;
    return false;
  }
}
