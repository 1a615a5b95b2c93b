/** A process with failpoints, as its supervisor and its tormentor see it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { HostUnderTest } from '../support/host-under-test.ts';
import { type ArmedFault, readArmed, replaceFile } from './armed-faults.ts';
import { filesOf, type JournalEntry, type ProcessName } from './faults.ts';
import { JournalReader } from './journal-reader.ts';

/** Started again as soon as it ends, for whatever reason, until {@link close}. */
export class CrashableProcess {
  readonly name: ProcessName;
  readonly #files: ReturnType<typeof filesOf>;
  readonly #journal: JournalReader;
  readonly #spawn: () => Promise<ChildProcess>;
  #child: ChildProcess | undefined;
  #starting: Promise<void> = Promise.resolve();
  #closing = false;
  /** Of the journal, up to where the present phase begins. */
  #phaseBegins = 0;

  /** @param spawn starts it, with `directory` as the place of its failpoints */
  constructor(name: ProcessName, directory: string, spawn: () => Promise<ChildProcess>) {
    this.name = name;
    this.#files = filesOf(directory);
    this.#spawn = spawn;
    mkdirSync(directory, { recursive: true });
    writeFileSync(this.#files.phase, '');
    writeFileSync(this.#files.armed, '[]');
    writeFileSync(this.#files.journal, '');
    this.#journal = new JournalReader(this.#files.journal);
  }

  async start(): Promise<void> {
    this.#starting = this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    const child = await this.#spawn();
    this.#child = child;
    child.once('exit', () => {
      if (!this.#closing) void this.start();
    });
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`the ${this.name} was not started`);
    return this.#child.pid;
  }

  /** Whether the process that runs now has said that it works. */
  isReady(): boolean {
    const last = this.#journal.entries().findLast((entry) => entry.event === 'ready');
    return last !== undefined && last.pid === this.#child?.pid;
  }

  /** A phase begins, in which faults wait for their boundaries. */
  begin(phase: string, armed: readonly ArmedFault[]): void {
    this.#phaseBegins = this.#journal.entries().length;
    replaceFile(this.#files.phase, phase);
    replaceFile(this.#files.armed, JSON.stringify(armed));
  }

  /** Boundaries of faults that have not struck yet. */
  waiting(): string[] {
    return readArmed(this.#files.armed).map(({ boundary }) => boundary);
  }

  /** What it did in the present phase. */
  journal(): JournalEntry[] {
    return this.#journal.entries().slice(this.#phaseBegins);
  }

  signal(signal: 'SIGCONT' | 'SIGKILL'): void {
    this.#child?.kill(signal);
  }

  /** Whether SIGSTOP has taken effect on all of its threads. */
  isStopped(): boolean {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  }

  /** Kills it. It is not started again any more. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#ended('SIGKILL');
  }

  /** Ends it in the ordinary way, for good. */
  async end(): Promise<void> {
    this.#closing = true;
    await this.#ended('SIGTERM');
  }

  async #ended(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#starting.catch(() => undefined);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
}

/** Who did nothing for this long is at rest: nothing in Purlin waits longer, but after a failure. */
const silenceMs = 1_500;

/** Waits until none of the processes has done anything for a while, nor is in the middle of something. */
export async function untilSilent(
  host: HostUnderTest,
  processes: readonly CrashableProcess[],
): Promise<void> {
  let seen = { entries: -1, atMs: 0 };
  await host.until('silence', async () => {
    const entries = processes.flatMap((each) => each.journal());
    if (entries.length !== seen.entries) seen = { entries: entries.length, atMs: performance.now() };
    return !inTheMiddle(entries) && performance.now() - seen.atMs > silenceMs;
  });
}

const inTheMiddle = (entries: readonly JournalEntry[]): boolean => {
  const count = (...events: JournalEntry['event'][]): number =>
    entries.filter(({ event }) => events.includes(event)).length;
  return count('reached') > count('passed', 'failed');
};
