/** Every life has a namespace of its own, and the same names in it; only UIDs tell one life's objects from another's. */
import type { Resource } from '../../src/resources/metadata.ts';
import { bridgeName, tapName } from '../../src/values/links.ts';
import { macAddress } from '../../src/values/mac.ts';

const prefix = 'life-';

export const namespaceOf = (life: number): string => `${prefix}${life}`;

export const isOfLife = (namespace: string | undefined): boolean => namespace?.startsWith(prefix) ?? false;

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Names that are made from UIDs are the same in each life but for these. */
export const withoutUids = (text: string): string => text.replaceAll(uuid, 'UID');

/** Interfaces that a Machine of a life ever has. */
const interfaceNames = ['eth0', 'eth1'];

/** Replaces what is made from the UIDs and the place of one life by what it stands for. */
export class LifeNames {
  readonly #replacements = new Map<string, string>();

  /** @param place directories and names of the site that are in what Purlin makes */
  constructor(namespace: string, place: Record<string, string>) {
    this.#replacements.set(namespace, '<life>');
    for (const [name, text] of Object.entries(place)) this.#replacements.set(text, `<${name}>`);
  }

  /** What has been seen once is known for the whole life: it is what may be left over. */
  learn(objects: readonly Resource[]): void {
    for (const { kind, metadata } of objects) {
      const name = withoutUids(metadata.name);
      this.#replacements.set(metadata.uid, `<${kind} ${name}>`);
      // What a guest sees as a disk's serial, and what libvirt calls a directory of a domain.
      this.#replacements.set(metadata.uid.slice(0, 20), `<serial of ${kind} ${name}>`);
      this.#replacements.set(metadata.uid.slice(0, 13), `<start of ${kind} ${name}>`);
      if (kind === 'Subnet') this.#replacements.set(bridgeName(metadata.uid), `<bridge ${name}>`);
      if (kind !== 'Machine') continue;
      for (const each of interfaceNames) {
        this.#replacements.set(tapName(metadata.uid, each), `<tap ${name}/${each}>`);
        this.#replacements.set(macAddress(metadata.uid, each), `<mac ${name}/${each}>`);
      }
    }
  }

  replacedIn(text: string): string {
    let replaced = text;
    for (const [from, to] of this.#replacements) replaced = replaced.replaceAll(from, to);
    return replaced
      .replaceAll(/[0-9a-f]{64}/g, '<hash>')
      .replaceAll(/dnsmasq-[0-9a-f]{16}/g, 'dnsmasq-<hash>');
  }
}
