/** What a campaign of seeds has met: every fault during every action, every branch of every planner. */
import { readFile } from 'node:fs/promises';
import {
  actionsMetBy,
  allMeetings,
  apiActions,
  hostActions,
  Meetings,
} from '../../src/simulation/meetings.ts';
import { faultKinds } from '../../src/simulation/fault-kinds.ts';
import { holes, type Unreached, unreachedByAll } from './planner-coverage.ts';

/** Of one process; a campaign is several. */
export interface CoverageReport {
  /** As `fault/action`, with how often. */
  meetings: [string, number][];
  unreached: Unreached;
}

export async function readReports(files: readonly string[]): Promise<CoverageReport[]> {
  return Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as CoverageReport));
}

/** @returns a table for people, and what was missed, a line each */
export function coverageOf(reports: readonly CoverageReport[]): { table: string; missed: string[] } {
  const meetings = new Meetings();
  for (const report of reports) meetings.addAll(report.meetings);
  const missed = allMeetings
    .filter(({ fault, action }) => meetings.count(fault, action) === 0)
    .map(({ fault, action }) => `no seed brought about "${fault}" during ${action}`);
  const unreached = holes(unreachedByAll(reports.map((report) => report.unreached)));
  return {
    table: table(meetings),
    missed: [...missed, ...unreached],
  };
}

const COLUMN = 6;

/** A row for each fault, a column for each action; `·` where the two cannot meet. */
function table(meetings: Meetings): string {
  const actions = [...hostActions, ...apiActions];
  const letter = (index: number): string => String.fromCharCode(97 + index);
  const width = Math.max(...faultKinds.map((fault) => fault.length));
  const head = ''.padEnd(width) + actions.map((_action, index) => letter(index).padStart(COLUMN)).join('');
  const rows = faultKinds.map((fault) => {
    const met = actionsMetBy(fault);
    const cells = actions.map((action) =>
      met.includes(action) ? String(meetings.count(fault, action)) : '·',
    );
    return fault.padEnd(width) + cells.map((cell) => cell.padStart(COLUMN)).join('');
  });
  const legend = actions.map((action, index) => `${letter(index)} ${action}`).join(', ');
  return ['How often each fault came while each action was under way:', head, ...rows, legend].join('\n');
}
