import { type FSWatcher, lstatSync, watch } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../telemetry/logger.ts';
import { isAlive } from '../process-identity.ts';
import type { DnsmasqProcess } from './dnsmasq-processes.ts';
import { errorCode } from './errors.ts';
import type { Tools } from './tools.ts';

const coalesceMs = 50;
const heartbeatMs = 1_000;
const listeningAfterMs = 1_000;
const restartMs = { first: 200, longest: 10_000 };
/** A monitor that lived this long was well; its next death is a new story. */
const steadyMs = 60_000;

/** Files whose change by anybody else is drift; leases change by themselves. */
const watchedFile = /^(reservations|names|segment\.json|dnsmasq-.*\.conf)$/;

/**
 * Tells that something of the host's network may have changed: by the kernel's own notifications (`ip monitor`,
 * `nft monitor`), by inotify, and by a look at /proc each second for each dnsmasq. Starts nothing while idle.
 */
export class NetworkWatcher {
  readonly #tools: Tools;
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  readonly #directories = new Map<string, { inode: number; watcher: FSWatcher }>();
  #stopping: AbortController | undefined;
  #processes: readonly DnsmasqProcess[] = [];
  #pending: NodeJS.Timeout | undefined;

  constructor(tools: Tools, logger: Logger) {
    this.#tools = tools;
    this.#logger = logger;
  }

  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (!this.#stopping) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** What the last listing saw; the death of any of these is a change. */
  attend(processes: readonly DnsmasqProcess[], directories: readonly string[]): void {
    this.#processes = processes;
    if (!this.#stopping) return;
    for (const path of new Set([...this.#directories.keys(), ...directories])) {
      // A watch dies with its directory, and another one may stand under the name now.
      const inode = directories.includes(path) ? lstatSync(path, { throwIfNoEntry: false })?.ino : undefined;
      if (this.#directories.get(path)?.inode === inode) continue;
      this.#unwatch(path);
      if (inode !== undefined) this.#watchDirectory(path, inode);
    }
  }

  /** Something may have changed: the listeners are called soon, once for many hints. */
  hint(): void {
    if (!this.#stopping) return;
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined;
      for (const listener of this.#listeners) listener();
    }, coalesceMs);
  }

  stop(): void {
    this.#stopping?.abort();
    this.#stopping = undefined;
    clearTimeout(this.#pending);
    this.#pending = undefined;
    for (const path of this.#directories.keys()) this.#unwatch(path);
  }

  #start(): void {
    const stopping = new AbortController();
    this.#stopping = stopping;
    void this.#monitor('ip', ['monitor', 'link', 'address', 'route', 'netconf'], stopping.signal);
    void this.#monitor('nft', ['monitor'], stopping.signal);
    const heartbeat = setInterval(() => this.#lookAtProcesses(), heartbeatMs);
    heartbeat.unref();
    stopping.signal.addEventListener('abort', () => clearInterval(heartbeat));
  }

  /** Any output is a hint. A monitor that ended may have missed something, so its end is one as well. */
  async #monitor(tool: 'ip' | 'nft', args: readonly string[], stopped: AbortSignal): Promise<void> {
    for (let waitMs = restartMs.first; !stopped.aborted; waitMs = Math.min(waitMs * 2, restartMs.longest)) {
      const startedAt = performance.now();
      const child = this.#tools.follow(tool, args);
      const kill = () => child.kill('SIGKILL');
      stopped.addEventListener('abort', kill);
      child.stdout.on('data', () => this.hint());
      this.hint();
      // A monitor does not say when it has begun to listen; what changed until then is told by this.
      const listening = setTimeout(() => this.hint(), listeningAfterMs);
      const { shortMessage } = await child;
      clearTimeout(listening);
      stopped.removeEventListener('abort', kill);
      if (stopped.aborted) return;
      this.#logger.warn({ tool, cause: shortMessage }, 'a network monitor ended and is started again');
      this.hint();
      if (performance.now() - startedAt > steadyMs) waitMs = restartMs.first;
      await delay(waitMs, undefined, { signal: stopped, ref: false }).catch(() => undefined);
    }
  }

  #watchDirectory(path: string, inode: number): void {
    try {
      const watcher = watch(path, { persistent: false }, (_event, file) => {
        if (file === null || watchedFile.test(file) || file === basename(path)) this.hint();
      });
      watcher.on('error', () => this.#unwatch(path));
      this.#directories.set(path, { inode, watcher });
      // What changed between the listing and now was not told.
      this.hint();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT')
        this.#logger.warn({ path, err: error }, 'a directory cannot be watched');
    }
  }

  #unwatch(path: string): void {
    this.#directories.get(path)?.watcher.close();
    this.#directories.delete(path);
  }

  #lookAtProcesses(): void {
    const alive = this.#processes.filter(isAlive);
    if (alive.length === this.#processes.length) return;
    this.#processes = alive;
    this.hint();
  }
}
