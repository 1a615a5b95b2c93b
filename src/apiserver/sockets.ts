/** Keeps the sockets of a server within the limits on connections. */
import type {
  Http2SecureServer,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Connections } from './connections.ts';
import type { ConnectionLimits } from './connections.ts';
import type { Logger } from './context.ts';

/** A client that vanished without a word is noticed, and its watches end. */
const KEEP_ALIVE_MS = 30_000;
/** How often at least to look for connections that have nothing to do. */
const SWEEP_MS = 5000;

export interface FollowedSockets {
  /** Counts a request as work of its connection until it is answered. */
  follow(request: Http2ServerRequest, response: Http2ServerResponse): void;
  /** Cuts every connection. */
  destroy(): void;
  stop(): void;
}

/** All that there is of one connection. Destroying the first socket does not end the TLS socket over it. */
interface Ends {
  readonly sockets: Set<Socket>;
  session?: ServerHttp2Session;
}

export function followSockets(
  server: Http2SecureServer,
  limits: ConnectionLimits,
  logger: Logger,
): FollowedSockets {
  const connections = new Connections<string>(limits);
  const open = new Map<string, Ends>();
  const keyOfSession = new WeakMap<ServerHttp2Session, string>();

  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    const ends: Ends = { sockets: new Set([socket]) };
    const taken = connections.add(
      key,
      socket.remoteAddress ?? '',
      () => closeGently(ends),
      performance.now(),
    );
    if (taken === 'refused') {
      logger.warn({ address: socket.remoteAddress, limits }, 'Too many connections: one was refused');
      socket.destroy();
      return;
    }
    open.set(key, ends);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('close', () => {
      open.delete(key);
      connections.removed(key);
    });
  });
  server.on('secureConnection', (socket) => open.get(keyOf(socket))?.sockets.add(socket));
  server.on('session', (session) => {
    const key = keyOf(session.socket);
    keyOfSession.set(session, key);
    const ends = open.get(key);
    if (ends) ends.session = session;
  });
  const sweep = setInterval(
    () => connections.sweep(performance.now()),
    Math.min(SWEEP_MS, limits.firstRequestMs),
  );
  sweep.unref();
  return {
    follow: (request, response) => {
      const session = request.stream?.session as ServerHttp2Session | undefined;
      const key = (session && keyOfSession.get(session)) ?? keyOf(request.socket);
      connections.requestBegan(key);
      response.on('close', () => connections.requestEnded(key, performance.now()));
    },
    destroy: () => open.forEach(({ sockets }) => sockets.forEach((socket) => socket.destroy())),
    stop: () => clearInterval(sweep),
  };
}

/** The same for a socket and the TLS socket over it. */
const keyOf = ({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string =>
  `${remoteAddress} ${remotePort}`;

/** A client of HTTP/2 is told to open another connection; the other kind expects that a kept one ends. */
function closeGently({ sockets, session }: Ends): void {
  if (session && !session.closed) session.close();
  else sockets.forEach((socket) => socket.destroy());
}
