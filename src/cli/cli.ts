import { Command, CommanderError } from 'commander';
import { purlinVersion } from '../compose/version.ts';
import { agentCommand, apiserverCommand, controlPlaneCommand, controllerCommand } from './parts.ts';
import { downCommand, purgeHostCommand, upCommand } from './up.ts';
import { kubeconfigCommand } from './kubeconfig.ts';
import { statusCommand } from './status.ts';
import { storeCommand } from './store.ts';
import { UsageError } from './usage-error.ts';

/** Parses the command line, runs the command, and sets the exit status: 0 done, 1 failed, 2 wrong usage. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('purlin')
    .description(
      'Infrastructure as a Service for plain Linux hosts, driven by the Kubernetes resource model.',
    )
    .version(purlinVersion, '--version')
    .showHelpAfterError('(see purlin --help)')
    .addHelpText(
      'after',
      `
Examples:
  purlin up                                       everything on this host, data in /var/lib/purlin
  export KUBECONFIG=$(purlin kubeconfig --path)   then use kubectl
  purlin status                                   what runs, and how the objects are
  purlin down                                     stop; guests keep running`,
    );
  for (const command of [
    upCommand(),
    downCommand(),
    statusCommand(),
    kubeconfigCommand(),
    storeCommand(),
    apiserverCommand(),
    controllerCommand(),
    agentCommand(),
  ]) {
    program.addCommand(command);
  }
  program.addCommand(controlPlaneCommand(), { hidden: true });
  program.addCommand(purgeHostCommand(), { hidden: true });
  program
    .command('version')
    .description('print the version')
    .action(() => console.log(purlinVersion));
  for (const command of program.commands) command.exitOverride();
  program.exitOverride();
  program.hook('preAction', (_program, command) => applyConfigFile(command));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else fail(error);
  }
}

/** Settings of the file stand below flags and environment variables. */
async function applyConfigFile(command: Command): Promise<void> {
  const path = command.opts()['config'] as string | undefined;
  if (path === undefined) return;
  // Here and not above: parsing and checking YAML takes memory that a daemon without such a file never gives back.
  const { readConfigFile } = await import('./config-file.ts');
  for (const [name, value] of Object.entries(readConfigFile(path))) {
    if (command.getOptionValueSource(name) === 'default' || command.getOptionValue(name) === undefined) {
      command.setOptionValueWithSource(name, value, 'config');
    }
  }
}

/** Errors whose message tells all; by name, because their classes would load what most commands do not need. */
const explained = new Set([
  'UsageError',
  'AlreadyRunning',
  'PurgeRefused',
  'StoreRefused',
  'StoreInUseError',
  'FileExistsError',
  'NoFileError',
  'DamagedError',
  'FullError',
  'KeyError',
]);

function fail(error: unknown): void {
  const known = error instanceof Error && explained.has(error.name);
  console.error(
    known || !(error instanceof Error) ? `purlin: ${String(error).replace(/^\w+: /, '')}` : error,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
