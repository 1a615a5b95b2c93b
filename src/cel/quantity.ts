/** Kubernetes quantities with exact arithmetic: k8s.io/apimachinery/pkg/api/resource. */

const BINARY: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const SYNTAX = /^([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d{1,3})$/;
/** Kubernetes keeps nine fractional digits. */
const SCALE = 9;
const ONE = 10n ** BigInt(SCALE);
const MAX_INT64 = 2n ** 63n - 1n;

export class Quantity {
  /** The amount in billionths. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  /** Undefined for what is not a quantity. */
  static parse(text: string): Quantity | undefined {
    const match = SYNTAX.exec(text);
    if (!match) return undefined;
    const [, sign, digits = '', suffix = ''] = match;
    const [whole = '', fraction = ''] = digits.split('.');
    const unscaled = BigInt(whole + fraction);
    const exponent = /^[eE]./.test(suffix) ? Number(suffix.slice(1)) : (DECIMAL[suffix] ?? 0);
    const shifted = scaled(unscaled << BigInt(BINARY[suffix] ?? 0), exponent - fraction.length + SCALE);
    return new Quantity(sign === '-' ? -shifted : shifted);
  }

  compareTo(other: Quantity): bigint {
    return this.nanos < other.nanos ? -1n : this.nanos > other.nanos ? 1n : 0n;
  }

  get isInteger(): boolean {
    return this.nanos % ONE === 0n && this.nanos / ONE <= MAX_INT64 && this.nanos / ONE >= -MAX_INT64 - 1n;
  }

  /** Throws when the amount is not a 64-bit integer. */
  asInteger(): bigint {
    if (!this.isInteger) throw new RangeError('cannot convert value to integer');
    return this.nanos / ONE;
  }

  asApproximateFloat(): number {
    return Number(this.nanos) / Number(ONE);
  }

  sign(): bigint {
    return this.nanos > 0n ? 1n : this.nanos < 0n ? -1n : 0n;
  }
}

/** unscaled × 10^exponent, rounded up as Kubernetes does for what it cannot hold. */
function scaled(unscaled: bigint, exponent: number): bigint {
  if (exponent >= 0) return unscaled * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (unscaled + divisor - 1n) / divisor;
}
