import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { options } from './options.ts';

interface DataDir {
  dataDir: string;
}

/** Read at the first use: the other commands need nothing of it. */
const upkeep = () => import('../compose/store-upkeep.ts');
const tables = () => import('./store-table.ts');

const absolute = (file: string): string => resolve(file);

function revisionNumber(value: string): number {
  if (!/^\d{1,16}$/.test(value)) throw new InvalidArgumentError('a revision is a whole number');
  return Number(value);
}

export function storeCommand(): Command {
  const command = new Command('store')
    .description('look after the store of the embedded API server')
    .addHelpText(
      'after',
      `
Examples:
  purlin store backup /backup/purlin.db      while Purlin runs, or not
  purlin store verify                        whether all of it is what was written
  purlin store verify /backup/purlin.db
  purlin store compact                       forget what objects were before
  purlin store rotate-keys                   encrypt Secrets with a new key
  purlin down && purlin store restore /backup/purlin.db && purlin up`,
    );
  for (const each of [
    backupCommand(),
    verifyCommand(),
    compactCommand(),
    restoreCommand(),
    rotateKeysCommand(),
  ]) {
    command.addCommand(each.exitOverride());
  }
  return command;
}

const backupCommand = (): Command =>
  new Command('backup')
    .description('write all of the store into one file; writes go on meanwhile')
    .argument('<file>', 'where to; only its owner may read it', absolute)
    .addOption(options.dataDir())
    .option('--force', 'replace the file if it is there')
    .action(async (file: string, { dataDir, force }: DataDir & { force?: boolean }) => {
      const { backUpStore, keyFileOf } = await upkeep();
      const { describeBackup } = await tables();
      const contents = await backUpStore(dataDir, file, force ? 'replace' : 'refuse');
      console.log(describeBackup(file, contents, keyFileOf(dataDir)));
    });

const verifyCommand = (): Command =>
  new Command('verify')
    .description('check all of the store, or of a backup; exit status 1 when it is damaged')
    .argument('[file]', 'a backup; without it, the store', absolute)
    .addOption(options.dataDir())
    .action(async (file: string | undefined, { dataDir }: DataDir) => {
      const { storeOf, verifyCopy, verifyStore } = await upkeep();
      const { describeVerdict } = await tables();
      const store = storeOf(dataDir);
      const verdict =
        file === undefined || file === store ? await verifyStore(dataDir) : verifyCopy(dataDir, file);
      console.log(describeVerdict(file ?? store, verdict));
      if (verdict.count > 0) process.exitCode = 1;
    });

const compactCommand = (): Command =>
  new Command('compact')
    .description('forget what objects were before; watches that are further behind must list again')
    .addOption(options.dataDir())
    .option('--revision <number>', 'keep changes after this one (default: none)', revisionNumber)
    .action(async ({ dataDir, revision }: DataDir & { revision?: number }) => {
      const { compactStore } = await upkeep();
      const { describeCompacted } = await tables();
      console.log(describeCompacted(await compactStore(dataDir, revision)));
    });

const restoreCommand = (): Command =>
  new Command('restore')
    .description('put a backup in the place of the store, which is kept beside it; Purlin must be stopped')
    .argument('<file>', 'a backup', absolute)
    .addOption(options.dataDir())
    .option('--drop-unreadable', 'leave out what no encryption key opens: it is lost')
    .action(async (file: string, { dataDir, dropUnreadable }: DataDir & { dropUnreadable?: boolean }) => {
      const { restore } = await upkeep();
      const { describeRestored } = await tables();
      const unreadable = dropUnreadable ? 'drop' : 'refuse';
      console.log(describeRestored(file, await restore(dataDir, file, new Date(), unreadable)));
    });

const rotateKeysCommand = (): Command =>
  new Command('rotate-keys')
    .description('encrypt all Secrets with a new key, and drop the old ones; nobody is disturbed')
    .addOption(options.dataDir())
    .action(async ({ dataDir }: DataDir) => {
      const { keyFileOf, rotateKeys } = await upkeep();
      const { describeRotation } = await tables();
      console.log(describeRotation(await rotateKeys(dataDir), keyFileOf(dataDir)));
    });
