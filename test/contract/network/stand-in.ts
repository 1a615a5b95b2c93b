/**
 * A stand-in for a guest: a network namespace whose `eth0` is the far end of a veth pair in the place of the tap.
 * The adapter's own `ensurePort` makes and guards the near end, so the rules under test are those of a guest.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { PortLinks } from '../../../src/host/network/ports.ts';
import { tapName, type PortSpec } from '../../../src/host/ports/network.ts';
import { createNetns, deleteNetns } from '../../../scripts/lib/netns.ts';

/** Puts the far end into the host's namespace under a name that {@link StandIn.plugIn} finds. */
export const vethPorts: PortLinks = {
  kind: 'veth',
  add: (name) => [`link add ${name} type veth peer name ${farEnd(name)}`],
};
const farEnd = (tap: string): string => tap.replace('plt', 'far');

export class StandIn implements AsyncDisposable {
  readonly netns: string;
  readonly #hostNetns: string;

  constructor(netns: string, hostNetns: string) {
    this.netns = netns;
    this.#hostNetns = hostNetns;
  }

  static async create(hostNetns: string, name: string): Promise<StandIn> {
    const netns = `${hostNetns}-${name}`;
    await createNetns(netns);
    return new StandIn(netns, hostNetns);
  }

  /** Takes the far end of a port, with the port's MAC and (unless it is to ask by DHCP) its address. */
  async plugIn(port: PortSpec, { gateway }: { gateway?: string } = {}): Promise<void> {
    const far = farEnd(tapName(port.machineUid, port.interfaceName));
    await execa('ip', ['-n', this.#hostNetns, 'link', 'set', far, 'name', 'eth0', 'netns', this.netns]);
    await this.ip('link', 'set', 'eth0', 'address', port.macAddress, 'mtu', String(port.mtu), 'up');
    if (gateway === undefined) return;
    await this.ip('address', 'add', `${port.address}/24`, 'dev', 'eth0');
    await this.ip('route', 'add', 'default', 'via', gateway);
  }

  /** A plain wire between this namespace and the host's, outside of Purlin: the rest of the world. */
  async connect(address: string, hostAddress: string): Promise<void> {
    const onHost = ['-n', this.#hostNetns];
    await execa('ip', [
      ...onHost,
      'link',
      'add',
      'uplink',
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      this.netns,
    ]);
    await execa('ip', [...onHost, 'address', 'add', hostAddress, 'dev', 'uplink']);
    await execa('ip', [...onHost, 'link', 'set', 'uplink', 'up']);
    await this.ip('address', 'add', address, 'dev', 'eth0');
    await this.ip('link', 'set', 'eth0', 'up');
  }

  async ip(...args: string[]): Promise<void> {
    await execa('ip', ['-n', this.netns, ...args]);
  }

  /** Whether the program ends with success. */
  async succeeds(...command: [string, ...string[]]): Promise<boolean> {
    return !(await runIn(this.netns, command)).failed;
  }

  async output(...command: [string, ...string[]]): Promise<string> {
    return String((await runIn(this.netns, command)).stdout);
  }

  pings(address: string, ...options: string[]): Promise<boolean> {
    return this.succeeds('busybox', 'ping', '-c', '1', '-W', '1', ...options, address);
  }

  /** Asks for a lease once or twice; what it was given, as `name=value`, or nothing. */
  async lease(scratch: string): Promise<Map<string, string>> {
    const script = join(scratch, 'print-lease');
    await writeFile(script, '#!/bin/sh\ntest "$1" = bound && env\nexit 0\n');
    await chmod(script, 0o755);
    const asking = ['-i', 'eth0', '-n', '-q', '-f', '-t', '2', '-T', '1', '-O', 'mtu', '-s', script];
    const text = await this.output('busybox', 'udhcpc', ...asking);
    return new Map(
      text.split('\n').flatMap((line) => {
        const [, name, value] = /^([a-z]+)=(.*)$/.exec(line) ?? [];
        return name !== undefined && value !== undefined ? [[name, value] as const] : [];
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await deleteNetns(this.netns);
  }
}

const runIn = (netns: string, command: readonly string[]) =>
  execa('nsenter', [`--net=/run/netns/${netns}`, '--', ...command], { reject: false, timeout: 20_000 });

/** Whether a page of {@link serveHttp} can be fetched from inside a namespace. */
export async function fetches(netns: string, url: string): Promise<boolean> {
  return !(
    await runIn(netns, ['curl', '--silent', '--fail', '--max-time', '1', '--output', '/dev/null', url])
  ).failed;
}

/** An HTTP server on port 8080 of every address of a namespace; resolves when it answers there. */
export async function serveHttp(netns: string, directory: string): Promise<AsyncDisposable> {
  await writeFile(join(directory, 'index.html'), 'hello\n');
  const server = execa(
    'nsenter',
    [`--net=/run/netns/${netns}`, '--', 'busybox', 'httpd', '-f', '-p', '8080', '-h', directory],
    { reject: false },
  );
  const patience = ['--retry', '20', '--retry-delay', '1', '--retry-all-errors', '--output', '/dev/null'];
  const ask = ['curl', '--silent', '--fail', ...patience, 'http://127.0.0.1:8080/'];
  await execa('nsenter', [`--net=/run/netns/${netns}`, '--', ...ask]);
  return {
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL');
      await server;
    },
  };
}
