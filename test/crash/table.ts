/** Boundary × kind of fault × result, for people. */
import type { Findings } from './campaign.ts';
import type { Ending } from './disturbed-life.ts';
import { type FaultName, faultKinds, placeOf } from './faults.ts';
import { untried } from './soundness.ts';

const marks: Record<Ending['result'], string> = { 'as clean': '✓', 'not reached': '?', broken: '✗' };
const notPlanned = '·';

/** A line for each boundary, a column for each kind of fault, and what is to be said of all. */
export function tableOf(findings: Findings): string {
  const { tried, unexplained, unreached = [] } = findings;
  const kinds = (Object.keys(faultKinds) as FaultName[]).filter((kind) =>
    tried.some(({ fault }) => fault.kind === kind),
  );
  const places = [...new Set(tried.map(({ fault }) => placeOf(fault.boundary)))];
  const endingOf = new Map(
    tried.map(({ fault, ending }) => [`${placeOf(fault.boundary)}\n${fault.kind}`, ending]),
  );
  const rows = places.map((place) => {
    const cells = kinds.map((kind) => {
      const ending = endingOf.get(`${place}\n${kind}`);
      return ending ? marks[ending.result] : notPlanned;
    });
    return `${cells.join(' ')}  ${place}`;
  });
  const count = (result: Ending['result'], kind?: FaultName): number =>
    tried.filter(({ fault, ending }) => ending.result === result && (kind ?? fault.kind) === fault.kind)
      .length;
  const totals = kinds.map((kind, index) => {
    const results = (Object.keys(marks) as Ending['result'][]).filter((result) => count(result, kind) > 0);
    const words = results.map((result) => `${count(result, kind)} ${result}`);
    return `${'| '.repeat(index)}${kind}: ${words.join(', ')}`;
  });
  return [
    ...totals,
    ...rows,
    '',
    `✓ as in a clean life, ✗ broken, ? not reached, · not planned; ${places.length} boundaries`,
    ...dropped(findings),
    ...(unreached.length > 0 ? [`no boundary belongs to these actions: ${unreached.join(', ')}`] : []),
    `${tried.length} faults: ${count('as clean')} ended as in a clean life, ${count('broken')} broken, ${count('not reached')} not reached (${untried(findings).length} of them nowhere else either); ${unexplained.length} lives broke otherwise`,
  ].join('\n');
}

/** For each course how many boundaries were left out, and which. */
function dropped({ sometimes }: Findings): string[] {
  return [...Map.groupBy(sometimes, ({ course }) => course)].flatMap(([course, boundaries]) => [
    `${course} lives: ${boundaries.length} boundaries are not planned, since not every clean life has them:`,
    ...boundaries.map((boundary) => `  ${placeOf(boundary)}`),
  ]);
}
