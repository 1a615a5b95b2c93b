export { createLinuxNetwork } from './linux-network.ts';
export { SimulatedNetwork } from './simulated.ts';
