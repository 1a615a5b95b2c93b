import { describe, expect, test } from '@jest/globals';
import { type Order, OrderTooLarge, orderId, readOrder, writeOrder } from '../../../src/queue/order.ts';
import { generateSealingKeys, open, seal } from '../../../src/queue/sealing.ts';
import { createSigner, createVerifier, generateSigningKeys } from '../../../src/queue/signature.ts';

const host = generateSealingKeys();

const defining = (userData: string): Order => ({
  orderId: 'x',
  installationUid: 'i',
  hostUid: 'a',
  uid: 'u',
  kind: 'Machine',
  namespace: 'default',
  name: 'web',
  generation: 2,
  epoch: 1,
  incarnation: 'n',
  basis: 3,
  action: {
    name: 'machine.define',
    arguments: {
      namespace: 'default',
      name: 'web',
      cpus: 1,
      memoryBytes: 2 ** 28,
      firmware: 'BIOS',
      disks: [],
      interfaces: [],
      seed: { metaData: '', networkConfig: '', userData },
      restartToken: '',
      definitionHash: 'h',
    },
  },
  lock: ['u'],
  issuedAt: 0,
});

describe('an order on its way', () => {
  test('arrives as it was sent, its seed unreadable in between', () => {
    const order = defining('secret');
    const text = writeOrder(order, host.publicKey);
    expect(text).not.toContain('secret');
    expect(readOrder(text, host.privateKey)).toEqual(order);
  });

  test('is of no use to another host, for another object or at another generation', () => {
    const text = writeOrder(defining('secret'), host.publicKey);
    expect(() => readOrder(text, generateSealingKeys().privateKey)).toThrow();
    for (const change of [{ uid: 'v' }, { generation: 3 }, { hostUid: 'b' }]) {
      const changed = JSON.stringify({ ...JSON.parse(text), ...change });
      expect(() => readOrder(changed, host.privateKey)).toThrow();
    }
  });

  test('is refused with its size when it is too large', () => {
    expect(() => writeOrder(defining('x'.repeat(256 * 1024)), host.publicKey)).toThrow(OrderTooLarge);
    expect(() => writeOrder(defining('x'.repeat(64 * 1024)), host.publicKey)).not.toThrow();
  });

  test('is refused when a field has the wrong type', () => {
    const text = writeOrder(defining(''), host.publicKey);
    const with_ = (change: object): string => JSON.stringify({ ...JSON.parse(text), ...change });
    expect(() => readOrder(with_({ generation: '2' }), host.privateKey)).toThrow("the order's generation");
    expect(() => readOrder(with_({ lock: 'u' }), host.privateKey)).toThrow("the order's lock");
  });

  test('has the same identity for the same action at the same generation only', () => {
    const order = defining('');
    expect(orderId({ ...order, basis: 9 } as Order)).toBe(orderId(order));
    expect(orderId({ ...order, generation: 9 })).not.toBe(orderId(order));
    expect(orderId({ ...order, action: { name: 'machine.powerOff', arguments: {} } })).not.toBe(
      orderId(order),
    );
  });
});

describe('sealing', () => {
  test('gives another text every time', () => {
    expect(seal('same', host.publicKey, 'c')).not.toEqual(seal('same', host.publicKey, 'c'));
  });

  test('notices every change', () => {
    const sealed = seal('text', host.publicKey, 'c');
    expect(open(sealed, host.privateKey, 'c')).toBe('text');
    expect(() => open(sealed, host.privateKey, 'd')).toThrow();
    for (const member of ['ciphertext', 'nonce', 'tag'] as const) {
      const bytes = Buffer.from(sealed[member], 'base64');
      bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      expect(() => open({ ...sealed, [member]: bytes.toString('base64') }, host.privateKey, 'c')).toThrow();
    }
    const short = Buffer.from(sealed.tag, 'base64').subarray(0, 4).toString('base64');
    expect(() => open({ ...sealed, tag: short }, host.privateKey, 'c')).toThrow();
  });
});

describe('a signature', () => {
  const keys = generateSigningKeys();
  const sign = createSigner(keys.privateKey);
  const verify = createVerifier(keys.publicKey);

  test('holds for the payload, the purpose and the key', () => {
    const record = JSON.stringify(sign('order', 'text'));
    expect(verify('order', record)).toBe('text');
    expect(verify('epoch', record)).toBeUndefined();
    expect(createVerifier(generateSigningKeys().publicKey)('order', record)).toBeUndefined();
    expect(verify('order', record.replace('text', 'texT'))).toBeUndefined();
  });

  test.each(['', '{}', 'null', '[]', '{"payload":1,"signature":""}', '{"payload":"a","signature":"%"}'])(
    'is not found in %j',
    (record) => {
      expect(verify('order', record)).toBeUndefined();
    },
  );
});
