/** Whether two values are the same as JSON: the order of members and undefined members do not count. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => equalJson(item, b[index]));
  }
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const has = (object: Record<string, unknown>, key: string): boolean =>
    Object.hasOwn(object, key) && object[key] !== undefined;
  return (
    Object.keys(one).every((key) =>
      has(one, key) ? has(other, key) && equalJson(one[key], other[key]) : !has(other, key),
    ) && Object.keys(other).every((key) => has(one, key) || !has(other, key))
  );
}
