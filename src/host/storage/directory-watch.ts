import { type FSWatcher, lstatSync, watch } from 'node:fs';

/**
 * Tells of changes in some directories by inotify. A watch dies with its directory, so the parents are watched
 * as well, and each event there puts a watch on whatever now stands under the name.
 * @returns a stopper
 */
export function watchDirectories(
  directories: readonly string[],
  parents: readonly string[],
  onChange: () => void,
): () => void {
  const watchers = new Map<string, { inode: number; watcher: FSWatcher }>();
  let stopped = false;

  const arm = (path: string, onEvent: () => void) => {
    const inode = lstatSync(path, { throwIfNoEntry: false })?.ino;
    const present = watchers.get(path);
    if (stopped || present?.inode === inode) return;
    present?.watcher.close();
    watchers.delete(path);
    if (inode === undefined) return;
    try {
      const watcher = watch(path, { persistent: false }, onEvent);
      watcher.on('error', onEvent);
      watchers.set(path, { inode, watcher });
    } catch {
      // Gone again already; the parent's next event tells.
      onChange();
    }
  };
  const armAll = () => {
    for (const path of parents) arm(path, onParentEvent);
    for (const path of directories) arm(path, onChange);
  };
  const onParentEvent = () => {
    armAll();
    onChange();
  };
  armAll();

  return () => {
    stopped = true;
    for (const { watcher } of watchers.values()) watcher.close();
    watchers.clear();
  };
}

/** Calls `action` once for all signals within `delayMs` of the first. */
export function coalesced(action: () => void, delayMs: number): { signal: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        action();
      }, delayMs).unref();
    },
    stop: () => clearTimeout(timer),
  };
}
