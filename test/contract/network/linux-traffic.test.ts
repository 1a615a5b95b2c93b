/** What packets really do: guests' stand-ins, a host and the rest of the world, each in its own namespace. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { PortSpec, SegmentSpec } from '../../../src/host/ports/network.ts';
import { type LinuxWorld, linuxWorld } from './linux-world.ts';
import { db, port, segment, web } from './network-contract.ts';
import { fetches, StandIn, serveHttp, vethPorts } from './stand-in.ts';

/** A packet that is dropped is known by waiting for it. */
jest.setTimeout(30_000);

const gateway = segment.gateway;
const spec: SegmentSpec = { ...segment, reservations: [web, db] };
const webPort = port;
const dbPort: PortSpec = {
  ...port,
  machineUid: 'dddddddd-0000-4000-8000-000000000000',
  macAddress: db.macAddress,
  address: db.address,
};
const other: SegmentSpec = {
  ...segment,
  subnetUid: 'eeeeeeee-0000-4000-8000-000000000000',
  cidr: '10.21.0.0/24',
  gateway: '10.21.0.1',
  reservations: [],
};
const otherPort: PortSpec = {
  ...port,
  machineUid: 'ffffffff-0000-4000-8000-000000000000',
  subnetUid: other.subnetUid,
  macAddress: '02:00:00:00:00:0c',
  address: '10.21.0.10',
};

let world: LinuxWorld;
let disposables: AsyncDisposableStack;
const standIn = async (name: string) => disposables.use(await StandIn.create(world.netns, name));
const http = async (netns: string) => disposables.use(await serveHttp(netns, world.dataDir));

async function guest(name: string, wanted: PortSpec, via?: string): Promise<StandIn> {
  await world.network.ensurePort(wanted);
  const made = await standIn(name);
  await made.plugIn(wanted, via === undefined ? {} : { gateway: via });
  return made;
}

beforeEach(async () => {
  world = await linuxWorld({ portLinks: () => vethPorts });
  disposables = new AsyncDisposableStack();
});
afterEach(async () => {
  await disposables.disposeAsync();
  await world.cleanup();
});

describe('DHCP and DNS', () => {
  test('a guest gets its reserved address, and the gateway as router and resolver', async () => {
    await world.network.ensureSegment(spec);
    const client = await guest('web', webPort);
    const lease = await client.lease(world.dataDir);
    expect(Object.fromEntries(lease)).toMatchObject({
      ip: web.address,
      mask: '24',
      router: gateway,
      dns: gateway,
      mtu: '1450',
      hostname: 'web',
    });
  });

  test('the gateway tells the names of the guests', async () => {
    await world.network.ensureSegment(spec);
    const client = await guest('web', webPort, gateway);
    expect(await client.output('busybox', 'nslookup', 'db', gateway)).toContain(db.address);
  });

  test('a MAC without a reservation gets nothing, and its lease at once when it is reserved', async () => {
    await world.network.ensureSegment({ ...spec, reservations: [web] });
    const pid = await world.dnsmasqPid(spec.subnetUid);
    const client = await guest('db', dbPort);
    expect((await client.lease(world.dataDir)).get('ip')).toBeUndefined();
    await world.network.ensureReservations(spec.subnetUid, [web, db]);
    expect((await client.lease(world.dataDir)).get('ip')).toBe(db.address);
    expect(await world.dnsmasqPid(spec.subnetUid)).toBe(pid);
  });

  test('a withdrawn reservation is answered no more', async () => {
    await world.network.ensureSegment(spec);
    const client = await guest('db', dbPort);
    expect((await client.lease(world.dataDir)).get('ip')).toBe(db.address);
    await world.network.ensureReservations(spec.subnetUid, [web]);
    expect((await client.lease(world.dataDir)).get('ip')).toBeUndefined();
  });

  test('an address that moves to another MAC is leased to it at once', async () => {
    await world.network.ensureSegment({ ...spec, reservations: [web] });
    const first = await guest('web', webPort);
    expect((await first.lease(world.dataDir)).get('ip')).toBe(web.address);
    await world.network.deletePort(webPort.machineUid, webPort.interfaceName);
    const heir = { ...dbPort, address: web.address };
    await world.network.ensureReservations(spec.subnetUid, [{ ...web, macAddress: db.macAddress }]);
    const second = await guest('heir', heir);
    expect((await second.lease(world.dataDir)).get('ip')).toBe(web.address);
  });

  test('leases go on after the bridge was made again', async () => {
    await world.network.ensureSegment(spec);
    await world.loseBridge(spec.subnetUid);
    await world.network.ensureSegment(spec);
    const client = await guest('web', webPort);
    expect((await client.lease(world.dataDir)).get('ip')).toBe(web.address);
  });
});

