import { linuxWorld } from './linux-world.ts';
import { networkContract } from './network-contract.ts';

networkContract('LinuxNetwork', () => linuxWorld());
