/** Which branches of the planners ran, as V8 counts blocks; merged over processes, character by character. */
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkout } from '../lib/checkout.ts';
import { excuses } from './excuses.ts';

/** File below the checkout → the ranges of its characters (from, to) that never ran. */
export type Unreached = Record<string, [number, number][]>;

/** Everything that decides: planners with what they gather and tell. What executes is not of it, nor are types. */
const planners: readonly string[] = [
  ...filesBelow('src/kinds').filter(
    (file) => !/\/(?:execut\w*(?:-registry)?|domain|registry|input)\.ts$/.test(file),
  ),
  ...['known-hosts', 'outcome', 'ready', 'redirected', 'removal', 'underway', 'whereabouts'].map(
    (name) => `src/plan/${name}.ts`,
  ),
  'src/schedule/schedule.ts',
];

function filesBelow(directory: string): string[] {
  return readdirSync(join(checkout, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${directory}/${name}`)
    .sort();
}

/** Counts from here on; call before the planners are imported, since what ran before is not seen. */
export class PlannerCoverage {
  readonly #session = new Session();

  static async begin(): Promise<PlannerCoverage> {
    const coverage = new PlannerCoverage();
    coverage.#session.connect();
    await coverage.#session.post('Profiler.enable');
    await coverage.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
    return coverage;
  }

  async unreached(): Promise<Unreached> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const byUrl = new Map(result.map(({ url, functions }) => [url, functions]));
    return Object.fromEntries(
      planners.map((file) => {
        const source = readFileSync(join(checkout, file), 'utf8');
        const reached = new Uint8Array(source.length);
        // Outer ranges come before those in them: the innermost decides.
        for (const { ranges } of byUrl.get(pathToFileURL(join(checkout, file)).href) ?? []) {
          for (const { startOffset, endOffset, count } of ranges)
            reached.fill(Math.min(count, 1), startOffset, endOffset);
        }
        return [file, unsetRanges(reached)];
      }),
    );
  }
}

function unsetRanges(reached: Uint8Array): [number, number][] {
  const ranges: [number, number][] = [];
  for (let from = reached.indexOf(0); from !== -1; ) {
    const to = reached.indexOf(1, from);
    ranges.push([from, to === -1 ? reached.length : to]);
    from = to === -1 ? -1 : reached.indexOf(0, to);
  }
  return ranges;
}

/** What none of them reached. */
export function unreachedByAll(reports: readonly Unreached[]): Unreached {
  return Object.fromEntries(
    planners.map((file) => {
      const length = readFileSync(join(checkout, file), 'utf8').length;
      const reached = new Uint8Array(length);
      for (const report of reports) {
        const missed = new Uint8Array(length);
        for (const [from, to] of report[file] ?? []) missed.fill(1, from, to);
        for (let index = 0; index < length; index += 1) if (!missed[index]) reached[index] = 1;
      }
      return [file, unsetRanges(reached)];
    }),
  );
}

/**
 * Each hole as `file:line  text`, but for those with an excuse; one that holds nothing but white space and punctuation
 * is none. An excuse that is not needed is told, too: it would hide the next hole.
 */
export function holes(unreached: Unreached): string[] {
  const unused = new Set(excuses);
  const found = Object.entries(unreached).flatMap(([file, ranges]) => {
    const source = readFileSync(join(checkout, file), 'utf8');
    return ranges.flatMap(([from, to]) => {
      const text = source.slice(from, to);
      if (!/\w/.test(text)) return [];
      const words = text.trim().replace(/\s+/g, ' ');
      const excuse = excuses.find((each) => each.file === file && each.text === words);
      if (excuse && unused.delete(excuse)) return [];
      const line = source.slice(0, from + text.search(/\S/)).split('\n').length;
      return [`no seed reached ${file}:${line}  ${words.slice(0, 110)}`];
    });
  });
  const idle = [...unused].map(({ file, text }) => `${file}  ${text.slice(0, 110)}`);
  return [...found, ...idle.map((excuse) => `no excuse is needed for ${excuse}`)];
}