describe('what a guest may send', () => {
  /** Each deed is also done without rules, to prove that only the rules prevented it. */
  async function onlyTheRulesPrevent(deed: () => Promise<boolean>): Promise<void> {
    expect(await deed()).toBe(false);
    await world.flushRules();
    // Neighbours may believe for some seconds what they learned before.
    for (let attempt = 1; attempt < 10; attempt += 1) if (await deed()) return;
    expect(await deed()).toBe(true);
  }

  async function twoGuests() {
    await world.network.ensureSegment(spec);
    const attacker = await guest('web', webPort, gateway);
    const victim = await guest('db', dbPort, gateway);
    expect(await attacker.pings(db.address)).toBe(true);
    return { attacker, victim };
  }

  test('no other source address', async () => {
    const { attacker } = await twoGuests();
    await attacker.ip('address', 'add', '10.20.0.99/24', 'dev', 'eth0');
    await onlyTheRulesPrevent(() => attacker.pings(db.address, '-I', '10.20.0.99'));
  });

  test('no other source MAC', async () => {
    const { attacker } = await twoGuests();
    await attacker.ip('link', 'set', 'eth0', 'address', '02:00:00:00:00:99');
    await onlyTheRulesPrevent(() => attacker.pings(db.address));
  });

  test('no ARP in the name of another', async () => {
    const { attacker } = await twoGuests();
    await attacker.ip('address', 'add', '10.20.0.99/24', 'dev', 'eth0');
    const asking = ['arping', '-c', '1', '-w', '1', '-I', 'eth0'];
    expect(await attacker.succeeds('busybox', ...asking, '-s', web.address, db.address)).toBe(true);
    await onlyTheRulesPrevent(() => attacker.succeeds('busybox', ...asking, '-s', '10.20.0.99', db.address));
  });

  test('no IPv6', async () => {
    const { attacker, victim } = await twoGuests();
    await attacker.ip('address', 'add', 'fd00::a/64', 'dev', 'eth0', 'nodad');
    await victim.ip('address', 'add', 'fd00::b/64', 'dev', 'eth0', 'nodad');
    await onlyTheRulesPrevent(() => attacker.pings('fd00::b'));
  });

  test('no answers of a DHCP server', async () => {
    const { attacker, victim } = await twoGuests();
    const receive = `const s = require('node:dgram').createSocket('udp4');
      s.bind(68, () => console.log('ready')); s.on('message', () => process.exit(0));
      setTimeout(() => process.exit(1), 1500);`;
    const send = `const s = require('node:dgram').createSocket('udp4');
      s.bind(67, () => s.send('offer', 68, '${db.address}', () => process.exit(0)));`;
    await onlyTheRulesPrevent(async () => {
      const received = victim.succeeds(process.execPath, '-e', receive);
      const sending = setInterval(() => void attacker.succeeds(process.execPath, '-e', send), 300);
      try {
        return await received;
      } finally {
        clearInterval(sending);
      }
    });
  });
});

describe('what a guest may reach', () => {
  test('of its host nothing but DHCP and DNS, while the host reaches the guest', async () => {
    await world.network.ensureSegment(spec);
    const client = await guest('web', webPort, gateway);
    await http(world.netns);
    await http(client.netns);
    expect(await fetches(client.netns, `http://${gateway}:8080/`)).toBe(false);
    expect(await client.pings(gateway)).toBe(false);
    expect(await fetches(world.netns, `http://${web.address}:8080/`)).toBe(true);
  });

  test('with NAT the rest of the world, which does not reach it', async () => {
    await world.network.ensureSegment(spec);
    const client = await guest('web', webPort, gateway);
    const internet = await standIn('net');
    await internet.connect('192.0.2.2/24', '192.0.2.1/24');
    await http(internet.netns);
    await http(client.netns);
    expect(await fetches(client.netns, 'http://192.0.2.2:8080/')).toBe(true);
    expect(await fetches(client.netns, 'http://192.0.2.1:8080/')).toBe(false);
    await internet.ip('route', 'add', spec.cidr, 'via', '192.0.2.1');
    expect(await fetches(internet.netns, `http://${web.address}:8080/`)).toBe(false);
  });

  test('routed, the rest of the world and back, under its own address', async () => {
    await world.network.ensureSegment({ ...spec, egress: 'Routed' });
    const client = await guest('web', webPort, gateway);
    const internet = await standIn('net');
    await internet.connect('192.0.2.2/24', '192.0.2.1/24');
    await http(internet.netns);
    await http(client.netns);
    expect(await fetches(client.netns, 'http://192.0.2.2:8080/')).toBe(false);
    await internet.ip('route', 'add', spec.cidr, 'via', '192.0.2.1');
    expect(await fetches(client.netns, 'http://192.0.2.2:8080/')).toBe(true);
    expect(await fetches(internet.netns, `http://${web.address}:8080/`)).toBe(true);
  });

  test('without egress its neighbours and DHCP alone', async () => {
    await world.network.ensureSegment({ ...spec, egress: 'None' });
    const client = await guest('web', webPort);
    const lease = await client.lease(world.dataDir);
    expect([lease.get('ip'), lease.get('router'), lease.get('dns')]).toEqual([
      web.address,
      undefined,
      undefined,
    ]);
    await client.ip('address', 'add', `${web.address}/24`, 'dev', 'eth0');
    await client.ip('route', 'add', 'default', 'via', gateway);
    await guest('db', dbPort, gateway);
    const internet = await standIn('net');
    await internet.connect('192.0.2.2/24', '192.0.2.1/24');
    await internet.ip('route', 'add', spec.cidr, 'via', '192.0.2.1');
    await world.inside(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
    await http(internet.netns);
    expect(await client.pings(db.address)).toBe(true);
    expect(await fetches(client.netns, 'http://192.0.2.2:8080/')).toBe(false);
    expect(await client.succeeds('busybox', 'timeout', '2', 'busybox', 'nslookup', 'db', gateway)).toBe(
      false,
    );
  });

  test('no guest of another Subnet, unless both are routed', async () => {
    await world.network.ensureSegment(spec);
    await world.network.ensureSegment(other);
    const client = await guest('web', webPort, gateway);
    await guest('far', otherPort, other.gateway);
    expect(await client.pings(otherPort.address)).toBe(false);
    await world.network.ensureSegment({ ...spec, egress: 'Routed' });
    expect(await client.pings(otherPort.address)).toBe(false);
    await world.network.ensureSegment({ ...other, egress: 'Routed' });
    expect(await client.pings(otherPort.address)).toBe(true);
  });
});
