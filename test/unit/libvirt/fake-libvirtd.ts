import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Buffer } from 'node:buffer';
import * as wire from '../../../src/host/libvirt/rpc/message.ts';
import { XdrWriter } from '../../../src/host/libvirt/rpc/xdr.ts';

/** Answers the calls that open a connection, and whatever a test adds; everything else stays unanswered. */
export class FakeLibvirtd {
  readonly #server: Server;
  readonly #directory: string;
  readonly #sockets = new Set<Socket>();
  readonly received: wire.Message[] = [];
  readonly answers = new Map<number, Buffer>([
    [66, new XdrWriter().array([0], (w, n) => w.int(n)).bytes()],
    [1, Buffer.alloc(0)],
    [60, new XdrWriter().int(1).bytes()],
    [316, new XdrWriter().int(0).bytes()],
    [2, Buffer.alloc(0)],
  ]);
  /** called with each message that arrives */
  onMessage: (message: wire.Message) => void = () => {};

  private constructor(server: Server, directory: string) {
    this.#server = server;
    this.#directory = directory;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(): Promise<FakeLibvirtd> {
    const directory = await mkdtemp(join(tmpdir(), 'purlin-fake-libvirtd-'));
    const fake = new FakeLibvirtd(createServer(), directory);
    await new Promise<void>((resolve) => fake.#server.listen(fake.socketPath, resolve));
    return fake;
  }

  get socketPath(): string {
    return join(this.#directory, 'libvirt-sock');
  }

  send(message: Partial<wire.Message>): void {
    const whole = { program: wire.remoteProgram, version: 1, procedure: 0, type: 0, serial: 0, status: 0 };
    for (const socket of this.#sockets) {
      socket.write(wire.encodeMessage({ ...whole, payload: Buffer.alloc(0), ...message }));
    }
  }

  /** As when the daemon is killed. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const splitter = new wire.MessageSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const message of splitter.push(chunk)) {
        this.received.push(message);
        const payload =
          message.program === wire.remoteProgram ? this.answers.get(message.procedure) : undefined;
        if (payload !== undefined) socket.write(wire.encodeMessage({ ...message, type: 1, payload }));
        this.onMessage(message);
      }
    });
  }
}
