import type { Route, Transition } from '../generator/transitions.ts';
import type { Admittance } from '../simulated/admittance.ts';

/** Of those of a route that are let in, about one in so many of all. */
const strides = {
  together: 8,
  'one after the other': 70,
  'deleted and made anew': 75,
} as const satisfies Partial<Record<Route, number>>;

/**
 * What is played for real. Only what is let in reaches a host, so that is most of it: each field of each base once for
 * each class of change, and reverted; of pairs, and of what is deleted and made anew, a few; and each thing that can be
 * wrong with an Image, which cannot be changed and therefore is made so. What is refused never leaves the API server,
 * whose rules the simulated half plays in full: here each field is refused once by its schema and once by a rule.
 * Neighbours begin from the same base.
 */
export function chosenForReal(all: readonly Transition[], letsIn: Admittance): Transition[] {
  const reverted = all.filter(({ route }) => route === 'reverted');
  const admitted = new Set(reverted.filter(letsIn));
  const chosen = [
    ...firstOfEach([...admitted], ({ base, first, changeClass }) => [
      base,
      changeClass,
      ...first.flatMap(({ path }) => path),
    ]),
    ...firstOfEach(
      reverted.filter((each) => !admitted.has(each)),
      ({ patterns, refused }) => [...patterns, refused],
    ),
    ...Object.entries(strides).flatMap(([route, stride]) =>
      all
        .filter((each) => each.route === route)
        .filter((_, index) => index % stride === 0)
        .filter(letsIn),
    ),
    ...all.filter((each) => isWrongImage(each) && letsIn(each)),
  ];
  const place = ({ kind, base }: Transition): string => `${kind} ${base}`;
  return chosen.sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}

const isWrongImage = ({ kind, base, route, changeClass }: Transition): boolean =>
  kind === 'Image' && base === 'bare' && route === 'made, then mended' && changeClass === 'changed';

function firstOfEach(
  transitions: readonly Transition[],
  traits: (transition: Transition) => readonly unknown[],
): Transition[] {
  const seen = new Set<string>();
  return transitions.filter((transition) => {
    const key = [transition.kind, ...traits(transition)].join(' ');
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
