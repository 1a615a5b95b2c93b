import { Buffer } from 'node:buffer';

/** Framing of libvirt's RPC: a length that counts itself, six header words, then the XDR payload. */
export interface Message {
  program: number;
  version: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
  payload: Buffer;
}

export const remoteProgram = 0x20008086;
export const remoteVersion = 1;
export const keepaliveProgram = 0x6b656570;
export const keepaliveVersion = 1;
export const keepalivePing = 1;
export const keepalivePong = 2;

/** virNetMessageType. Streams are not used: consoles are read from their log files. */
export const messageType = { call: 0, reply: 1, event: 2 } as const;
export const messageStatus = { ok: 0, error: 1 } as const;

const headerBytes = 28;

/** VIR_NET_MESSAGE_MAX and room for the length word. */
const maxMessageBytes = 32 * 1024 * 1024 + 4;

export function encodeMessage(message: Message): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32BE(headerBytes + message.payload.length, 0);
  header.writeUInt32BE(message.program, 4);
  header.writeUInt32BE(message.version, 8);
  header.writeInt32BE(message.procedure, 12);
  header.writeInt32BE(message.type, 16);
  header.writeUInt32BE(message.serial, 20);
  header.writeInt32BE(message.status, 24);
  return Buffer.concat([header, message.payload]);
}

export class FramingError extends Error {
  override readonly name = 'FramingError';
}

/** Cuts a byte stream into messages, however the bytes happen to arrive. */
export class MessageSplitter {
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** @throws FramingError when the peer announces an impossible length; the connection is then useless. */
  push(chunk: Buffer): Message[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const messages: Message[] = [];
    for (let length = this.#nextLength(); length <= this.#buffered; length = this.#nextLength()) {
      messages.push(decodeMessage(this.#take(length)));
    }
    return messages;
  }

  /** Length of the message that stands first, or infinity while even its length is incomplete. */
  #nextLength(): number {
    if (this.#buffered < 4) return Number.POSITIVE_INFINITY;
    const [first] = this.#chunks;
    if (first !== undefined && first.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = this.#chunks[0]?.readUInt32BE() ?? 0;
    if (length < headerBytes || length > maxMessageBytes) {
      throw new FramingError(`a message of ${length} bytes was announced`);
    }
    return length;
  }

  #take(length: number): Buffer {
    // Joined once per message, so that a large reply in many small chunks costs linear time.
    const joined = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const rest = joined.subarray(length);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return joined.subarray(0, length);
  }
}

function decodeMessage(bytes: Buffer): Message {
  return {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    payload: bytes.subarray(headerBytes),
  };
}
