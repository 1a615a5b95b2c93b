/**
 * From nothing to a virtual machine that answers HTTP, created by kubectl. Every step finds what an earlier run left
 * and goes on from there; `npm run quickstart:down` is the way back.
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import { execa } from 'execa';
import { demoImage } from './demo-image.ts';
import { kubectlPath } from './kubectl.ts';
import { build, purlinMain } from './lib/build.ts';
import { cacheDir } from './lib/checkout.ts';
import { createNetns, fetchInside } from './lib/netns.ts';
import { daemonPid, node, site } from './lib/quickstart-site.ts';
import { main, type Progress, step } from './lib/steps.ts';
import { installSystemPackages } from './setup.ts';

const readyTimeoutMs = 60_000;
const machineTimeoutSeconds = 180;
const page = 'http://10.20.0.10/';

async function quickstart(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('run it as root: it makes bridges and virtual machines');
  await step('system packages', installSystemPackages);
  const kubectl = await kubectlPath();
  const identity = await step('building Purlin', build);
  await step('demo image', provideDemoImage);
  await step(`network namespace ${site.netns}`, () => createNetns(site.netns));
  await step(`purlin up on 127.0.0.1:${site.apiPort}`, (progress) =>
    ensureDaemon(kubectl, identity, progress),
  );
  await step('kubectl apply -f examples/quickstart/', (progress) => applyExamples(kubectl, progress));
  await step('waiting for machine/web to be Ready', (progress) => waitForMachine(kubectl, progress));
  await step(`fetching ${page} inside the namespace`, async ({ note }) => {
    const html = await fetchInside(site.netns, page, 60);
    if (!html.includes('Hello from Purlin')) throw new Error(`another page answered:\n${html}`);
    note(html.trim());
  });
  await showResult(kubectl);
}

/** Images by file are read from the import directory only; the name is what examples/quickstart/image.yaml says. */
async function provideDemoImage(): Promise<void> {
  const { path } = await demoImage();
  await mkdir(site.importDir, { recursive: true });
  const partial = join(site.importDir, '.demo.qcow2.partial');
  await copyFile(path, partial);
  await rename(partial, join(site.importDir, 'demo.qcow2'));
}

/** Starts the daemon, unless this very build of it already runs and is ready. Guests are never touched by this. */
async function ensureDaemon(kubectl: string, identity: string, { note }: Progress): Promise<void> {
  const runningBuild = await readFile(site.buildFile, 'utf8').catch(() => '');
  if (await daemonPid()) {
    if (runningBuild === identity && (await isReady(kubectl))) return note('already running');
    note('restarting it with the present build; guests keep running');
    await execa(node, [purlinMain, 'down', '--data-dir', site.dataDir]);
  }
  const log = await open(site.log, 'a');
  const up = ['up', '--data-dir', site.dataDir, '--host-netns', site.netns];
  const options = ['--api-port', String(site.apiPort), '--import-dir', site.importDir];
  const daemon = spawn(node, [purlinMain, ...up, ...options], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: '/',
  });
  daemon.unref();
  await log.close();
  await writeFile(site.buildFile, identity);
  for (const deadline = Date.now() + readyTimeoutMs; Date.now() < deadline; await delay(250)) {
    if (daemon.exitCode !== null || daemon.signalCode !== null)
      throw new Error(await logTail('purlin up ended'));
    if (await isReady(kubectl)) return;
  }
  throw new Error(await logTail(`purlin up is not ready after ${readyTimeoutMs / 1000} s`));
}

async function isReady(kubectl: string): Promise<boolean> {
  const args = ['--kubeconfig', site.kubeconfig, '--request-timeout=5s', 'get', '--raw', '/readyz'];
  return (await execa(kubectl, args, { reject: false })).exitCode === 0;
}

async function logTail(problem: string): Promise<string> {
  const lines = (await readFile(site.log, 'utf8').catch(() => '')).trimEnd().split('\n');
  return `${problem}; the end of ${site.log}:\n${lines.slice(-15).join('\n')}`;
}

async function applyExamples(kubectl: string, { note }: Progress): Promise<void> {
  const { stdout } = await execa(kubectl, ['--kubeconfig', site.kubeconfig, 'apply', '-f', site.examples]);
  stdout.split('\n').forEach(note);
}

/** `kubectl wait` knows when it is over; meanwhile the Machine's own words are shown whenever they change. */
async function waitForMachine(kubectl: string, { note }: Progress): Promise<void> {
  const inSite = ['--kubeconfig', site.kubeconfig];
  const wait = execa(
    kubectl,
    [...inSite, 'wait', '--for=condition=Ready', 'machine/web', `--timeout=${machineTimeoutSeconds}s`],
    { reject: false },
  );
  const ready = '.status.conditions[?(@.type=="Ready")]';
  const words = `jsonpath={.status.phase}: {${ready}.reason} {${ready}.message}`;
  let shown = '';
  const showProgress = async () => {
    const { stdout } = await execa(kubectl, [...inSite, 'get', 'machine/web', '-o', words], {
      reject: false,
    });
    if (stdout !== shown) note(stdout);
    shown = stdout;
  };
  while ((await Promise.race([wait, delay(1_000, 'still waiting')])) === 'still waiting')
    await showProgress();
  await showProgress();
  const { exitCode, stderr } = await wait;
  if (exitCode === 0) return;
  const { stdout: description } = await execa(kubectl, [...inSite, 'describe', 'machine/web'], {
    reject: false,
  });
  throw new Error(`${stderr}\n${description}`);
}

async function showResult(kubectl: string): Promise<void> {
  const { stdout: table } = await execa(kubectl, ['--kubeconfig', site.kubeconfig, 'get', 'purlin', '-A']);
  const command = (text: string) => styleText('bold', text);
  // A kubectl that came with the dev dependencies is not on the PATH yet.
  const path = kubectl.startsWith(cacheDir) ? `\n  ${command(`export PATH=${dirname(kubectl)}:$PATH`)}` : '';
  process.stdout.write(`
${table}

A virtual machine runs, and answers on its own subnet. Look around:

  ${command(`export KUBECONFIG=${site.kubeconfig}`)}${path}

Three things to try:

  ${command('kubectl describe machine web')}
      what the machine is made of, its conditions, and what happened to it
  ${command(`ip netns exec ${site.netns} curl http://10.20.0.10/cgi-bin/info`)}
      what the guest says about itself
  ${command(`kill -9 $(ip netns pids ${site.netns} | xargs ps -o pid=,comm= -p | awk '/qemu/ {print $1}')`)}
      kill its QEMU process, and see it come back: kubectl get machine web -w

${command('npm run quickstart:down')} stops Purlin and leaves the guest running;
${command('npm run quickstart:down -- --purge')} removes everything.
`);
}

await main(quickstart);
