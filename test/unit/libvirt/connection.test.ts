import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import { RpcClient } from '../../../src/host/libvirt/rpc/client.ts';
import { refByUuid, writeDomain } from '../../../src/host/libvirt/rpc/domain-ref.ts';
import { LibvirtTimeout, LibvirtUnavailable } from '../../../src/host/libvirt/rpc/error.ts';
import type { DomainEvent } from '../../../src/host/libvirt/rpc/events.ts';
import * as wire from '../../../src/host/libvirt/rpc/message.ts';
import { procedures } from '../../../src/host/libvirt/rpc/procedures.ts';
import { XdrWriter } from '../../../src/host/libvirt/rpc/xdr.ts';
import { FakeLibvirtd } from './fake-libvirtd.ts';

let libvirtd: FakeLibvirtd;

beforeEach(async () => {
  libvirtd = await FakeLibvirtd.start();
});

afterEach(async () => {
  await libvirtd.stop();
});

const version = new XdrWriter().uhyper(9_000_000).bytes();

test('a ping is answered with a pong', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath });
  const pong = new Promise<wire.Message>((resolve) => {
    libvirtd.onMessage = (message) => message.program === wire.keepaliveProgram && resolve(message);
  });
  libvirtd.send({
    program: wire.keepaliveProgram,
    type: wire.messageType.event,
    procedure: wire.keepalivePing,
  });
  expect((await pong).procedure).toBe(wire.keepalivePong);
  await client.close();
});

test('a daemon that falls silent is asked, and given up when it never answers', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath, pingIntervalMs: 10 });
  const waiting = expect(client.call(procedures.connectGetLibVersion)).rejects.toThrow(LibvirtUnavailable);
  expect((await client.ended).message).toMatch(/silent/);
  await waiting;
  expect(libvirtd.received.some((message) => message.program === wire.keepaliveProgram)).toBe(true);
});

test('a late answer is dropped and does not meet another call', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath });
  await expect(client.callWithin(5, procedures.connectGetLibVersion)).rejects.toThrow(LibvirtTimeout);
  const late = libvirtd.received.at(-1);
  libvirtd.answers.set(157, version);
  libvirtd.send({ ...late, type: wire.messageType.reply, payload: new XdrWriter().uhyper(1).bytes() });
  expect(await client.call(procedures.connectGetLibVersion)).toBe(9_000_000);
  await client.close();
});

/** Procedures and serials of slow calls that reached the daemon. */
const suspends = () => libvirtd.received.filter(({ procedure }) => procedure === 34);
const domain = refByUuid('00000000-0000-4000-8000-000000000001');
const answer = (call: wire.Message | undefined) =>
  libvirtd.send({ ...call, type: wire.messageType.reply, payload: Buffer.alloc(0) });

test('of slow calls four are under way at a time, and what is answered at once does not wait for them', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath });
  libvirtd.answers.set(157, version);
  const calls = Array.from({ length: 6 }, () => client.call(procedures.domainSuspend, domain));
  await client.call(procedures.connectGetLibVersion);
  expect(suspends()).toHaveLength(4);

  answer(suspends()[0]);
  await calls[0];
  await client.call(procedures.connectGetLibVersion);
  expect(suspends()).toHaveLength(5);

  libvirtd.dropConnections();
  const ends = await Promise.allSettled(calls);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', ...Array(5).fill('rejected')]);
});

test('a slow call keeps its place until it is answered, and too many that are overdue end the connection', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath });
  libvirtd.answers.set(157, version);
  const suspend = (timeoutMs: number) => client.callWithin(timeoutMs, procedures.domainSuspend, domain);
  const overdue = [suspend(5), suspend(5), suspend(5)];
  for (const each of overdue) await expect(each).rejects.toThrow(LibvirtTimeout);
  const [, waiting] = [suspend(10_000), suspend(5)].map((call) => call.catch((error: unknown) => error));
  await client.call(procedures.connectGetLibVersion);
  expect(suspends()).toHaveLength(4);

  answer(suspends()[0]);
  expect(await waiting).toBeInstanceOf(LibvirtTimeout);
  answer(suspends()[3]);
  await expect(suspend(5)).rejects.toThrow(LibvirtTimeout);
  expect((await client.ended).message).toMatch(/4 calls in hand/);
});

test('bytes that make no sense end the connection, and every call with it', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath });
  const waiting = expect(client.call(procedures.connectGetLibVersion)).rejects.toThrow(/cannot read/);
  libvirtd.send({ procedure: 318, type: wire.messageType.event, payload: new XdrWriter().int(1).bytes() });
  await waiting;
});

test('a daemon that does not answer while it is connected to was not sent anything, which no timeout says', async () => {
  libvirtd.answers.delete(1);
  const options = { socketPath: libvirtd.socketPath, callTimeoutMs: 5 };
  await expect(RpcClient.open(options)).rejects.toThrow(LibvirtUnavailable);
});

test('a socket that wants authentication is refused with a reason', async () => {
  libvirtd.answers.set(66, new XdrWriter().array([2], (w, n) => w.int(n)).bytes());
  await expect(RpcClient.open({ socketPath: libvirtd.socketPath })).rejects.toThrow(/wants authentication/);
});

test('the connection returns after a loss, and its events with it', async () => {
  const connection = new LibvirtConnection({ socketPath: libvirtd.socketPath, firstRetryMs: 1 });
  await expect(connection.call(procedures.connectGetLibVersion)).rejects.toThrow(LibvirtUnavailable);
  connection.start();
  await once(connection, 'connected');

  const [lost, back] = [once(connection, 'disconnected'), once(connection, 'connected')];
  libvirtd.dropConnections();
  await lost;
  await expect(connection.call(procedures.connectGetLibVersion)).rejects.toThrow(/not connected/);
  await back;

  const heard = once(connection, 'domain') as Promise<DomainEvent[]>;
  const event = new XdrWriter().int(0);
  writeDomain(event, { name: 'n', uuid: '12345678-9abc-def0-1234-56789abcdef0', id: 1 });
  libvirtd.send({ procedure: 318, type: wire.messageType.event, payload: event.int(2).int(0).bytes() });
  expect((await heard)[0]).toMatchObject({ kind: 'lifecycle', event: 'started' });
  await connection.close();
});

test('closing ends soon, also while a daemon accepts and does not answer', async () => {
  libvirtd.answers.clear();
  const connection = new LibvirtConnection({ socketPath: libvirtd.socketPath });
  const asked = new Promise<void>((resolve) => {
    libvirtd.onMessage = () => resolve();
  });
  connection.start();
  await asked;
  const began = performance.now();
  await connection.close();
  expect(performance.now() - began).toBeLessThan(1_000);
});
