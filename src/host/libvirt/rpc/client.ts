import { connect, type Socket } from 'node:net';
import { Buffer } from 'node:buffer';
import { LibvirtTimeout, LibvirtUnavailable, readError } from './error.ts';
import { type DomainEvent, eventSources, readEvent } from './events.ts';
import * as wire from './message.ts';
import { type Procedure, procedures } from './procedures.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

export interface RpcOptions {
  socketPath: string;
  /** libvirt's connection URI; the QEMU driver of a system daemon unless told otherwise */
  uri?: string;
  /** limit of a call that names none, in milliseconds */
  callTimeoutMs?: number;
  /**
   * Slow calls that libvirt has in hand at a time, 4 unless told otherwise; further ones wait here. It has to be less
   * than its `max_client_requests`: at so many calls of one connection libvirtd reads nothing more from it, pings and
   * the answers to its own included, and after half a minute each takes the other for dead.
   */
  slowCallsAtOnce?: number;
  /** how often we ask a silent libvirt whether it is still there, in milliseconds */
  pingIntervalMs?: number;
  /** gives up opening, or closes what is open */
  signal?: AbortSignal;
}

interface PendingCall {
  slow: boolean;
  /** nobody waits for it any more */
  overdue: boolean;
  resolve: (payload: Buffer) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** One fewer than the default of libvirtd's `max_client_requests`. */
const fewSlowCalls = 4;

/**
 * One connection to a libvirt daemon over its unix socket. Calls are pipelined and matched by serial;
 * each has a time limit. A broken connection ends every call with {@link LibvirtUnavailable} and is not
 * repaired here: see `LibvirtConnection`.
 *
 * @see https://libvirt.org/kbase/internals/rpc.html
 */
export class RpcClient {
  readonly #socket: Socket;
  readonly #splitter = new wire.MessageSplitter();
  /** What libvirt has not answered, although its time may be over: until it does, it has it in hand. */
  readonly #pending = new Map<number, PendingCall>();
  /** Slow calls that have not been sent. */
  readonly #queue: (() => void)[] = [];
  readonly #slowCallsAtOnce: number;
  #slowCalls = 0;
  #overdue = 0;
  readonly #callTimeoutMs: number;
  readonly #ended = Promise.withResolvers<Error>();
  #serial = 0;
  #endReason: Error | undefined;
  #lastHeard = performance.now();
  #heartbeat: NodeJS.Timeout | undefined;

  /** Called with every event of {@link eventSources}, in libvirt's order. */
  onEvent: (event: DomainEvent) => void = () => {};

  private constructor(socket: Socket, options: RpcOptions) {
    this.#socket = socket;
    this.#slowCallsAtOnce = options.slowCallsAtOnce ?? fewSlowCalls;
    this.#callTimeoutMs = options.callTimeoutMs ?? 30_000;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) =>
      this.#end(new LibvirtUnavailable(`libvirt's connection broke: ${error.message}`)),
    );
    socket.on('close', () => this.#end(new LibvirtUnavailable('libvirt closed the connection')));
    this.#startHeartbeat(options.pingIntervalMs ?? 5_000);
    const abort = () => this.#end(new LibvirtUnavailable('the connection was given up by us'));
    if (options.signal?.aborted === true) abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    void this.ended.then(() => options.signal?.removeEventListener('abort', abort));
  }

  /**
   * Connects, authenticates, opens the hypervisor and registers for all events.
   *
   * @throws LibvirtUnavailable or LibvirtError
   */
  static async open(options: RpcOptions, onEvent?: (event: DomainEvent) => void): Promise<RpcClient> {
    const client = new RpcClient(await dial(options.socketPath), options);
    if (onEvent !== undefined) client.onEvent = onEvent;
    try {
      const methods = await client.call(procedures.authList);
      if (!methods.includes(authNone)) {
        throw new LibvirtUnavailable(
          `${options.socketPath} wants authentication; run as root or allow the socket`,
        );
      }
      await client.call(procedures.connectOpen, options.uri ?? 'qemu:///system', 0);
      await client.call(procedures.connectSupportsFeature, featureKeepalive);
      await Promise.all(
        eventSources.map(({ eventId }) => client.call(procedures.domainEventRegister, eventId, null)),
      );
      return client;
    } catch (error) {
      // A timeout would say of a call that libvirt may have it in hand.
      const answered = error instanceof Error && !(error instanceof LibvirtTimeout);
      const reason = answered ? error : new LibvirtUnavailable(String(error));
      client.#end(reason);
      throw reason;
    }
  }

