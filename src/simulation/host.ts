import type { FenceBook } from '../agent/fence-book.ts';
import type { AgentPorts } from '../agent/ports.ts';
import type { DomainSpec } from '../host/libvirt/domain-spec.ts';
import { LibvirtTimeout } from '../host/libvirt/rpc/error.ts';
import { SimulatedNetwork } from '../host/network/simulated.ts';
import { SimulatedHypervisor } from '../host/simulated-hypervisor.ts';
import { SimulatedStorage } from '../host/storage/simulated.ts';
import type { HostActionName } from '../plan/actions.ts';
import type { HostFacts } from '../plan/snapshot.ts';
import type { Faults } from './faults.ts';
import { MemoryFenceBook } from './fence-book.ts';
import { lastUntilMet } from './patience.ts';
import type { Process } from './scheduler.ts';
import { HostChronicle } from './watched-fence.ts';

const facts = {
  cpus: 8,
  memoryBytes: 16 * 2 ** 30,
  acceleratorReason: 'a simulated host',
  versions: { purlin: '0', libvirt: '9.0.0', qemu: '7.2.0', kernel: '6.1' },
  architecture: 'x86_64',
} as const;

/** A hypervisor in memory, with what its agent keeps on its disk; it outlives its agents, as a real one does. */
export class SimulatedHost {
  readonly name: string;
  readonly agentUid: string;
  readonly facts: HostFacts;
  readonly hypervisor = new SimulatedHypervisor();
  readonly network = new SimulatedNetwork();
  readonly storage = new SimulatedStorage();
  readonly book: FenceBook = new MemoryFenceBook();
  readonly chronicle = new HostChronicle();
  /** Something took effect here since the invariants were looked at. */
  touched = true;
  /** Changes with every boot. */
  bootId = 'boot-1';
  #boots = 1;

  constructor(name: string, agentUid: string, accelerator: HostFacts['accelerator']) {
    this.name = name;
    this.agentUid = agentUid;
    this.facts = { ...facts, accelerator };
    this.hypervisor.onCarrier = (tap, carrier) => this.network.setCarrier(tap, carrier);
    this.hypervisor.onResize = (path, bytes) => {
      const uid = path.split('/').at(-2);
      if (uid) this.storage.resizeBehind(uid, bytes);
    };
  }

  /** Power off and on: the agent must have been killed before. @param autostarts whether libvirt starts guests */
  reboot(autostarts: boolean): void {
    this.#boots += 1;
    this.bootId = `boot-${this.#boots}`;
    this.hypervisor.reboot(autostarts);
    this.network.reboot();
  }

  /** The host as one agent process reaches it: every call takes time and can go wrong. */
  portsFor(process: Process, faults: Faults, during: () => HostActionName | undefined): AgentPorts {
    const carryOut: Circumstances['carryOut'] = async (effect) => {
      this.touched = true;
      try {
        return await effect();
      } finally {
        this.touched = true; // a copy takes more than one step
      }
    };
    const onLinkChange = (): void => this.network.touchLink();
    this.storage.whileImporting = () => process.step('storage.importImage halfway');
    const timed = <Port extends object>(port: Port, what: string, giveUp?: GiveUp): Port =>
      inTime(port, `${what}.`, {
        process,
        faults,
        at: this.name,
        during,
        carryOut,
        onLinkChange,
        ...(giveUp && { giveUp }),
      });
    const giveUp: GiveUp = (uuid, call) => this.hypervisor.takeInHand(uuid, call);
    return {
      hypervisor: timed(this.hypervisor, 'hypervisor', giveUp),
      network: timed(this.network, 'network'),
      storage: timed(this.storage, 'storage'),
    };
  }
}

/** Takes a call in hand for a caller who gives up. @returns carries it out after all */
type GiveUp = (uuid: string, call: () => Promise<unknown>) => () => Promise<void>;

/** Calls that only look, or wait. */
const looking = new Set(['list', 'listDomains', 'findDomain', 'settle', 'versions']);
/** What answers at once, or registers a listener. */
const immediate = new Set(['diskPath', 'imagePath', 'seedPath', 'consoleLogPath', 'nvramPath', 'close']);
const subscribing = new Set(['watch', 'onChange']);

