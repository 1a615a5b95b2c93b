/** Those who were not let in: what they send must not push what others did out of the log. */

/** Enough to see who knocks and how; so many a second that all files of the log last for hours. */
const LINES_IN_A_SECOND = 20;
export const STRANGERS_LIMITS = { uri: 256, userAgent: 128 };

export class Strangers {
  readonly #nowMs: () => number;
  #secondBegan = -Infinity;
  #lines = 0;
  #leftOut = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether one more is to be noted; if so, how many were left out since the last that was. */
  admit(): { readonly leftOut: number } | 'leave out' {
    const nowMs = this.#nowMs();
    if (nowMs - this.#secondBegan >= 1000) {
      this.#secondBegan = nowMs;
      this.#lines = 0;
    }
    if (this.#lines >= LINES_IN_A_SECOND) {
      this.#leftOut += 1;
      return 'leave out';
    }
    this.#lines += 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return { leftOut };
  }
}
