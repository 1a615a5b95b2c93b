/**
 * Upkeep of a store that nobody has open, killed at its n-th step on files: just before the n-th call that changes
 * a directory, syncs a file, or has SQLite begin or end a transaction. Argument: an {@link UpkeepTask} as JSON. It ends by itself when
 * there are fewer steps.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';

export interface UpkeepTask {
  killedAt: number;
  dataDir: string;
  /** Made by a backup, put in place by a restore. */
  copy: string;
  operation: 'backup' | 'restore' | 'compact' | 'rotate';
}

if (import.meta.main) {
  const { killedAt, dataDir, copy, operation } = JSON.parse(process.argv[2] ?? '') as UpkeepTask;
  const upkeep = await import('../../../src/compose/store-upkeep.ts');
  let step = 0;
  const counted = <Target extends object>(target: Target, ...names: (keyof Target)[]): void => {
    for (const name of names) {
      const original = target[name] as (...args: unknown[]) => unknown;
      target[name] = function (this: unknown, ...args: unknown[]) {
        // Within a transaction a kill is as good as before it.
        if (!(this instanceof StatementSync) || this.sourceSQL.startsWith('VACUUM')) step += 1;
        if (step === killedAt) process.kill(process.pid, 'SIGKILL');
        return original.apply(this, args);
      } as Target[typeof name];
    }
  };
  counted(fs, 'openSync', 'fsyncSync', 'renameSync', 'linkSync', 'rmSync', 'chmodSync');
  counted(DatabaseSync.prototype, 'exec', 'close');
  counted(StatementSync.prototype, 'run');
  syncBuiltinESMExports();
  switch (operation) {
    case 'backup':
      await upkeep.backUpStore(dataDir, copy, 'replace');
      break;
    case 'restore':
      await upkeep.restore(dataDir, copy, new Date());
      break;
    case 'compact':
      await upkeep.compactStore(dataDir, undefined);
      break;
    case 'rotate':
      await upkeep.rotateKeys(dataDir);
      break;
  }
}