/** Whose calls they are, and what may befall them. */
interface Circumstances {
  process: Process;
  faults: Faults;
  /** The host's name. */
  at: string;
  /** The action whose step a call is, if it is one. */
  during: () => HostActionName | undefined;
  carryOut: (effect: () => unknown) => Promise<unknown>;
  /** A link of the host changes, which is none of Purlin's business; the agent is told all the same. */
  onLinkChange: () => void;
  /** Where what was asked may happen after its caller has given up. */
  giveUp?: GiveUp;
}

function inTime<Port extends object>(port: Port, prefix: string, circumstances: Circumstances): Port {
  return new Proxy(port, {
    get: (target, property): unknown => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function' || typeof property !== 'string') return member;
      const method = member as (...args: unknown[]) => unknown;
      if (immediate.has(property)) return method.bind(target);
      if (subscribing.has(property)) return subscription(method.bind(target), prefix, circumstances);
      const attempt = looking.has(property) ? look : act;
      return (...args: unknown[]) =>
        attempt(prefix + property, circumstances, () => method.apply(target, args), args);
    },
  });
}

/** Events reach the agent in steps of their own, if at all, and end with it. */
const subscription =
  (subscribe: (...args: unknown[]) => unknown, prefix: string, { process, faults, at }: Circumstances) =>
  (listener: (...event: unknown[]) => void): unknown => {
    const stop = subscribe((...event: unknown[]) => {
      if (faults.happens('host event lost', { at })) return;
      process.soon(`${prefix}event`, () => listener(...event));
    }) as () => void;
    process.onDeath(stop);
    return stop;
  };

async function look(
  what: string,
  { process, faults, during }: Circumstances,
  effect: () => unknown,
): Promise<unknown> {
  await process.step(what);
  if (faults.happens('effect hangs', { during: during() })) await after(process, 60_000);
  if (faults.happens('effect fails before', { during: during() })) throw outOfSpace(what);
  const seen = await effect();
  await process.step(`${what} done`);
  return seen;
}

async function act(
  what: string,
  circumstances: Circumstances,
  effect: () => unknown,
  args: readonly unknown[],
): Promise<unknown> {
  const { process, faults, during, carryOut, onLinkChange, giveUp } = circumstances;
  await process.step(what);
  await lastUntilMet(what, { faults, process }, during(), onLinkChange);
  if (faults.happens('agent crash before an effect', { during: during() })) return dead(process);
  if (faults.happens('effect hangs', { during: during() })) await after(process, 60_000);
  if (faults.happens('effect fails before', { during: during() })) throw outOfSpace(what);
  if (giveUp && faults.happens('effect comes late', { during: during() })) {
    return late(
      what,
      circumstances,
      giveUp(domainOf(args), () => carryOut(effect)),
    );
  }
  const result = await carryOut(effect);
  if (faults.happens('agent crash after an effect', { during: during() })) return dead(process);
  await process.step(`${what} done`);
  if (faults.happens('effect fails after', { during: during() })) throw outOfSpace(what);
  return result;
}

/** How long agents wait for libvirt. */
const LONGEST_WAIT_MS = 30_000;
/** Soon enough that whoever waits has looked again before a world counts as at rest. */
const LATEST_MS = 45_000;

/** libvirt carries out what it has in hand when nobody waits for it any more, whoever is dead by then. */
async function late(
  what: string,
  { process, at }: Circumstances,
  happen: () => Promise<void>,
): Promise<never> {
  const when = [LONGEST_WAIT_MS, LATEST_MS] as const;
  process.leaves(`libvirt of ${at} comes to ${what}`, when, () => void happen());
  await after(process, LONGEST_WAIT_MS);
  throw new LibvirtTimeout(`libvirt did not answer ${what} within ${LONGEST_WAIT_MS} ms`);
}

/** Calls name their domain first. */
const domainOf = ([first]: readonly unknown[]): string =>
  typeof first === 'string' ? first : (first as DomainSpec).uuid;

/** Nobody is there any more to hear the answer. */
function dead(process: Process): Promise<never> {
  process.kill();
  return new Promise(() => {});
}

const after = (process: Process, delayMs: number): Promise<void> =>
  new Promise((resolve) => void process.clock.after(delayMs, resolve));

const outOfSpace = (what: string): Error =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${what}`), { code: 'ENOSPC' });
