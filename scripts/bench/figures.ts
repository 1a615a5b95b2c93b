/** Figures of one run as a Markdown table. */
export interface Figure {
  what: string;
  value: string;
  /** What it is compared with, in the same run. */
  against?: string;
  aim?: string;
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1);
  return sorted[Math.max(0, index)] ?? Number.NaN;
}

export const milliseconds = (value: number): string => `${Math.round(value).toLocaleString('en')} ms`;

export function markdown(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, against, aim }) => [what, value, against ?? '', aim ?? '']);
  return table(['what', 'Purlin', 'by hand, same run', 'aim'], rows);
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
