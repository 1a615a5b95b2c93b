import { existsSync, readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pathsOf } from '../compose/paths.ts';
import { options } from './options.ts';
import { UsageError } from './usage-error.ts';

interface KubeconfigFlags {
  dataDir: string;
  path?: boolean;
  user?: string;
  group: string[];
  serviceaccount?: { namespace: string; name: string };
  namespace?: string;
  expires: number;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

function seconds(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? [];
  if (!count) throw new InvalidArgumentError('a duration is a number with m, h or d, like 12h');
  return Number(count) * (UNIT_SECONDS[unit] ?? 0);
}

function serviceAccount(text: string): { namespace: string; name: string } {
  const [namespace, name, ...beyond] = text.split('/');
  if (!namespace || !name || beyond.length > 0) throw new InvalidArgumentError('write NAMESPACE/NAME');
  return { namespace, name };
}

const namespaceName = (text: string): string => {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)) throw new InvalidArgumentError('that is no namespace');
  return text;
};

export function kubeconfigCommand(): Command {
  return new Command('kubeconfig')
    .description("print the administrator's kubeconfig, or make one for somebody else")
    .addOption(options.dataDir())
    .option('--path', "print the path of the administrator's file instead")
    .option('--user <name>', 'for a user: a client certificate with this name')
    .addOption(
      new Option('--group <name>', 'a group of the user; may be repeated')
        .argParser((name, all: string[]) => [...all, name])
        .default([], 'none'),
    )
    .option('--serviceaccount <namespace/name>', 'for a ServiceAccount: a token of it', serviceAccount)
    .option('--namespace <name>', 'where the user works unless told otherwise', namespaceName)
    .addOption(
      new Option('--expires <duration>', 'how long it lasts, in minutes, hours or days, like 12h')
        .argParser(seconds)
        .default(seconds('30d'), '30d'),
    )
    .addHelpText(
      'after',
      `
A user or a ServiceAccount may do nothing before a role is bound to it. A certificate cannot be taken back before it
expires; a token ends with its ServiceAccount.

Examples:
  export KUBECONFIG=$(purlin kubeconfig --path)
  purlin kubeconfig --user jane --group team-a --namespace team-a > jane.kubeconfig
  purlin kubeconfig --serviceaccount team-a/deployer --expires 12h > deployer.kubeconfig`,
    )
    .action(async (given: KubeconfigFlags) => {
      const { dataDir, path } = given;
      const file = pathsOf(dataDir).kubeconfig;
      if (!existsSync(file))
        throw new UsageError(`${file} does not exist; start purlin up with --data-dir ${dataDir} first`);
      if (path) process.stdout.write(`${file}\n`);
      else process.stdout.write((await kubeconfigForOthers(given)) ?? readFileSync(file, 'utf8'));
    });
}

/** Undefined when nobody else is named. */
async function kubeconfigForOthers(given: KubeconfigFlags): Promise<string | undefined> {
  const { dataDir, user, group, serviceaccount, namespace = 'default', expires } = given;
  checkNames(given);
  const { userKubeconfig, serviceAccountKubeconfig } = await import('../compose/access.ts');
  const common = { dataDir, expiresSeconds: expires };
  if (user) return userKubeconfig({ ...common, user, groups: group, namespace });
  if (!serviceaccount) return undefined;
  return serviceAccountKubeconfig({ ...common, ...serviceaccount }).catch((error: unknown) => {
    throw refusal(error, dataDir);
  });
}

function checkNames({ user, group, serviceaccount, namespace }: KubeconfigFlags): void {
  // An empty name is a shell variable that is not set, and must not become somebody.
  if (user === '' || group.includes('')) throw new UsageError('a name of a user or a group is empty');
  if (user !== undefined && serviceaccount) throw new UsageError('name a user or a ServiceAccount, not both');
  if (group.length > 0 && user === undefined) throw new UsageError('groups are given to a user; add --user');
  if (namespace && user === undefined)
    throw new UsageError('--namespace goes with --user; a ServiceAccount works in its own');
}

/** What the server said, or that there is none. */
function refusal(error: unknown, dataDir: string): unknown {
  if (!(error instanceof Error)) return error;
  if ('code' in error && error.code === 'ECONNREFUSED')
    return new UsageError(`purlin does not run with data directory ${dataDir}; only it can make a token`);
  return error.name === 'ApiError' ? new UsageError(error.message) : error;
}
