import type { Hypervisor } from '../host/libvirt/hypervisor-port.ts';
import type { Network } from '../host/ports/network.ts';
import type { Storage } from '../host/ports/storage.ts';

/** Everything that the agent can do to its host. */
export interface AgentPorts {
  hypervisor: Hypervisor;
  network: Network;
  storage: Storage;
}
