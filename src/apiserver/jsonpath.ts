/**
 * The JSONPath subset that printer columns and selectable fields use: `.a.b`, `['a.b']`, `.a\.b`, `[0]`,
 * `[*]` and `[?(@.type=="Ready")]`.
 */
type Step = (values: unknown[]) => unknown[];

const field =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => {
      const found = isRecord(value) ? value[name] : undefined;
      return found === undefined ? [] : [found];
    });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const STEPS: [RegExp, (match: RegExpExecArray) => Step][] = [
  [/^\.((?:\\.|[^.[\\])+)/, (m) => field((m[1] ?? '').replace(/\\(.)/g, '$1'))],
  [/^\[['"](.+?)['"]\]/, (m) => field(m[1] ?? '')],
  [
    /^\[(-?\d+)\]/,
    (m) => (values) => values.flatMap((v) => (Array.isArray(v) ? v.slice(Number(m[1])).slice(0, 1) : [])),
  ],
  [
    /^\[\*\]/,
    () => (values) => values.flatMap((v) => (Array.isArray(v) ? v : isRecord(v) ? Object.values(v) : [])),
  ],
  [
    /^\[\?\(\s*@((?:\.[\w-]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\s*\)\]/,
    (m) => {
      const inner = compileJsonPath(m[1] ?? '');
      const wanted = m[3] ?? m[4] ?? m[5] ?? '';
      return (values) =>
        values.flatMap((value) =>
          (Array.isArray(value) ? value : []).filter(
            (item: unknown) => (String(inner(item)[0]) === wanted) === (m[2] === '=='),
          ),
        );
    },
  ],
];

/** Compiles a path to a function that returns all matching values. Throws on syntax beyond the subset. */
export function compileJsonPath(path: string): (root: unknown) => unknown[] {
  const steps: Step[] = [];
  let rest = path.replace(/^\{?\$?/, '').replace(/\}$/, '');
  if (rest !== '' && !/^[.[]/.test(rest)) rest = `.${rest}`;
  while (rest !== '') {
    const before = rest;
    for (const [pattern, step] of STEPS) {
      const match = pattern.exec(rest);
      if (!match) continue;
      steps.push(step(match));
      rest = rest.slice(match[0].length);
      break;
    }
    if (rest === before) throw new Error(`unsupported JSONPath ${path} at ${rest}`);
  }
  return (root) => steps.reduce((values, step) => step(values), [root]);
}
