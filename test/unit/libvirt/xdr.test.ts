import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readDomain, readUuid, writeDomain, writeUuid } from '../../../src/host/libvirt/rpc/domain-ref.ts';
import { LibvirtError, readError } from '../../../src/host/libvirt/rpc/error.ts';
import { readEvent } from '../../../src/host/libvirt/rpc/events.ts';
import {
  encodeMessage,
  FramingError,
  type Message,
  MessageSplitter,
} from '../../../src/host/libvirt/rpc/message.ts';
import { XdrError, XdrReader, XdrWriter } from '../../../src/host/libvirt/rpc/xdr.ts';

const hex = (writer: XdrWriter): string => writer.bytes().toString('hex');
const reader = (text: string): XdrReader => new XdrReader(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('XDR', () => {
  test.each([
    ['int', new XdrWriter().int(-2), 'fffffffe'],
    ['unsigned int', new XdrWriter().uint(0x20008086), '20008086'],
    ['unsigned hyper', new XdrWriter().uhyper(2 ** 40 + 1), '0000010000000001'],
    ['string of four', new XdrWriter().string('kvm!'), '000000046b766d21'],
    ['string with padding', new XdrWriter().string('ab'), '0000000261620000'],
    ['UTF-8 counts bytes', new XdrWriter().string('ü'), '00000002c3bc0000'],
    ['absent string', new XdrWriter().optionalString(null), '00000000'],
    ['present string', new XdrWriter().optionalString('a'), '000000010000000161000000'],
    ['array', new XdrWriter().array([1, 2], (w, n) => w.int(n)), '000000020000000100000002'],
  ])('writes %s', (_name, writer, expected) => {
    expect(hex(writer)).toBe(expected);
  });

  test('reads back what it wrote', () => {
    const values = fc.record({
      number: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      size: fc.maxSafeNat(),
      text: fc.string({ unit: 'grapheme' }),
      maybe: fc.option(fc.string()),
      list: fc.array(fc.string()),
    });
    fc.assert(
      fc.property(values, ({ number, size, text, maybe, list }) => {
        const writer = new XdrWriter().int(number).uhyper(size).string(text).optionalString(maybe);
        const bytes = writer.array(list, (w, each) => w.string(each)).bytes();
        const back = new XdrReader(bytes);
        expect([back.int(), back.uhyper(), back.string(), back.optionalString()]).toEqual([
          number,
          size,
          text,
          maybe,
        ]);
        expect(back.array((each) => each.string())).toEqual(list);
        expect(back.remaining).toBe(0);
      }),
    );
  });

  test('refuses what does not fit: a cut message, a huge array, a number that would be rounded', () => {
    expect(() => reader('0000').int()).toThrow(XdrError);
    expect(() => reader('7fffffff').string()).toThrow(XdrError);
    expect(() => reader('ffffffff').array((each) => each.int())).toThrow(XdrError);
    expect(() => reader('ffffffffffffffff').uhyper()).toThrow(XdrError);
    expect(() => new XdrWriter().uhyper(2 ** 53)).toThrow(XdrError);
  });
});

describe('domains', () => {
  test('a UUID is sixteen bare bytes', () => {
    const writer = new XdrWriter();
    writeUuid(writer, '12345678-9abc-def0-1234-56789abcdef0');
    expect(hex(writer)).toBe('123456789abcdef0123456789abcdef0');
    expect(readUuid(new XdrReader(writer.bytes()))).toBe('12345678-9abc-def0-1234-56789abcdef0');
    expect(() => writeUuid(new XdrWriter(), 'web')).toThrow(XdrError);
  });

  test('a domain is name, UUID, id', () => {
    const domain = { name: 'purlin-x', uuid: '12345678-9abc-def0-1234-56789abcdef0', id: -1 };
    const writer = new XdrWriter();
    writeDomain(writer, domain);
    expect(readDomain(new XdrReader(writer.bytes()))).toEqual(domain);
  });

  test('an error reply becomes a LibvirtError with its name', () => {
    const writer = new XdrWriter()
      .int(42)
      .int(10)
      .optionalString('Domain not found')
      .int(2)
      .optionalString(null);
    for (let index = 0; index < 3; index += 1) writer.optionalString(null);
    const error = readError(new XdrReader(writer.int(-1).int(-1).optionalString(null).bytes()));
    expect(error).toBeInstanceOf(LibvirtError);
    expect(error).toMatchObject({
      code: 42,
      codeName: 'NO_DOMAIN',
      domain: 10,
      level: 2,
      message: 'Domain not found',
    });
  });

  test('a lifecycle event says who and what; an unknown one is passed over', () => {
    const writer = new XdrWriter().int(7);
    writeDomain(writer, { name: 'n', uuid: '12345678-9abc-def0-1234-56789abcdef0', id: 3 });
    const bytes = writer.int(5).int(2).bytes();
    expect(readEvent(318, new XdrReader(bytes))).toEqual({
      domain: { name: 'n', uuid: '12345678-9abc-def0-1234-56789abcdef0', id: 3 },
      kind: 'lifecycle',
      event: 'stopped',
      detail: 2,
    });
    expect(readEvent(9999, new XdrReader(bytes))).toBeUndefined();
  });
});

describe('framing', () => {
  const message = (payload: Buffer): Message => ({
    program: 0x20008086,
    version: 1,
    procedure: 66,
    type: 0,
    serial: 3,
    status: 0,
    payload,
  });

  test('a call has a length that counts itself and six header words', () => {
    expect(encodeMessage(message(Buffer.alloc(0))).toString('hex')).toBe(
      '0000001c20008086000000010000004200000000000000030000000000000000'.slice(0, 56),
    );
  });

  test('messages come out whole, however the bytes arrive', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 });
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40 })), (list, cuts) => {
        const sent = list.map((payload) => message(Buffer.from(payload)));
        let rest = Buffer.concat(sent.map(encodeMessage));
        const splitter = new MessageSplitter();
        const received: Message[] = [];
        for (const cut of cuts) {
          received.push(...splitter.push(rest.subarray(0, cut)));
          rest = rest.subarray(cut);
        }
        if (rest.length > 0) received.push(...splitter.push(rest));
        expect(received).toEqual(sent);
      }),
    );
  });

  test('an impossible length ends the conversation', () => {
    expect(() => new MessageSplitter().push(Buffer.from('0000000400000000', 'hex'))).toThrow(FramingError);
    expect(() => new MessageSplitter().push(Buffer.from('7fffffff00000000', 'hex'))).toThrow(FramingError);
  });
});
