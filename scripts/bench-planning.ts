/**
 * `npm run bench:planning`: what it costs the controllers to look at an object, in installations of different size, with
 * the production caches and planners. Prints a Markdown table.
 *
 *   --machines N,N (500,5000)  --hosts N (100)
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { systemClock } from '../src/clock/clock.ts';
import { gatherMachine } from '../src/kinds/machine/gather.ts';
import { kinds } from '../src/kinds/registry.ts';
import type { HostView } from '../src/plan/kind.ts';
import type { HostSnapshot } from '../src/plan/snapshot.ts';
import type { Api } from '../src/reconcile/api.ts';
import { Informers } from '../src/reconcile/informers.ts';
import type { IPAddress, Machine, Subnet } from '../src/resources/kinds.ts';
import type { Resource } from '../src/resources/metadata.ts';
import { formatAddress, parseCidr } from '../src/values/ipv4.ts';
import { tapName } from '../src/values/links.ts';
import {
  disk,
  domainOf,
  host,
  hostObject,
  ipAddress,
  machine,
  placement,
  port,
  readyStatus,
  segment,
  subnet,
} from '../test/unit/kinds/builders.ts';
import { median, table } from './bench/figures.ts';
import { main } from './lib/steps.ts';

const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '500,5000' },
    hosts: { type: 'string', default: '100' },
  },
});

/** Looked at of each kind. */
const SAMPLE = 300;
/** Of which the median counts. */
const ROUNDS = 9;

const net = subnet('net', {
  spec: { cidr: '10.0.0.0/16' },
  status: { realised: true, networkHeld: true, gateway: '10.0.0.1', ...readyStatus(true) },
});

/** A host with what the Machines on it have. */
class HostInUse {
  readonly view: HostView;
  readonly #snapshot: HostSnapshot;

  constructor(hostName: string) {
    const snapshot = { domains: {}, ports: {}, disks: {}, segments: {}, results: {} };
    this.view = host({ hostName, ...snapshot });
    if (this.view.snapshot === 'unknown') throw new Error('a host of the builders is known');
    this.#snapshot = this.view.snapshot;
  }

  /** @returns the objects of a Machine that runs here */
  run(name: string, address: string): Resource[] {
    const { hostName } = this.#snapshot;
    const web = machine(name, {
      spec: {
        disks: [{ name: 'root', diskRef: { name } }],
        interfaces: [{ name: 'eth0', subnetRef: { name: 'net' } }],
      },
    });
    const { uid } = web.metadata;
    const held = ipAddress(address, { machine: web, subnet: net });
    const { macAddress } = held.spec;
    web.status = {
      hostName,
      phase: 'Running',
      observedGeneration: 1,
      addresses: [{ interface: 'eth0', address, macAddress }],
      ...readyStatus(true),
    };
    const claim = { machineName: name, machineUid: uid };
    const sizeBytes = 2 ** 30;
    const data = disk(name, { status: { hostName, capacity: sizeBytes, claim, ...readyStatus(true) } });
    const tap = tapName(uid, 'eth0');
    const subnetUid = net.metadata.uid;
    this.#snapshot.ports[tap] = port({ tap, machineUid: uid, subnetUid, address, macAddress });
    const diskUid = data.metadata.uid;
    this.#snapshot.disks[diskUid] = { diskUid, format: 'qcow2', sizeBytes, retained: false };
    return [web, data, held, placement(web, hostName)];
  }

  /** Defines the guest as its Machine asks, and runs it. */
  define(web: Machine, reader: Informers): void {
    this.#snapshot.domains[web.metadata.uid] = domainOf(gatherMachine(web, reader));
  }

  realise(subnet: Subnet, addresses: IPAddress[]): void {
    this.#snapshot.segments[subnet.metadata.uid] = segment(subnet, addresses);
  }
}

/** An installation in which everything is as it should be. */
function installation(machines: number): Informers {
  const hosts = Array.from({ length: Number(values.hosts) }, (_, index) => new HostInUse(`h${index + 1}`));
  const informers = new Informers({
    client: {} as Api,
    clock: systemClock,
    kinds,
    hosts: () => hosts.map(({ view }) => ({ ...view })),
    listener: () => undefined,
    logger: pino({ level: 'silent' }),
  });
  informers.put(net);
  const first = (parseCidr(net.spec.cidr)?.base ?? 0) + 10;
  const onHost = new Map<string, HostInUse>();
  for (let index = 0; index < machines; index += 1) {
    const at = hosts[index % hosts.length] as HostInUse;
    onHost.set(`m${index}`, at);
    for (const object of at.run(`m${index}`, formatAddress(first + index))) informers.put(object);
  }
  const addresses = informers.list<IPAddress>('IPAddress');
  for (const at of hosts) {
    informers.put(hostObject(at.view.name, { metadata: { namespace: '' } }));
    at.realise(net, addresses);
  }
  for (const web of informers.list<Machine>('Machine')) onHost.get(web.metadata.name)?.define(web, informers);
  return informers;
}

/** Milliseconds for one look at an object of each kind. */
function looks(informers: Informers): Map<string, number> {
  const costs = new Map<string, number>();
  for (const definition of kinds) {
    const objects = informers.list(definition.kind).slice(0, SAMPLE);
    if (objects.length === 0) continue;
    const look = (object: Resource): unknown => {
      const input = definition.gather(object, informers);
      return definition.status(input, definition.plan(input), undefined);
    };
    const rounds = Array.from({ length: ROUNDS }, () => {
      const since = performance.now();
      objects.forEach(look);
      return (performance.now() - since) / objects.length;
    });
    costs.set(definition.kind, median(rounds));
  }
  return costs;
}

async function bench(): Promise<void> {
  const sizes = values.machines.split(',').map(Number);
  const costs = sizes.map((size) => looks(installation(size)));
  const [smallest] = costs;
  const rows = [...(smallest?.keys() ?? [])].map((kind) => [
    kind,
    ...costs.map((each) => {
      const [milliseconds = 0, least = 1] = [each.get(kind), smallest?.get(kind)];
      return `${milliseconds.toFixed(3)} ms: ${(milliseconds / least).toFixed(1)} ×`;
    }),
  ]);
  const heads = ['a look at', ...sizes.map((size) => `${size} Machines on ${values.hosts} hosts`)];
  process.stdout.write(`${table(heads, rows)}\n`);
}

await main(bench);
