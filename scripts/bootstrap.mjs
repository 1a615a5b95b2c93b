// The first program of every `npm run` that a newcomer types. It is plain JavaScript for whatever Node the machine
// has (20 or newer): it installs the project's dependencies, Node 24 among them, and runs a script by that Node.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const binaries = join(checkout, 'node_modules/.bin');
const stampFile = join(checkout, 'node_modules/.purlin-dependencies');

function wantedDependencies() {
  const hash = createHash('sha256');
  for (const name of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(checkout, name)));
  return hash.digest('hex');
}

function installDependencies() {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedDependencies()) return;
  process.stderr.write('▸ npm install\n');
  // Not `npm ci`: it fails where a registry lacks the optional packages of other platforms.
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: checkout,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stampFile, wantedDependencies());
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write('usage: node scripts/bootstrap.mjs SCRIPT.ts [ARGUMENT…]\n');
  process.exit(2);
}
installDependencies();
const child = spawn(join(binaries, 'node'), [join(checkout, 'scripts', script), ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` },
});
// A terminal signals the whole group; a supervisor only this process.
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => {});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
});
