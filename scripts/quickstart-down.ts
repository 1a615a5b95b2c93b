/** Stops what quickstart.ts started. With `--purge` also every guest, bridge, namespace, process and file of it. */
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { purlinMain } from './lib/build.ts';
import { removeSite } from './lib/leftovers.ts';
import { daemonPid, node, site } from './lib/quickstart-site.ts';
import { main, step } from './lib/steps.ts';

async function quickstartDown(args: readonly string[]): Promise<void> {
  const unknown = args.find((argument) => argument !== '--purge');
  if (unknown) throw new Error(`unknown argument ${unknown}; the only one is --purge`);
  if (args.includes('--purge')) await purge();
  else await stop();
}

async function stop(): Promise<void> {
  if (!(await daemonPid())) return void process.stderr.write('Purlin does not run.\n');
  await step('stopping Purlin; guests keep running', async () => {
    await execa(node, [purlinMain, 'down', '--data-dir', site.dataDir]);
  });
}

/** First in order, by the product's own command; then whatever a crash, or an older version, has left. */
async function purge(): Promise<void> {
  if (existsSync(site.dataDir) && existsSync(purlinMain)) {
    await step('purlin down --purge', async ({ note }) => {
      const result = await execa(node, [purlinMain, 'down', '--purge', '--data-dir', site.dataDir], {
        reject: false,
        all: true,
      });
      if (result.exitCode !== 0) note(`it failed, so what is left is removed by hand:\n${result.all}`);
    });
  }
  await step(`removing ${site.dataDir} and the namespace ${site.netns}`, () => removeSite(site));
}

await main(() => quickstartDown(process.argv.slice(2)));
