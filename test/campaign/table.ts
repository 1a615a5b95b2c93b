import { changeClasses } from './generator/values.ts';
import { comparisons, type Result } from './play.ts';

/** Kind × class of change × what the API and Purlin made of it, with totals, as text. */
export function table(results: readonly Result[]): string {
  const kinds = [...new Set(results.map(({ transition }) => transition.kind))];
  const rows = kinds.flatMap((kind) =>
    [...changeClasses, 'pair' as const].flatMap((changeClass) => {
      const of = results.filter(
        ({ transition }) => transition.kind === kind && transition.changeClass === changeClass,
      );
      return of.length === 0 ? [] : [row(kind, changeClass, of)];
    }),
  );
  return columns([
    ['kind', 'change', 'played', 'accepted', 'refused', 'blocked', 'at fault'],
    ...rows,
    row('all', '', results),
  ]);
}

function row(kind: string, changeClass: string, results: readonly Result[]): string[] {
  const count = (matches: (result: Result) => boolean): string => String(results.filter(matches).length);
  return [
    kind,
    changeClass,
    String(results.length),
    count(({ reception }) => reception === 'accepted'),
    count(({ reception }) => reception === 'refused'),
    count(({ reception }) => reception === 'blocked'),
    count(({ faults }) => faults.length > 0),
  ];
}

/** How often two worlds were compared that have to be alike, and why not where they were not, as text. */
export function comparisonTable(results: readonly Result[]): string {
  const all = results.flatMap(({ transition: { kind }, comparisons: made }) =>
    made.map((comparison) => ({ kind, ...comparison })),
  );
  const rows = comparisons.flatMap((what) =>
    [...new Set(all.map(({ kind }) => kind))].flatMap((kind) => {
      const of = all.filter((each) => each.what === what && each.kind === kind);
      const skipped = of.flatMap(({ skipped: why }) => why ?? []);
      return of.length === 0
        ? []
        : [[kind, what, String(of.length - skipped.length), String(skipped.length), reasons(skipped)]];
    }),
  );
  return columns([['kind', 'comparison', 'made', 'skipped', 'because'], ...rows]);
}

const reasons = (skipped: readonly string[]): string =>
  [...new Set(skipped)].map((why) => `${why} (${skipped.filter((each) => each === why).length})`).join(', ');

/** Kinds that went from one spec on to another, and of which no end was ever compared. */
export const neverCompared = (results: readonly Result[]): string[] =>
  [...new Set(results.map(({ transition }) => transition.kind))].filter((kind) => {
    const ends = results
      .filter(({ transition }) => transition.kind === kind)
      .flatMap(({ comparisons: all }) => all.filter(({ what }) => what === 'S2'));
    return ends.length > 0 && ends.every(({ skipped }) => skipped !== undefined);
  });

function columns(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          isText(rows, column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const isText = (rows: readonly string[][], column: number): boolean =>
  rows.slice(1).some((cells) => Number.isNaN(Number(cells[column])));

/** The story of one that went wrong, and how to see it again. */
export function complaint({ transition: { name }, reception, faults }: Result): string {
  const lines = faults.map((fault) => `    ${fault.length > 400 ? `${fault.slice(0, 400)}…` : fault}`);
  const command = `npm run test:campaign -- --only '${name.replaceAll("'", String.raw`'\''`)}'`;
  return [`✗ ${name}`, `  S1 was ${reception}`, ...lines, `  ${command}`].join('\n');
}
