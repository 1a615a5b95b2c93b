import type { Transition } from '../generator/transitions.ts';

/** Of pairs one in so many. */
const PAIRS = 45;
/** Of those that delete everything one in so many. */
const MADE_ANEW = 40;

/**
 * What is played for real: each field of each kind once for each class of change and answer, and reverted; of pairs, and
 * of what is deleted and made anew, each so-manieth. Neighbours begin from the same base.
 */
export function chosenForReal(all: readonly Transition[]): Transition[] {
  const seen = new Set<string>();
  const each = (route: string, nth: number): Transition[] =>
    all.filter((transition) => transition.route === route).filter((_, index) => index % nth === 0);
  const singles = all.filter(({ kind, route, changeClass, patterns, refused }) => {
    if (route !== 'reverted') return false;
    const key = [kind, ...patterns, changeClass, refused].join(' ');
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const chosen = [
    ...singles,
    ...each('together', PAIRS),
    ...each('one after the other', PAIRS),
    ...each('deleted and made anew', MADE_ANEW),
  ];
  const place = ({ kind, base }: Transition): string => `${kind} ${base}`;
  return chosen.sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}
