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
  const watchers = new Map<string, { directory: string; watcher: FSWatcher }>();
  let stopped = false;

  /** @returns whether another directory than before, or none, now stands there */
  const arm = (path: string, onEvent: (event: string) => void): boolean => {
    const directory = identity(path);
    const present = watchers.get(path);
    if (stopped || present?.directory === directory) return false;
    present?.watcher.close();
    watchers.delete(path);
    if (directory === undefined) return true;
    try {
      const watcher = watch(path, { persistent: false }, onEvent);
      watcher.on('error', () => onEvent('rename'));
      watchers.set(path, { directory, watcher });
    } catch {
      // Gone again already; the parent's next event tells.
    }
    return true;
  };
  const armAll = (): boolean => {
    const changes = [
      ...parents.map((path) => arm(path, onParentEvent)),
      ...directories.map((path) => arm(path, onChange)),
    ];
    return changes.includes(true);
  };
  // Parents hold other files too, which may be written all the time: they are not our concern.
  const onParentEvent = (event: string) => {
    if (event === 'rename' && armAll()) onChange();
  };
  armAll();

  return () => {
    stopped = true;
    for (const { watcher } of watchers.values()) watcher.close();
    watchers.clear();
  };
}

/** Tells directories apart that stood under one path; an inode's number alone is soon used again. */
function identity(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.ino}:${stat.birthtimeNs}`;
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
