/**
 * `npm run check`: everything that a reviewer would ask for, in one go; each failing check is shown in full.
 * `--static` leaves the tests out, for whoever runs all of them next.
 */
import { execa } from 'execa';
import { checkout } from './lib/checkout.ts';
import { main, step } from './lib/steps.ts';

interface Check {
  title: string;
  command: readonly [string, ...string[]];
}

const staticChecks: readonly Check[] = [
  { title: 'format', command: ['biome', 'format'] },
  { title: 'lint', command: ['oxlint', '--type-aware'] },
  { title: 'types', command: ['tsc'] },
  { title: 'generated files are up to date', command: ['node', 'scripts/generate.ts', '--check'] },
  { title: 'imports go one way', command: ['depcruise', 'src'] },
  { title: 'no dead code', command: ['knip', '--no-progress'] },
];

const tests: readonly Check[] = [
  {
    title: 'unit and scenario tests',
    command: [
      'node',
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      '--selectProjects',
      'unit',
      'scenario',
      '--silent',
      '--passWithNoTests',
    ],
  },
];

async function check(): Promise<void> {
  const checks = process.argv.includes('--static') ? staticChecks : [...staticChecks, ...tests];
  const failed: string[] = [];
  for (const { title, command } of checks) {
    const [program, ...args] = command;
    const run = () =>
      execa(program, args, {
        cwd: checkout,
        preferLocal: true,
        localDir: checkout,
        all: true,
        stdin: 'ignore',
      });
    await step(title, run).catch((error: unknown) => {
      failed.push(title);
      process.stderr.write(`${(error as { all?: string }).all ?? String(error)}\n`);
    });
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
}

await main(check);
