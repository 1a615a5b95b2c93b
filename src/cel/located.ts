/** A fault of compilation at its place in the text, in the layout of cel-go. */
export function located(text: string, position: number, message: string): string {
  const before = text.slice(0, position).split('\n');
  const column = before.at(-1)?.length ?? 0;
  const line = text.split('\n')[before.length - 1] ?? '';
  const mark = `${'.'.repeat(column)}^`;
  return `compilation failed: ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${line}\n | ${mark}`;
}
