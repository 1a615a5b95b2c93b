import { EventEmitter } from 'node:events';
import { RpcClient, type RpcOptions } from './rpc/client.ts';
import { LibvirtUnavailable } from './rpc/error.ts';
import type { DomainEvent } from './rpc/events.ts';
import type { Procedure } from './rpc/procedures.ts';

export interface ConnectionEvents {
  /** Events are registered and calls work; whatever happened before is unknown, so list everything. */
  connected: [];
  /** Nothing is known any more until `connected`. */
  disconnected: [reason: Error];
  domain: [event: DomainEvent];
}

export interface ConnectionOptions extends RpcOptions {
  /** first pause before another attempt, in milliseconds; doubled each time */
  firstRetryMs?: number;
  /** longest pause, in milliseconds */
  longestRetryMs?: number;
}

/**
 * Keeps one connection to libvirt, over restarts of libvirtd. While there is none, calls fail at once:
 * the caller's own loop decides when to try again, and nothing queues up behind a daemon that is down.
 */
export class LibvirtConnection extends EventEmitter<ConnectionEvents> {
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();
  #client: RpcClient | undefined;
  #lastFailure: Error = new LibvirtUnavailable('libvirt has not been connected yet');
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    super();
    this.#options = options;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** Begins to connect, and keeps at it until {@link close}. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Tries again now instead of after the pause; for whoever has just started libvirtd. */
  retryNow(): void {
    this.#wake?.();
  }

  /**
   * @throws LibvirtUnavailable at once while disconnected, with the reason of the last attempt
   * @throws LibvirtError, LibvirtTimeout
   */
  async call<Args extends readonly unknown[], Result>(
    procedure: Procedure<Args, Result>,
    ...args: Args
  ): Promise<Result> {
    return await this.#requireClient().call(procedure, ...args);
  }

  /** The same with a time limit of its own, for calls that take long by nature. */
  async callWithin<Args extends readonly unknown[], Result>(
    timeoutMs: number,
    procedure: Procedure<Args, Result>,
    ...args: Args
  ): Promise<Result> {
    return await this.#requireClient().callWithin(timeoutMs, procedure, ...args);
  }

  /**
   * Over a connection of its own, which ends with the time limit: for what a guest may keep libvirt waiting with for
   * longer than anybody waits here.
   *
   * @throws LibvirtTimeout only when libvirt was sent the call; LibvirtUnavailable, LibvirtError
   */
  async callAside<Args extends readonly unknown[], Result>(
    timeoutMs: number,
    procedure: Procedure<Args, Result>,
    ...args: Args
  ): Promise<Result> {
    const client = await RpcClient.open({ ...this.#options, signal: this.#closing.signal });
    try {
      return await client.callWithin(timeoutMs, procedure, ...args);
    } finally {
      void client.close();
    }
  }

  /** Ends soon, even while libvirtd hangs. */
  async close(): Promise<void> {
    const client = this.#client;
    await client?.close();
    this.#closing.abort();
    this.#wake?.();
    await this.#running;
  }

  #requireClient(): RpcClient {
    if (this.#client === undefined) {
      throw new LibvirtUnavailable(`libvirt is not connected: ${this.#lastFailure.message}`);
    }
    return this.#client;
  }

  async #run(): Promise<void> {
    const first = this.#options.firstRetryMs ?? 50;
    let pauseMs = first;
    while (!this.#closing.signal.aborted) {
      if (await this.#serveOneConnection()) pauseMs = first;
      else pauseMs = Math.min(pauseMs * 2, this.#options.longestRetryMs ?? 2_000);
      if (!this.#closing.signal.aborted) await this.#pause(pauseMs);
    }
  }

  /** @returns whether there was a connection at all */
  async #serveOneConnection(): Promise<boolean> {
    let client: RpcClient;
    try {
      client = await RpcClient.open({ ...this.#options, signal: this.#closing.signal }, (event) =>
        this.emit('domain', event),
      );
    } catch (error) {
      this.#lastFailure = error instanceof Error ? error : new Error(String(error));
      return false;
    }
    this.#client = client;
    this.emit('connected');
    this.#lastFailure = await client.ended;
    this.#client = undefined;
    this.emit('disconnected', this.#lastFailure);
    return true;
  }

  async #pause(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
