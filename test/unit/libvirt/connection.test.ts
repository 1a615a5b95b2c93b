import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import { RpcClient } from '../../../src/host/libvirt/rpc/client.ts';
import { writeDomain } from '../../../src/host/libvirt/rpc/domain-ref.ts';
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

test('bytes that make no sense end the connection, and every call with it', async () => {
  const client = await RpcClient.open({ socketPath: libvirtd.socketPath });
  const waiting = expect(client.call(procedures.connectGetLibVersion)).rejects.toThrow(/cannot read/);
  libvirtd.send({ procedure: 318, type: wire.messageType.event, payload: new XdrWriter().int(1).bytes() });
  await waiting;
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
