import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Answers } from './run.ts';

const fileOf = (scenario: string): URL => new URL(`./expectations/${scenario}.json`, import.meta.url);

/** What a genuine server answered, as recorded. Throws if it never was. */
export async function readExpectations(scenario: string): Promise<Answers> {
  return JSON.parse(await readFile(fileOf(scenario), 'utf8')) as Answers;
}

export async function recordExpectations(scenario: string, answers: Answers): Promise<void> {
  await mkdir(new URL('./expectations/', import.meta.url), { recursive: true });
  await writeFile(fileOf(scenario), `${JSON.stringify(sorted(answers), undefined, 1)}\n`);
}

/** Fields in an order that does not depend on the server; steps as they were played. */
const sorted = (answers: Answers): unknown =>
  Object.fromEntries(Object.entries(answers).map(([step, answer]) => [step, sortedValue(answer)]));

function sortedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortedValue(item)]),
  );
}
