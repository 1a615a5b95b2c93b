/** `purlin apiserver` in a process of its own, and `purlin` commands beside it, from the sources. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { externalEndpoint } from '../../../src/compose/external-api.ts';
import { ApiClient } from '../../../src/reconcile/api-client.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
const FLAGS = ['--disable-warning=ExperimentalWarning', MAIN];

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export class ApiProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'purlin-store-cli-'));
  readonly dataDir = join(this.directory, 'data');
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  static async create(): Promise<ApiProcess> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    return new ApiProcess(port);
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const place = ['--data-dir', this.dataDir, '--api-port', String(this.#port)];
    const child = spawn(process.execPath, [...FLAGS, 'apiserver', ...place, '--log-format', 'json'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    const said: string[] = [];
    for await (const line of createInterface(child.stderr)) {
      said.push(line);
      if (line.includes('API serves')) {
        child.stderr.resume();
        return;
      }
    }
    throw new Error(`the API server ended: ${said.join('\n')}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** A file of this test, outside the data directory. */
  path(name: string): string {
    return join(this.directory, name);
  }

  async purlin(...args: string[]): Promise<CommandResult> {
    const { exitCode, stdout, stderr } = await execa(
      process.execPath,
      [...FLAGS, ...args, '--data-dir', this.dataDir],
      { reject: false, timeout: 60_000 },
    );
    return { code: exitCode ?? -1, stdout, stderr };
  }

  async client(): Promise<ApiClient> {
    return new ApiClient(await externalEndpoint(join(this.dataDir, 'kubeconfig')));
  }
}
