/**
 * The order in which Kubernetes ranks API versions, best first: stable before beta before alpha, higher numbers
 * before lower ones, and names of any other form last, in alphabetical order.
 */
export function byPriority(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : Number(a > b);
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
}

const STAGES = ['alpha', 'beta', undefined];

function rank(version: string): { stage: number; major: number; minor: number } | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (!match) return undefined;
  return { stage: STAGES.indexOf(match[2]), major: Number(match[1]), minor: Number(match[3] ?? 0) };
}
