import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addBridge,
  configureBridge,
  configurePort,
  portAlias,
  portOfAlias,
  subnetAlias,
  subnetOfAlias,
} from '../../../src/host/network/link-commands.ts';
import { port, segment } from './samples.ts';

test('a bridge is made quiet, and raised last', () => {
  expect([...addBridge(segment.subnetUid), ...configureBridge(segment, ['10.9.0.1/16'])]).toEqual([
    expect.stringMatching(
      /^link add name plbc214e8c0c9 address fa:.* type bridge stp_state 0 forward_delay 0$/,
    ),
    `link set dev plbc214e8c0c9 alias purlin:subnet:${segment.subnetUid}`,
    'link set dev plbc214e8c0c9 addrgenmode none mtu 1450',
    'address delete 10.9.0.1/16 dev plbc214e8c0c9',
    'address replace 10.20.0.1/24 dev plbc214e8c0c9',
    'link set dev plbc214e8c0c9 up',
  ]);
});

test('a link whose MTU leaves and enters the realm of IPv6 never gets an address of it', () => {
  const mtuLines = (mtu: number, present?: { mtu: number }) =>
    configurePort({ ...port, mtu }, present)
      .slice(1, -1)
      .map((line) => line.replace(/^link set dev plt\w{10} /, ''));
  expect(mtuLines(1280, { mtu: 1500 })).toEqual(['addrgenmode none mtu 1280']);
  expect(mtuLines(1279, { mtu: 1500 })).toEqual(['mtu 1279']);
  expect(mtuLines(576)).toEqual(['mtu 576']);
  expect(mtuLines(1500, { mtu: 1279 })).toEqual(['down', 'mtu 1500', 'addrgenmode none']);
});

test('a port is configured before it is attached', () => {
  expect(configurePort(port).at(-1)).toMatch(/^link set dev plt\w{10} master plbc214e8c0c9$/);
});

test('aliases tell their owners', () => {
  const word = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
  fc.assert(
    fc.property(word, word, word, (machineUid, interfaceName, subnetUid) => {
      const owner = { machineUid, interfaceName, subnetUid };
      expect(portOfAlias(portAlias(owner))).toEqual(owner);
      expect(subnetOfAlias(subnetAlias(subnetUid))).toBe(subnetUid);
    }),
  );
});

test.each([undefined, '', 'uplink', 'purlin:port:a', 'purlin:port:a/b:c:d'])(
  '%p is no alias of a port',
  (alias) => {
    expect(portOfAlias(alias)).toBeUndefined();
  },
);
