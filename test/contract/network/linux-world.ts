/** A host in a network namespace of its own, and what somebody could do to it behind the adapter's back. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { pino } from 'pino';
import { createLinuxNetwork } from '../../../src/host/network/index.ts';
import { bridgeName, type Network } from '../../../src/host/ports/network.ts';
import { findDnsmasq } from '../../../src/host/network/dnsmasq-processes.ts';
import type { PortLinks } from '../../../src/host/network/ports.ts';
import { testSite } from '../../support/netns.ts';
import type { NetworkWorld } from './network-contract.ts';

export interface LinuxWorld extends NetworkWorld {
  netns: string;
  dataDir: string;
  /** Another adapter over the same host, as after a restart of the agent. */
  another(): Network;
  /** Runs a program inside the host's namespace, or another one. */
  inside(command: readonly [string, ...string[]], netns?: string): Promise<string>;
  dnsmasqPid(subnetUid: string): Promise<number | undefined>;
}

export async function linuxWorld(
  options: { portLinks?: (netns: string) => PortLinks } = {},
): Promise<LinuxWorld> {
  const site = await testSite('nw');
  const { netns, dataDir } = site;
  const portLinks = options.portLinks?.(netns);
  const create = () =>
    createLinuxNetwork({
      dataDir,
      netns,
      logger: pino({ level: 'silent' }),
      ...(portLinks && { portLinks }),
    });
  const adapters = [create()];
  const network = adapters[0] as Network;
  const subnets = join(dataDir, 'network/subnets');
  const inside = async (command: readonly [string, ...string[]], where = netns) =>
    (await execa('nsenter', [`--net=/run/netns/${where}`, '--', ...command])).stdout;
  const dnsmasqPid = async (subnetUid: string) =>
    (await findDnsmasq(subnets)).find((process) => process.subnetUid === subnetUid)?.pid;
  return {
    network,
    netns,
    dataDir,
    inside,
    dnsmasqPid,
    another: () => {
      const adapter = create();
      adapters.push(adapter);
      return adapter;
    },
    loseBridge: async (subnetUid) => {
      await execa('ip', ['-n', netns, 'link', 'delete', bridgeName(subnetUid)]);
    },
    killDnsmasq: async (subnetUid) => {
      const pid = await dnsmasqPid(subnetUid);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
    loseReservations: (subnetUid) => rm(join(subnets, subnetUid, 'reservations')),
    flushRules: async () => {
      await inside(['nft', 'flush', 'ruleset']);
    },
    stopForwarding: async () => {
      await inside(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=0']);
    },
    loseTap: async (tap) => {
      await execa('ip', ['-n', netns, 'link', 'delete', tap]);
    },
    hold: async (tap) => {
      const netdev = `tap,id=net,ifname=${tap},script=no,downscript=no`;
      const guest = ['-accel', 'tcg', '-m', '16', '-S', '-nodefaults', '-display', 'none', '-netdev', netdev];
      const qemu = execa(
        'nsenter',
        [
          `--net=/run/netns/${netns}`,
          '--',
          'qemu-system-x86_64',
          ...guest,
          '-device',
          'virtio-net,netdev=net',
        ],
        { reject: false, stdio: 'ignore' },
      );
      return async () => {
        qemu.kill('SIGKILL');
        await qemu;
      };
    },
    cleanup: async () => {
      for (const adapter of adapters) await adapter.close();
      await site[Symbol.asyncDispose]();
    },
  };
}
