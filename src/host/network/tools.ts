import { readFile, writeFile } from 'node:fs/promises';
import { execa } from 'execa';
import { NetworkError } from './errors.ts';

/** The programs that the network adapter runs, by absolute path. */
const binaries = {
  ip: '/usr/sbin/ip',
  nft: '/usr/sbin/nft',
  dnsmasq: '/usr/sbin/dnsmasq',
  tee: '/usr/bin/tee',
  cat: '/usr/bin/cat',
} as const;
const nsenter = '/usr/bin/nsenter';
const setpriv = '/usr/bin/setpriv';

type Tool = keyof typeof binaries;
export const dnsmasqBinary = binaries.dnsmasq;

/** Nothing of our own environment reaches a tool; messages come untranslated. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', HOME: '/nonexistent' } as const;
const timeoutMs = 30_000;

/** A tool ended with a failure; `message` holds its own words. */
export class ToolFailure extends NetworkError {
  constructor(tool: string, words: string) {
    super('NetworkToolFailed', `${tool}: ${words}`);
  }
}

/** Runs tools where the host's network is: here, or in a network namespace by name. */
export class Tools {
  readonly #netns: string | undefined;

  constructor(netns?: string) {
    this.#netns = netns;
  }

  /** File whose inode is the identity of the network namespace. */
  get namespaceFile(): string {
    return this.#netns === undefined ? '/proc/self/ns/net' : `/run/netns/${this.#netns}`;
  }

  /**
   * Runs a tool to its end and returns its standard output.
   * @throws ToolFailure with the tool's own words.
   */
  async run(tool: Tool, args: readonly string[], input = ''): Promise<string> {
    const [binary, ...rest] = this.#command(tool, args);
    const result = await execa(binary, rest, {
      env: environment,
      extendEnv: false,
      input,
      reject: false,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
      cwd: '/',
    });
    if (!result.failed) return result.stdout;
    if (result.timedOut) throw new ToolFailure(tool, `did not finish within ${timeoutMs / 1000} s`);
    throw new ToolFailure(tool, result.stderr.trim() || (result.shortMessage ?? 'failed'));
  }

  /** A child that lives as long as this process, even when this process is killed. Never rejects. */
  follow(tool: Tool, args: readonly string[]) {
    return execa(setpriv, ['--pdeathsig', 'KILL', '--', ...this.#command(tool, args)], {
      env: environment,
      extendEnv: false,
      stdin: 'ignore',
      stderr: 'ignore',
      buffer: false,
      reject: false,
      cwd: '/',
    });
  }

  /** Several `ip` commands in one process; the first failure ends them. */
  async ipBatch(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
  }

  /** Writes a setting below /proc/sys/net, which shows each process its own namespace. */
  async sysctl(path: `net/${string}`, value: string): Promise<void> {
    const file = `/proc/sys/${path}`;
    if (this.#netns === undefined) await writeFile(file, value);
    else await this.run('tee', [file], value);
  }

  /** A setting below /proc/sys/net, without its line feed. */
  async readSysctl(path: `net/${string}`): Promise<string> {
    const file = `/proc/sys/${path}`;
    const text = this.#netns === undefined ? await readFile(file, 'utf8') : await this.run('cat', [file]);
    return text.trim();
  }

  /** `ip` enters a namespace by itself; `ip netns exec` would remount /sys for the others. */
  #command(tool: Tool, args: readonly string[]): [string, ...string[]] {
    if (this.#netns === undefined) return [binaries[tool], ...args];
    if (tool === 'ip') return [binaries.ip, '-n', this.#netns, ...args];
    return [nsenter, `--net=/run/netns/${this.#netns}`, '--', binaries[tool], ...args];
  }
}
