/** The defects that the gate puts in: a change of the source must not leave one without its place. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkout } from '../../../scripts/lib/checkout.ts';
import { editsOf } from '../../../scripts/simulate/mutants/mutant.ts';
import { mutants } from '../../../scripts/simulate/mutants.ts';

test.each(mutants)('the defect "$name" still has its place in the source', async (mutant) => {
  for (const { file, from } of editsOf(mutant)) {
    const places = (await readFile(join(checkout, file), 'utf8')).split(from).length - 1;
    expect({ file, from, places }).toEqual({ file, from, places: 1 });
  }
});

test.each(mutants.flatMap(({ name, contract }) => (contract ? [{ name, contract }] : [])))(
  'the test that must notice that $name is there',
  async ({ contract }) => {
    expect(await readFile(join(checkout, contract.suite), 'utf8')).toContain(contract.test);
    expect(contract.test).toMatch(/^[\w, ]+$/);
  },
);

test('no two defects have one name', () => {
  const names = mutants.map(({ name }) => name);
  expect(names).toHaveLength(new Set(names).size);
});
