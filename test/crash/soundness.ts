/** Whether a campaign shows what it is there to show. */
import type { Findings } from './campaign.ts';
import { type Fault, placeOf } from './faults.ts';

/**
 * What one write tells at once, another life tells in two pieces, or once more: a count, and what a status happens to
 * say with it, depend on who was faster.
 */
const chance = /(?<=api\.status) .*$| #\d+$/;

/** The boundary's write, whatever it happens to join and how often it came before. */
const writeOf = ({ boundary, kind }: Fault): string =>
  `${placeOf({ ...boundary, name: boundary.name.replace(chance, '') })}: ${kind}`;

/** Faults whose boundary no life reached, nor did the same befall the same write at another boundary of the phase. */
export function untried({ tried }: Findings): Fault[] {
  const befell = new Set(
    tried.flatMap(({ fault, ending }) => (ending.result === 'not reached' ? [] : [writeOf(fault)])),
  );
  return tried
    .filter(({ fault, ending }) => ending.result === 'not reached' && !befell.has(writeOf(fault)))
    .map(({ fault }) => fault);
}

/** Faults that did not end as in a clean life. */
export const broken = ({ tried }: Findings): Fault[] =>
  tried.filter(({ ending }) => ending.result === 'broken').map(({ fault }) => fault);

/** Whether every fault was tried, every life ended as a clean one, and no action was left out that should be there. */
export const isSound = (findings: Findings): boolean =>
  findings.tried.length > 0 &&
  !findings.interrupted &&
  findings.unexplained.length === 0 &&
  (findings.unreached ?? []).length === 0 &&
  broken(findings).length === 0 &&
  untried(findings).length === 0;
