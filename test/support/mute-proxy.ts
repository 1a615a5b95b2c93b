/** A way through which connections can be lost without a word, as when a machine or a NAT entry is gone. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts, Socket } from 'node:net';

export interface MuteProxy {
  /** Where it listens, if not at a path. */
  readonly port: number;
  /** Of all that are open now: nothing gets through any more, and neither end hears of it. */
  mute(which?: (sent: string) => boolean): void;
  close(): Promise<void>;
}

/** @param listenAt a path of its own, or nothing for a port of 127.0.0.1 */
export async function startMuteProxy(to: NetConnectOpts, listenAt?: string): Promise<MuteProxy> {
  const open = new Set<{ ends: readonly Socket[]; sent: string; muted: boolean }>();
  const server = createServer((near) => {
    const far = connect(to);
    const one = { ends: [near, far] as const, sent: '', muted: false };
    open.add(one);
    near.on('data', (data) => {
      one.sent += data.toString('latin1');
      if (!one.muted) far.write(data);
    });
    far.on('data', (data) => void (one.muted || near.write(data)));
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      end.on('error', () => undefined);
      end.on('close', () => {
        if (end === near) open.delete(one);
        if (end === near || !one.muted) other.destroy();
      });
    }
  });
  server.listen(listenAt ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === 'string' ? 0 : address.port,
    mute: (which = () => true) => {
      for (const one of open) one.muted ||= which(one.sent);
    },
    close: async () => {
      for (const { ends } of open) for (const end of ends) end.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
