export const MEBIBYTE = 2 ** 20;

const FACTORS: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: MEBIBYTE,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * Bytes of a Kubernetes quantity (`256Mi`, `1.5G`, `1048576`), rounded up.
 * @throws RangeError for anything else; the API admits only what this reads.
 */
export function quantityBytes(quantity: string | number): number {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(String(quantity));
  const factor = FACTORS[match?.[2] ?? ''];
  if (!match || factor === undefined) throw new RangeError(`not a quantity of bytes: ${quantity}`);
  return Math.ceil(Number(match[1]) * factor);
}

const SECTOR = 512;

/** Bytes of a disk of that size: a guest sees whole sectors, so the quantity is rounded up to one. */
export const diskBytes = (quantity: string | number): number =>
  Math.ceil(quantityBytes(quantity) / SECTOR) * SECTOR;

/** A quantity in the largest binary unit that divides the bytes exactly, as kubectl users write it. */
export function formatBytes(bytes: number): string {
  for (const unit of ['Ti', 'Gi', 'Mi', 'Ki'] as const) {
    const factor = FACTORS[unit] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** A quantity for people: rounded down to whole units of at most four digits (`7936Mi`, `70Gi`). */
export function approximateBytes(bytes: number): string {
  for (const unit of ['Ki', 'Mi', 'Gi', 'Ti'] as const) {
    const amount = Math.floor(bytes / (FACTORS[unit] ?? 1));
    if (amount < 10_000) return `${amount}${unit}`;
  }
  return formatBytes(bytes);
}
