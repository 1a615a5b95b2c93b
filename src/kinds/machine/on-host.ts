import type { HostAction } from '../../plan/actions.ts';
import type { KnownHost } from '../../plan/known-hosts.ts';
import { type Outcome, act } from '../../plan/outcome.ts';
import type { HostSnapshot } from '../../plan/snapshot.ts';
import type { MachineInput } from './input.ts';

/** Steps for one Machine on its host, with the locks that each of them needs. */
export class MachineOnHost {
  readonly name: string;
  readonly snapshot: HostSnapshot;
  readonly #input: MachineInput;

  constructor(input: MachineInput, host: KnownHost) {
    this.#input = input;
    this.name = host.name;
    this.snapshot = host.snapshot;
  }

  step(action: HostAction, why: { reason: string; because: string; drift?: boolean }): Outcome {
    const { machine, disks, interfaces } = this.#input;
    const lock = [
      machine.metadata.uid,
      ...disks.flatMap(({ disk }) => disk?.metadata.uid ?? []),
      ...interfaces.flatMap(({ subnet }) => subnet?.metadata.uid ?? []),
    ];
    return act({ on: 'host', hostName: this.name, action, lock }, why);
  }
}
