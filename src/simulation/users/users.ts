import { ApiError } from '../../reconcile/api.ts';
import { readyReason } from '../../resources/conditions.ts';
import type { Resource } from '../../resources/metadata.ts';
import type { Machine } from '../../resources/kinds.ts';
import type { Aim } from '../faults.ts';
import { IMAGE, IMAGE_FILE, SUBNET, type UserClient } from './client.ts';
import type { Deed } from './deed.ts';
import { machineDeeds, machineTrials } from './machine-deeds.ts';
import { machineMistakes } from './machine-mistakes.ts';
import { createMachine } from './machines.ts';
import { otherDeeds, otherMistakes } from './others.ts';
import { remedies } from './remedies.ts';

const deeds: readonly Deed[] = [...machineDeeds, ...otherDeeds];
const mistakes: readonly Deed[] = [...machineMistakes, ...otherMistakes];

/** Users who apply, change and delete, who make mistakes, and who do what the objects then tell them to. */
export class Users {
  readonly #client: UserClient;
  /** What this world is to lead to, if to anything. */
  readonly #towards: readonly Deed[];
  /** For when the fault that this world aims at has come. */
  readonly #afterFault: readonly Deed[];
  /** Names that are to be used again as soon as they are free. */
  readonly #again = new Set<string>();

  constructor(client: UserClient, aim?: Aim) {
    this.#client = client;
    this.#towards = deeds.filter(
      ({ leadsTo, preparesFor = [] }) =>
        aim && (leadsTo.includes(aim.action) || preparesFor.includes(aim.fault)),
    );
    this.#afterFault = [...deeds, ...machineTrials].filter(
      ({ showsAfter = [] }) => aim && showsAfter.includes(aim.fault),
    );
  }

  /** An image, a Subnet, user data, and Machines. @returns what was applied */
  begin(machines: number): string {
    const client = this.#client;
    client.create('images', IMAGE, { spec: { source: { file: IMAGE_FILE } } });
    client.create('subnets', SUBNET, { spec: { cidr: '10.20.0.0/24' } });
    const text = Buffer.from('#!/bin/true').toString('base64');
    const tooLong = Buffer.alloc(70_000).toString('base64');
    client.create('secrets', 'user-data', { data: { first: text, second: text, long: tooLong } });
    // Which of the two came first is found out when a host reports.
    if (client.random.chance(0.1)) client.create('subnets', 'late', { spec: { cidr: '10.20.0.0/16' } });
    for (let index = 0; index < machines; index += 1) createMachine(client, client.newName('m'));
    return `${machines} Machines`;
  }

  /** One more thing that somebody wants. @returns what it was */
  act(): string {
    const { random } = this.#client;
    if (random.chance(0.05)) return this.#attempt(() => this.#replaceMachine());
    if (random.chance(0.5)) return this.actTowards();
    return this.#actFrom(random.chance(0.15) ? mistakes : deeds);
  }

  /** Something that makes likely what this world is to lead to, if it is to lead to anything. @returns what it was */
  actTowards(): string {
    const next = this.#client.next();
    if (next) return this.#attempt(() => next.does(this.#client));
    if (this.#towards.length === 0) return this.#actFrom(deeds);
    // What there is may be past all help by now.
    if (this.#client.random.chance(0.2)) return createMachine(this.#client, this.#client.newName('m'));
    return this.#actFrom(this.#towards);
  }

  /** What shows whether the fault that this world aims at was coped with. @returns what was done, often nothing */
  actAfterFault(): string[] {
    return this.#afterFault.map((deed) => this.#attempt(() => deed.does(this.#client)));
  }

  #actFrom(kinds: readonly Deed[]): string {
    const { random } = this.#client;
    // What cannot be done (there is no such object yet) is no deed: somebody thinks of something else.
    for (let attempts = 0; attempts < 5; attempts += 1) {
      const done = this.#attempt(() => random.pick(kinds).does(this.#client));
      if (!done.startsWith('refused')) return done;
    }
    return this.#attempt(() => random.pick(deeds).does(this.#client));
  }

  /** What waits for its name to be free. @returns what was applied */
  retry(): string[] {
    return [...this.#again].flatMap((name) => {
      if (this.#client.find('machines', name) || this.#client.find('disks', `${name}-root`)) return [];
      this.#again.delete(name);
      return [createMachine(this.#client, name)];
    });
  }

  /**
   * Reads what every object says is wrong with it, and does what its message advises: what an operator can do must
   * lead out of any mistake. @returns what was done
   */
  correct(): string[] {
    return Object.entries(remedies).flatMap(([plural, byReason]) =>
      this.#client.all(plural).flatMap((object) => {
        const remedy = byReason[readyReason(object as Machine) ?? ''] as
          | ((users: UserClient, object: Resource) => string)
          | undefined;
        const { kind, metadata } = object;
        const done = remedy && this.#attempt(() => remedy(this.#client, object));
        return done
          ? [`${done} because ${kind} ${metadata.name} says ${readyReason(object as Machine)}`]
          : [];
      }),
    );
  }

  #attempt(deed: () => string): string {
    try {
      return deed();
    } catch (error) {
      if (error instanceof ApiError) return `refused: ${error.message}`;
      throw error;
    }
  }

  /** The same name again as soon as it is free: another object, which must not be taken for the first. */
  #replaceMachine(): string {
    const machine = this.#client.some<Machine>('machines');
    this.#again.add(machine.metadata.name);
    return `${this.#client.delete('machines', machine)}, to create it again`;
  }
}
