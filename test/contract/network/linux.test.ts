import { jest } from '@jest/globals';
import { linuxWorld } from './linux-world.ts';
import { networkContract } from './network-contract.ts';

/** Every step is a program that runs; a busy machine takes its time. */
jest.setTimeout(30_000);

networkContract('LinuxNetwork', () => linuxWorld());
