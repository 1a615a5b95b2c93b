/** Which connections there may be: so many in all and from one address, none without a request for long. */

export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
  /** From the handshake on, until the headers of a first request have come. As kube-apiserver has it. */
  readonly firstRequestMs: number;
  /** After the last request was answered. */
  readonly idleMs: number;
  /** How long what was sent may stay unread, however much of it was read by then: then the client gets no more. */
  readonly unreadMs: UnreadTimes;
}

export interface UnreadTimes {
  /** What a watch has to tell. */
  readonly watch: number;
  /** A whole answer. As kube-apiserver has it. */
  readonly answer: number;
  /** A piece of a long answer. */
  readonly piece: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  total: 2000,
  perAddress: 1000,
  firstRequestMs: 32_000,
  idleMs: 90_000,
  unreadMs: { watch: 300_000, answer: 60_000, piece: 30_000 },
};

interface Connection {
  readonly address: string;
  readonly close: () => void;
  openRequests: number;
  everAsked: boolean;
  usedMs: number;
}

/**
 * When there is no room, the connection that has been without a request for longest makes place, so that whoever only
 * holds connections open keeps nobody out. Knows no sockets; the clock is passed in.
 */
export class Connections<Key> {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Key, Connection>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** 'refused' when every connection that could make place is at work. `close` may be called once, at any time. */
  add(key: Key, address: string, close: () => void, nowMs: number): 'taken' | 'refused' {
    const { total, perAddress } = this.#limits;
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= perAddress && !this.#makePlace(address)) return 'refused';
    if (this.#open.size >= total && !this.#makePlace()) return 'refused';
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.#open.set(key, { address, close, openRequests: 0, everAsked: false, usedMs: nowMs });
    return 'taken';
  }

  requestBegan(key: Key): void {
    const connection = this.#open.get(key);
    if (!connection) return;
    connection.openRequests += 1;
    connection.everAsked = true;
  }

  requestEnded(key: Key, nowMs: number): void {
    const connection = this.#open.get(key);
    if (!connection) return;
    connection.openRequests -= 1;
    connection.usedMs = nowMs;
  }

  removed(key: Key): void {
    const connection = this.#open.get(key);
    if (!connection) return;
    this.#open.delete(key);
    const left = (this.#perAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(connection.address);
    else this.#perAddress.set(connection.address, left);
  }

  /** Closes what has been without a request for too long. */
  sweep(nowMs: number): void {
    const { firstRequestMs, idleMs } = this.#limits;
    for (const [key, { openRequests, everAsked, usedMs, close }] of this.#open) {
      if (openRequests > 0 || nowMs - usedMs < (everAsked ? idleMs : firstRequestMs)) continue;
      this.removed(key);
      close();
    }
  }

  #makePlace(address?: string): boolean {
    let idlest: [Key, Connection] | undefined;
    for (const [key, connection] of this.#open) {
      if (connection.openRequests > 0 || (address !== undefined && connection.address !== address)) continue;
      if (!idlest || connection.usedMs < idlest[1].usedMs) idlest = [key, connection];
    }
    if (!idlest) return false;
    this.removed(idlest[0]);
    idlest[1].close();
    return true;
  }
}