  /** Resolves with the reason once the connection has ended, in whatever way. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  async call<Args extends readonly unknown[], Result>(
    procedure: Procedure<Args, Result>,
    ...args: Args
  ): Promise<Result> {
    return await this.callWithin(this.#callTimeoutMs, procedure, ...args);
  }

  /**
   * @param timeoutMs counts from when the call is sent
   * @throws LibvirtError, LibvirtTimeout or LibvirtUnavailable
   */
  async callWithin<Args extends readonly unknown[], Result>(
    timeoutMs: number,
    procedure: Procedure<Args, Result>,
    ...args: Args
  ): Promise<Result> {
    if (this.#endReason !== undefined) throw this.#endReason;
    const writer = new XdrWriter();
    procedure.write(writer, ...args);
    if (procedure.slow) await this.#turn();
    const payload = await this.#request(procedure, writer.bytes(), timeoutMs);
    return procedure.read(new XdrReader(payload));
  }

  /** Says goodbye and closes; calls still under way end with LibvirtUnavailable. */
  async close(): Promise<void> {
    if (this.#endReason === undefined) await this.callWithin(1_000, procedures.connectClose).catch(() => {});
    this.#end(new LibvirtUnavailable('the connection was closed by us'));
  }

  /** Resolves when another slow call may be sent. */
  async #turn(): Promise<void> {
    if (this.#slowCalls < this.#slowCallsAtOnce) this.#slowCalls += 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    if (this.#endReason !== undefined) throw this.#endReason;
  }

  #request(
    { number, slow }: Pick<Procedure<never, unknown>, 'number' | 'slow'>,
    payload: Buffer,
    timeoutMs: number,
  ): Promise<Buffer> {
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // A reply that comes later is heard by nobody.
        reject(new LibvirtTimeout(`libvirt did not answer procedure ${number} within ${timeoutMs} ms`));
        this.#giveUpOn(call);
      }, timeoutMs);
      const call: PendingCall = { slow, overdue: false, resolve, reject, timer };
      this.#pending.set(serial, call);
      this.#send({ ...remoteCall, procedure: number, serial, payload });
    });
  }

  /** Guests that hang may keep libvirt from ever answering; a new connection is free of what this one is burdened with. */
  #giveUpOn(call: PendingCall): void {
    if (!call.slow) return;
    call.overdue = true;
    this.#overdue += 1;
    if (this.#overdue < this.#slowCallsAtOnce) return;
    this.#end(new LibvirtUnavailable(`libvirt has ${this.#overdue} calls in hand whose time is over`));
  }

  #endTurn({ slow, overdue }: PendingCall): void {
    if (!slow) return;
    if (overdue) this.#overdue -= 1;
    const next = this.#queue.shift();
    if (next) next();
    else this.#slowCalls -= 1;
  }

  #send(message: wire.Message): void {
    this.#socket.write(wire.encodeMessage(message));
  }

  #receive(chunk: Buffer): void {
    this.#lastHeard = performance.now();
    try {
      for (const message of this.#splitter.push(chunk)) this.#dispatch(message);
    } catch (error) {
      // Framing or XDR that we cannot read: both sides have lost step, only a new connection helps.
      this.#end(new LibvirtUnavailable(`libvirt sent what we cannot read: ${String(error)}`));
    }
  }

  #dispatch(message: wire.Message): void {
    if (message.program === wire.keepaliveProgram) {
      if (message.procedure === wire.keepalivePing)
        this.#send({ ...keepalive, procedure: wire.keepalivePong });
      return;
    }
    if (message.program !== wire.remoteProgram) return;
    if (message.type === wire.messageType.event) {
      const event = readEvent(message.procedure, new XdrReader(message.payload));
      if (event !== undefined) this.onEvent(event);
    }
    if (message.type === wire.messageType.reply) this.#settle(message);
  }

  #settle(message: wire.Message): void {
    const call = this.#pending.get(message.serial);
    if (call === undefined) return;
    this.#pending.delete(message.serial);
    this.#endTurn(call);
    clearTimeout(call.timer);
    if (message.status === wire.messageStatus.ok) call.resolve(message.payload);
    else call.reject(readError(new XdrReader(message.payload)));
  }

  /** A daemon that is stopped or hangs keeps its socket open: only silence tells. */
  #startHeartbeat(intervalMs: number): void {
    this.#heartbeat = setInterval(() => {
      const silentMs = performance.now() - this.#lastHeard;
      if (silentMs > intervalMs * silentIntervals) {
        this.#end(new LibvirtUnavailable(`libvirt has been silent for ${Math.round(silentMs)} ms`));
      } else if (silentMs >= intervalMs * 0.9) {
        this.#send({ ...keepalive, procedure: wire.keepalivePing });
      }
    }, intervalMs);
    this.#heartbeat.unref();
  }

  #end(reason: Error): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    clearInterval(this.#heartbeat);
    this.#socket.destroy();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(reason);
    }
    this.#pending.clear();
    for (const wake of this.#queue.splice(0)) wake();
    this.#ended.resolve(reason);
  }
}

/** `remote_auth_type` none; SASL and polkit are for sockets that are not ours. */
const authNone = 0;

/** VIR_DRV_FEATURE_PROGRAM_KEEPALIVE: asking for it makes the daemon ping us as well. */
const featureKeepalive = 11;

/** libvirt's own default is five unanswered pings, too. */
const silentIntervals = 5;

const empty = Buffer.alloc(0);
const remoteCall = {
  program: wire.remoteProgram,
  version: wire.remoteVersion,
  type: wire.messageType.call,
  status: wire.messageStatus.ok,
};
const keepalive = {
  program: wire.keepaliveProgram,
  version: wire.keepaliveVersion,
  type: wire.messageType.event,
  serial: 0,
  status: wire.messageStatus.ok,
  payload: empty,
};

async function dial(path: string): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ path });
    const refuse = (error: Error) =>
      reject(new LibvirtUnavailable(`libvirt cannot be reached at ${path}: ${error.message}`));
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.off('error', refuse);
      resolve(socket);
    });
  });
}
