import { existsSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { readDaemonStatus } from '../compose/control-socket.ts';
import { pathsOf } from '../compose/paths.ts';
import { options } from './options.ts';
import { UsageError } from './usage-error.ts';

export function kubeconfigCommand(): Command {
  return new Command('kubeconfig')
    .description("print the administrator's kubeconfig")
    .addOption(options.dataDir())
    .option('--path', 'print the path of the file instead')
    .addHelpText('after', '\nExample:\n  export KUBECONFIG=$(purlin kubeconfig --path)')
    .action(({ dataDir, path }: { dataDir: string; path?: boolean }) => {
      const file = pathsOf(dataDir).kubeconfig;
      if (!existsSync(file))
        throw new UsageError(`${file} does not exist; start purlin up with --data-dir ${dataDir} first`);
      process.stdout.write(path ? `${file}\n` : readFileSync(file, 'utf8'));
    });
}

export function statusCommand(): Command {
  return new Command('status')
    .description('show the parts, the objects and the host in a short table')
    .addOption(options.dataDir())
    .addHelpText('after', '\nExample:\n  purlin status --data-dir /var/lib/purlin')
    .action(async ({ dataDir }: { dataDir: string }) => {
      const paths = pathsOf(dataDir);
      const daemon = await readDaemonStatus(paths.controlSocket);
      if (!daemon) {
        console.log(`purlin does not run with data directory ${dataDir}`);
        process.exitCode = 1;
        return;
      }
      const { describeDaemon, describeObjects } = await import('./status-table.ts');
      const { readOverview } = await import('../compose/overview.ts');
      console.log(describeDaemon(daemon, Date.now()));
      console.log(describeObjects(await readOverview(dataDir)));
      if (daemon.parts.some(({ ready }) => !ready)) process.exitCode = 1;
    });
}
