/** How large a value is or can be: all that the cost of an expression depends on. */
export interface Shape {
  /** The greatest number of characters, items or entries; 1 for anything else. */
  readonly size: number;
  /** Roughly how many characters the whole value has when written down. */
  total(): number;
  /** A list's items or a map's values, all of them seen as one. */
  values(): Shape;
  /** What a comprehension goes through: a list's items, a map's keys. */
  elements(): Shape;
  /** Undefined when there is no such field. */
  field(name: string): Shape | undefined;
}

/** Nothing larger can come in a request. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024;

/** A number, a boolean, a time: nothing to go through. */
export const scalar: Shape = {
  size: 1,
  total: () => 1,
  values: () => unknown,
  elements: () => unknown,
  field: () => unknown,
};

export const text = (size: number): Shape => ({ ...scalar, size, total: () => size });

/** A value about which nothing is said may be as large as a request. */
export const unknown: Shape = {
  size: MAX_REQUEST_BYTES,
  total: () => MAX_REQUEST_BYTES,
  values: () => unknown,
  elements: () => unknown,
  field: () => unknown,
};

export const list = (size: number, item: Shape): Shape => ({
  size,
  total: once(() => size * (item.total() + 1)),
  values: () => item,
  elements: () => item,
  field: () => unknown,
});

/** The shape that covers both. */
export function either(a: Shape, b: Shape): Shape {
  // Each part is looked at once: in shapes made of shapes made of shapes the work would double with every step.
  const fields = new Map<string, Shape | undefined>();
  return {
    size: Math.max(a.size, b.size),
    total: once(() => Math.max(a.total(), b.total())),
    values: once(() => either(a.values(), b.values())),
    elements: once(() => either(a.elements(), b.elements())),
    field: (name) => {
      if (!fields.has(name)) {
        const [left, right] = [a.field(name), b.field(name)];
        fields.set(name, left && right ? either(left, right) : (left ?? right));
      }
      return fields.get(name);
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** The shape of CEL values that are there; of several, what covers them all. */
export function shapeOf(values: readonly unknown[]): Shape {
  return {
    size: values.reduce<number>((most, value) => Math.max(most, sizeOf(value)), 0),
    total: () => values.reduce<number>((most, value) => Math.max(most, totalOf(value)), 0),
    values: () => shapeOf(values.flatMap(partsOf)),
    elements: () =>
      shapeOf(values.flatMap((value) => (isRecord(value) ? Object.keys(value) : partsOf(value)))),
    field: (name) =>
      shapeOf(values.flatMap((value) => (isRecord(value) && name in value ? [value[name]] : []))),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return !(value instanceof Date) && !(value instanceof Uint8Array);
}

function partsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return isRecord(value) ? Object.values(value) : [];
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return isRecord(value) ? Object.keys(value).length : 1;
}

function totalOf(value: unknown): number {
  const own = typeof value === 'string' || value instanceof Uint8Array ? value.length : 1;
  return partsOf(value).reduce<number>((sum, part) => sum + totalOf(part), own);
}
