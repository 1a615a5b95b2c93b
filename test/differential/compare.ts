import { knownDifference } from './differences.ts';
import type { Known } from './differences.ts';
import type { Answers } from './run.ts';
import type { Answer } from './scenario.ts';

/** Where two answers differ. */
export interface Difference {
  /** Like `body.metadata.labels.app`, `status`, or `headers.warning`. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export const compareAnswers = (expected: Answer, actual: Answer): Difference[] => [
  ...differences('status', expected.status, actual.status),
  ...differences('headers', expected.headers, actual.headers),
  ...differences('body', expected.body, actual.body),
];

function differences(path: string, expected: unknown, actual: unknown): Difference[] {
  if (Object.is(expected, actual)) return [];
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length)
    return expected.flatMap((item, index) => differences(`${path}.${index}`, item, actual[index]));
  if (isRecord(expected) && isRecord(actual)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
    return keys.flatMap((key) => differences(`${path}.${key}`, expected[key], actual[key]));
  }
  return [{ path, expected, actual }];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface Disagreement extends Difference {
  readonly step: string;
  /** What says why, if somebody knows of it. */
  readonly known: Known | undefined;
}

/** Where a scenario's answers are not what is expected, those differences among them that are known. */
export function disagreements(scenario: string, expected: Answers, actual: Answers): Disagreement[] {
  return Object.entries(expected).flatMap(([step, answer]) => {
    const given = actual[step];
    if (!given) return [{ step, path: 'answer', expected: answer, actual: undefined, known: undefined }];
    return compareAnswers(answer, given).map((difference) => ({
      step,
      ...difference,
      known: knownDifference(scenario, step, difference.path),
    }));
  });
}
