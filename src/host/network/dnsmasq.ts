import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../values/hash.ts';
import { reservationsHash } from '../../values/links.ts';
import type { Reservation, SegmentSpec } from '../ports/network.ts';
import {
  dnsmasqConfig,
  namesFile,
  obsoleteLeases,
  parseReservations,
  reservationsFile,
} from './dnsmasq-files.ts';
import {
  type DnsmasqProcess,
  dnsmasqArguments,
  end,
  findDnsmasq,
  namespaceOf,
  signal,
} from './dnsmasq-processes.ts';
import { names, readText, removeFile, replaceFile } from './files.ts';
import type { NetworkLayout } from './layout.ts';
import type { Tools } from './tools.ts';

type ServedSpec = Omit<SegmentSpec, 'reservations'>;

/**
 * One dnsmasq per Subnet. It outlives the agent; the next one finds it by its arguments, which name the content of
 * its configuration.
 */
export class Dnsmasq {
  readonly #tools: Tools;
  readonly #layout: NetworkLayout;
  #user: Promise<string> | undefined;

  constructor(tools: Tools, layout: NetworkLayout) {
    this.#tools = tools;
    this.#layout = layout;
  }

  /** Every dnsmasq of ours, also those left in a namespace that is gone. */
  processes(): Promise<DnsmasqProcess[]> {
    return findDnsmasq(this.#layout.subnets);
  }

  /** Those that serve: in the host's namespace, with the configuration that this Subnet's link asks for. */
  async serving(
    spec: ServedSpec,
    linkIndex: number,
    processes: readonly DnsmasqProcess[],
  ): Promise<DnsmasqProcess[]> {
    const { file } = await this.#config(spec, linkIndex);
    const namespace = await namespaceOf(this.#tools.namespaceFile);
    return processes.filter((process) => process.configFile === file && process.namespace === namespace);
  }

  /** Leaves exactly one dnsmasq that serves this spec on this link with these reservations. */
  async ensure(spec: ServedSpec, linkIndex: number, reservations: readonly Reservation[]): Promise<void> {
    const mine = (await this.processes()).filter(({ subnetUid }) => subnetUid === spec.subnetUid);
    const [served] = await this.serving(spec, linkIndex, mine);
    for (const process of mine) if (process !== served) await end(process);
    if (served) {
      await this.reserve(spec, linkIndex, reservations);
      return;
    }
    const { file, text } = await this.#config(spec, linkIndex);
    await this.#writeReservations(spec.subnetUid, reservations);
    await this.#forgetObsoleteLeases(spec.subnetUid, reservations);
    await replaceFile(file, text);
    await this.#removeOtherConfigs(spec.subnetUid, file);
    await this.#start(spec.subnetUid, file, reservations);
  }

  /**
   * Changes the reservations of a running dnsmasq. It starts again only when an address moved to another MAC whose
   * old lease it would otherwise go on protecting.
   */
  async reserve(spec: ServedSpec, linkIndex: number, reservations: readonly Reservation[]): Promise<void> {
    const { subnetUid } = spec;
    const [served] = await this.serving(spec, linkIndex, await this.processes());
    await this.#writeReservations(subnetUid, reservations);
    if (!served) return;
    if (await this.#hasObsoleteLeases(subnetUid, reservations)) {
      await end(served);
      await this.#forgetObsoleteLeases(subnetUid, reservations);
      await this.#start(subnetUid, served.configFile, reservations);
    } else if (signal(served, 'SIGHUP')) await this.#markLoaded(subnetUid, reservations);
  }

  /** Hash of what the running dnsmasq has read; undefined when its files were changed by somebody else since. */
  async reservationsHash(subnetUid: string): Promise<string | undefined> {
    const paths = this.#layout.dnsmasq(subnetUid);
    const [loaded, text, known] = await Promise.all([
      readText(paths.loaded),
      readText(paths.reservations),
      readText(paths.names),
    ]);
    if (loaded === undefined || text === undefined) return undefined;
    const reservations = parseReservations(text);
    if (!reservations || known !== namesFile(reservations)) return undefined;
    const hash = reservationsHash(reservations);
    return hash === loaded ? hash : undefined;
  }

  async stop(subnetUid: string): Promise<void> {
    for (const process of await this.processes()) if (process.subnetUid === subnetUid) await end(process);
  }

  async #start(subnetUid: string, configFile: string, reservations: readonly Reservation[]): Promise<void> {
    // It returns once the daemon holds its sockets, or fails with the reason.
    await this.#tools.run('dnsmasq', dnsmasqArguments(configFile));
    await this.#markLoaded(subnetUid, reservations);
  }

  async #writeReservations(subnetUid: string, reservations: readonly Reservation[]): Promise<void> {
    const paths = this.#layout.dnsmasq(subnetUid);
    await removeFile(paths.loaded);
    await replaceFile(paths.names, namesFile(reservations));
    await replaceFile(paths.reservations, reservationsFile(reservations));
  }

  #markLoaded(subnetUid: string, reservations: readonly Reservation[]): Promise<void> {
    return replaceFile(this.#layout.dnsmasq(subnetUid).loaded, reservationsHash(reservations));
  }

  async #hasObsoleteLeases(subnetUid: string, reservations: readonly Reservation[]): Promise<boolean> {
    const leases = (await readText(this.#layout.dnsmasq(subnetUid).leases)) ?? '';
    return obsoleteLeases(leases, reservations).length > 0;
  }

  /** Only while no dnsmasq of this Subnet runs: it keeps the file open and writes it as a whole. */
  async #forgetObsoleteLeases(subnetUid: string, reservations: readonly Reservation[]): Promise<void> {
    const path = this.#layout.dnsmasq(subnetUid).leases;
    const leases = await readText(path);
    if (leases === undefined) return;
    const obsolete = new Set(obsoleteLeases(leases, reservations));
    if (obsolete.size === 0) return;
    await replaceFile(
      path,
      leases
        .split('\n')
        .filter((line) => !obsolete.has(line))
        .join('\n'),
    );
  }

  async #config(spec: ServedSpec, linkIndex: number): Promise<{ file: string; text: string }> {
    this.#user ??= unprivilegedUser();
    const { subnetUid } = spec;
    const paths = this.#layout.dnsmasq(subnetUid);
    const text = dnsmasqConfig({ spec, linkIndex, user: await this.#user, paths });
    return { file: this.#layout.dnsmasqConfig(subnetUid, sha256(text).slice(0, 16)), text };
  }

  async #removeOtherConfigs(subnetUid: string, file: string): Promise<void> {
    const directory = this.#layout.subnet(subnetUid);
    for (const name of await names(directory))
      if (/^dnsmasq-.*\.conf$/.test(name) && join(directory, name) !== file)
        await removeFile(join(directory, name));
  }
}

/** The account that the distribution made for dnsmasq, or else `nobody`. */
async function unprivilegedUser(): Promise<string> {
  const accounts = await readFile('/etc/passwd', 'utf8');
  return /^dnsmasq:/m.test(accounts) ? 'dnsmasq' : 'nobody';
}
