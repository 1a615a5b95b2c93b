import { ApiError, type ResourceType } from '../reconcile/api.ts';
import type { Disk, Machine } from '../resources/kinds.ts';
import type { ApiStore } from './api-store.ts';
import type { Random } from './random.ts';

const type = (plural: string): ResourceType => ({ group: 'purlin.dev', version: 'v1alpha1', plural });
const NAMESPACE = 'default';
const IMAGE_FILE = '/import/demo.qcow2';

/** Users who apply, change and delete, as their clients do: each change is one request that was planned from nothing. */
export class Workload {
  readonly #store: ApiStore;
  readonly #random: Random;
  #serial = 0;

  constructor(store: ApiStore, random: Random) {
    this.#store = store;
    this.#random = random;
  }

  /** An image, a Subnet, and Machines on it. @returns what was applied */
  begin(machines: number): string {
    this.#create('images', 'demo', { source: { file: IMAGE_FILE } });
    this.#create('subnets', 'net-0', { cidr: '10.20.0.0/24' });
    for (let index = 0; index < machines; index += 1) this.#createMachine('net-0');
    return `${machines} Machines`;
  }

  /** One more thing that somebody wants. @returns what it was */
  act(): string {
    const change = this.#random.pick(this.#changes);
    try {
      return change();
    } catch (error) {
      if (error instanceof ApiError) return `refused: ${error.message}`;
      throw error;
    }
  }

  readonly #changes: readonly (() => string)[] = [
    () => this.#createMachine('net-0'),
    () => this.#deleteMachine(),
    () => this.#deleteMachine(),
    () => this.#replaceMachine(),
    () => this.#editMachine({ cpus: 1 + this.#random.below(4) }),
    () => this.#editMachine({ memory: `${64 * (1 + this.#random.below(4))}Mi` }),
    () => this.#editMachine({ runStrategy: this.#random.pick(['Always', 'Halted', 'Always']) }),
    () => this.#restartMachine(),
    () => this.#growDisk(),
    () => this.#createSubnet(),
    () => this.#moveMachine(),
  ];

  #create(plural: string, name: string, spec: object): string {
    this.#store.create(type(plural), NAMESPACE, { metadata: { name }, spec });
    return `creates ${plural}/${name}`;
  }

  #createMachine(subnet: string, name = `m-${(this.#serial += 1)}`): string {
    return this.#create('machines', name, {
      cpus: 1,
      memory: '64Mi',
      terminationGracePeriodSeconds: this.#random.pick([0, 5, 30]),
      disks: [
        {
          name: 'root',
          template: { spec: { size: '256Mi', source: { imageRef: { name: 'demo' } } } },
        },
      ],
      interfaces: [{ name: 'eth0', subnetRef: { name: subnet } }],
    });
  }

  #someMachine(): Machine {
    const machines = this.#store.all('machines') as Machine[];
    if (machines.length === 0) throw new ApiError(404, 'NotFound', 'no Machine is left');
    return this.#random.pick(machines);
  }

  #deleteMachine(): string {
    const { name, namespace } = this.#someMachine().metadata;
    this.#store.delete(type('machines'), { namespace, name });
    return `deletes machines/${name}`;
  }

  /** The same name again as soon as it is free: another object, which must not be taken for the first. */
  #replaceMachine(): string {
    const { name, namespace } = this.#someMachine().metadata;
    this.#store.delete(type('machines'), { namespace, name });
    this.#again.add(name);
    return `replaces machines/${name}`;
  }

  readonly #again = new Set<string>();

  /** What waits for its name to be free. @returns what was applied */
  retry(): string[] {
    return [...this.#again].flatMap((name) => {
      if (this.#store.find('machines', { namespace: NAMESPACE, name })) return [];
      if (this.#store.find('disks', { namespace: NAMESPACE, name: `${name}-root` })) return [];
      this.#again.delete(name);
      return [this.#createMachine('net-0', name)];
    });
  }

  #editMachine(spec: object): string {
    const { name, namespace } = this.#someMachine().metadata;
    this.#store.patch(type('machines'), { namespace, name }, { spec });
    return `sets ${JSON.stringify(spec)} of machines/${name}`;
  }

  #restartMachine(): string {
    const { name, namespace } = this.#someMachine().metadata;
    const annotations = { 'purlin.dev/restart': String(this.#random.below(1_000_000)) };
    this.#store.patch(type('machines'), { namespace, name }, { metadata: { annotations } });
    return `restarts machines/${name}`;
  }

  #growDisk(): string {
    const disks = this.#store.all('disks') as Disk[];
    if (disks.length === 0) return 'finds no disk to grow';
    const { metadata, spec } = this.#random.pick(disks);
    const { name, namespace } = metadata;
    const size = `${256 + 256 * this.#random.below(8)}Mi`;
    if (Number.parseInt(size, 10) <= Number.parseInt(String(spec.size), 10)) {
      return `leaves disks/${name} as it is`;
    }
    this.#store.patch(type('disks'), { namespace, name }, { spec: { size } });
    return `grows disks/${name} to ${size}`;
  }

  #createSubnet(): string {
    const number = 1 + this.#random.below(3);
    return this.#create('subnets', `net-${number}`, { cidr: `10.20.${number}.0/24` });
  }

  /** Another interface in place of the first: the old address is given back, a new one held. */
  #moveMachine(): string {
    const subnet = this.#random.pick(this.#store.all('subnets')).metadata.name;
    const { name, namespace, generation } = this.#someMachine().metadata;
    const interfaces = [{ name: `eth${generation}`, subnetRef: { name: subnet } }];
    this.#store.patch(type('machines'), { namespace, name }, { spec: { interfaces } });
    return `moves machines/${name} to ${subnet}`;
  }
}
