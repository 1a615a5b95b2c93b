import { type FSWatcher, watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../telemetry/logger.ts';
import { type DnsmasqProcess, isAlive } from './dnsmasq-processes.ts';
import type { Tools } from './tools.ts';

const coalesceMs = 50;
const heartbeatMs = 1_000;
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
  readonly #directories = new Map<string, FSWatcher>();
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
    for (const [path, watcher] of this.#directories) {
      if (directories.includes(path)) continue;
      watcher.close();
      this.#directories.delete(path);
    }
    for (const path of directories) if (!this.#directories.has(path)) this.#watchDirectory(path);
  }

  stop(): void {
    this.#stopping?.abort();
    this.#stopping = undefined;
    clearTimeout(this.#pending);
    this.#pending = undefined;
    for (const watcher of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  #start(): void {
    const stopping = new AbortController();
    this.#stopping = stopping;
    void this.#monitor('ip', ['monitor', 'link', 'address', 'route'], stopping.signal);
    void this.#monitor('nft', ['monitor'], stopping.signal);
    const heartbeat = setInterval(() => void this.#lookAtProcesses(), heartbeatMs);
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
      child.stdout.on('data', () => this.#hint());
      this.#hint();
      const { shortMessage } = await child;
      stopped.removeEventListener('abort', kill);
      if (stopped.aborted) return;
      this.#logger.warn({ tool, cause: shortMessage }, 'a network monitor ended and is started again');
      this.#hint();
      if (performance.now() - startedAt > steadyMs) waitMs = restartMs.first;
      await delay(waitMs, undefined, { signal: stopped, ref: false }).catch(() => undefined);
    }
  }

  #watchDirectory(path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, (_event, file) => {
        if (file !== null && !watchedFile.test(file)) return;
        this.#hint();
      });
      watcher.on('error', () => this.#forget(path));
      this.#directories.set(path, watcher);
    } catch {
      // Gone between the listing and now: the next listing tells.
      this.#hint();
    }
  }

  #forget(path: string): void {
    this.#directories.get(path)?.close();
    this.#directories.delete(path);
    this.#hint();
  }

  async #lookAtProcesses(): Promise<void> {
    const processes = this.#processes;
    const alive = await Promise.all(processes.map(isAlive));
    if (alive.every(Boolean) || processes !== this.#processes) return;
    this.#processes = processes.filter((_, index) => alive[index]);
    this.#hint();
  }

  #hint(): void {
    if (!this.#stopping) return;
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined;
      for (const listener of this.#listeners) listener();
    }, coalesceMs);
  }
}
