import { changeClasses } from './generator/values.ts';
import type { Result } from './play.ts';

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

function columns(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The story of one that went wrong, and how to see it again. */
export function complaint({ transition: { name }, reception, faults }: Result): string {
  const lines = faults.map((fault) => `    ${fault.length > 400 ? `${fault.slice(0, 400)}…` : fault}`);
  const command = `npm run test:campaign -- --only '${name.replaceAll("'", String.raw`'\''`)}'`;
  return [`✗ ${name}`, `  S1 was ${reception}`, ...lines, `  ${command}`].join('\n');
}
