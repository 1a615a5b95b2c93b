import type { Clock } from '../clock/clock.ts';
import { API_VERSION, type Resource } from '../resources/metadata.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Api, isConflict } from './api.ts';
import { purlinType } from './informers.ts';

/** Long enough for the informer to show what was made. */
const AGAIN_AFTER_MS = 2_000;

export interface HostRegistrarOptions {
  /** Names of the hosts whose agents have been heard of. */
  seen: () => readonly string[];
  isRegistered: (hostName: string) => boolean;
  mayAct: () => boolean;
  client: Pick<Api, 'create'>;
  clock: Pick<Clock, 'after'>;
  logger: Logger;
}

/** A host registers itself: the first time that its agent is seen, a Host object is made for it. */
export class HostRegistrar {
  readonly #options: HostRegistrarOptions;
  /** Hosts that are not to be looked at now: one request at a time, and a pause after each. */
  readonly #attended = new Set<string>();
  readonly #pauses = new Set<() => void>();
  #closed = false;

  constructor(options: HostRegistrarOptions) {
    this.#options = options;
  }

  /** Registers every host that is seen and not registered; what fails is tried again, at the same pace for each. */
  notice(): void {
    const { seen, isRegistered } = this.#options;
    if (this.#closed) return;
    for (const hostName of seen()) {
      if (this.#attended.has(hostName) || isRegistered(hostName)) continue;
      this.#attended.add(hostName);
      void this.#register(hostName);
    }
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#pauses) cancel();
  }

  async #register(hostName: string): Promise<void> {
    const { mayAct, clock, logger } = this.#options;
    try {
      if (mayAct()) await this.#create(hostName);
    } catch (error) {
      logger.error({ err: error, host: hostName }, 'host not registered; it is tried again');
    }
    if (this.#closed) return;
    const cancel = clock.after(AGAIN_AFTER_MS, () => {
      this.#pauses.delete(cancel);
      this.#attended.delete(hostName);
      this.notice();
    });
    this.#pauses.add(cancel);
  }

  async #create(name: string): Promise<void> {
    const { client, logger } = this.#options;
    try {
      await client.create<Resource>(purlinType('hosts'), undefined, {
        apiVersion: API_VERSION,
        kind: 'Host',
        metadata: { name, labels: { 'kubernetes.io/hostname': name } },
        spec: {},
      });
      logger.info({ host: name }, 'host registered');
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}
