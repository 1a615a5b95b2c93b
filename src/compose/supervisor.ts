import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from '../telemetry/logger.ts';

/** One supervised child process. */
export interface Part {
  name: string;
  /** Absolute path of the program. */
  command: string;
  arguments: string[];
  /** Beside PATH and locale, which every part gets; nothing of our own environment reaches it. */
  env?: Record<string, string>;
  /** The child sends `{ ready: boolean, detail? }` over IPC; otherwise running counts as ready. */
  announcesReady: boolean;
}

export interface PartStatus {
  name: string;
  pid?: number;
  ready: boolean;
  detail?: string;
  restarts: number;
  /** Milliseconds since the epoch. */
  since: number;
}

/** What a child tells its supervisor. */
export interface PartMessage {
  ready: boolean;
  detail?: string;
}

const FIRST_BACKOFF_MS = 200;
const LAST_BACKOFF_MS = 10_000;
/** A part that ran this long failed anew, not again. */
const STABLE_MS = 30_000;
const STOP_MS = 8_000;

/** Keeps parts running: starts each, restarts it with backoff when it ends, stops all in reverse order. */
export class Supervisor {
  readonly #parts: SupervisedPart[];

  constructor(parts: readonly Part[], logger: Logger) {
    this.#parts = parts.map((part) => new SupervisedPart(part, logger.child({ part: part.name })));
  }

  start(): void {
    for (const part of this.#parts) part.start();
  }

  status(): PartStatus[] {
    return this.#parts.map((part) => part.status());
  }

  /** Ends every part, the last started first; a part that does not end within 8 s in all is killed. */
  async stop(): Promise<void> {
    const deadline = Date.now() + STOP_MS;
    for (const part of [...this.#parts].reverse()) await part.stop(Math.max(500, deadline - Date.now()));
  }
}

class SupervisedPart {
  readonly #part: Part;
  readonly #logger: Logger;
  #child: ChildProcess | undefined;
  #ready = false;
  #detail: string | undefined;
  #restarts = 0;
  #since = Date.now();
  #backoffMs = FIRST_BACKOFF_MS;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(part: Part, logger: Logger) {
    this.#part = part;
    this.#logger = logger;
  }

  start(): void {
    const { command, arguments: args, env, announcesReady } = this.#part;
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit', ...(announcesReady ? (['ipc'] as const) : [])],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env },
    });
    this.#child = child;
    this.#since = Date.now();
    this.#ready = !announcesReady;
    this.#detail = undefined;
    child.on('message', (message: PartMessage) => {
      this.#ready = message.ready;
      this.#detail = message.detail;
    });
    child.on('error', (error) => this.#logger.error({ err: error }, `cannot run ${command}`));
    child.on('close', (code, signal) => this.#ended(code, signal));
    this.#logger.debug({ pid: child.pid }, 'started');
  }

  status(): PartStatus {
    const { pid } = this.#child ?? {};
    return {
      name: this.#part.name,
      ...(pid === undefined ? {} : { pid }),
      ready: this.#child !== undefined && this.#ready,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
      restarts: this.#restarts,
      since: this.#since,
    };
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
    });
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await ended;
    clearTimeout(killer);
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined;
    this.#ready = false;
    if (this.#stopping) return;
    if (Date.now() - this.#since > STABLE_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#logger.error({ code, signal, retryMs: this.#backoffMs }, 'ended unexpectedly; it is started again');
    this.#restarts += 1;
    this.#timer = setTimeout(() => this.start(), this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, LAST_BACKOFF_MS);
  }
}

/** Tells the supervisor, if there is one, whether this process does its work. */
export function announce(message: PartMessage): void {
  if (process.connected) process.send?.(message);
}
