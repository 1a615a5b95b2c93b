import { Command } from 'commander';
import { readDaemonStatus } from '../compose/control-socket.ts';
import { pathsOf } from '../compose/paths.ts';
import { options } from './options.ts';

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
