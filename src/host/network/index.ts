export { createLinuxNetwork, type LinuxNetworkOptions } from './linux-network.ts';
export { NetworkError } from './errors.ts';
export { SimulatedNetwork } from './simulated.ts';
