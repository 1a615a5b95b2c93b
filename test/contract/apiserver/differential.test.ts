/** The scripted requests of test/differential, against the answers that a genuine server gave to them. */
import { beforeAll, expect, jest, test } from '@jest/globals';
import { disagreements } from '../../differential/compare.ts';
import { DIFFERENCES, OPEN, covers } from '../../differential/differences.ts';
import { withEmbeddedServer } from '../../differential/embedded.ts';
import { readExpectations } from '../../differential/expectations.ts';
import { play } from '../../differential/run.ts';
import type { Answers } from '../../differential/run.ts';
import { SCENARIOS } from '../../differential/scenarios/index.ts';

jest.setTimeout(180_000);

let answers: Map<string, Answers>;
beforeAll(async () => {
  answers = await withEmbeddedServer((server) => play(server, SCENARIOS));
});

const found = async (scenario: string) =>
  disagreements(scenario, await readExpectations(scenario), answers.get(scenario) ?? {});

test('there are at least 300 requests', () => {
  expect(SCENARIOS.flatMap(({ steps }) => steps).length).toBeGreaterThanOrEqual(300);
});

test.each(SCENARIOS.map(({ name }) => name))(
  '%s: as a genuine server, but for what is known',
  async (name) => {
    expect((await found(name)).filter(({ known }) => known === undefined)).toEqual([]);
  },
);

test.each(SCENARIOS.map(({ name }) => name))('%s: what is known to differ still does', async (name) => {
  const differing = await found(name);
  const stale = [...DIFFERENCES, ...OPEN]
    .filter(({ scenario }) => scenario === name)
    .flatMap((known) => known.steps.map((step) => ({ known, step })))
    .filter(
      ({ known, step }) => !differing.some((one) => one.step === step && covers(known, name, step, one.path)),
    );
  expect(stale).toEqual([]);
});
