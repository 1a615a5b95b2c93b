import { ApiError, type ResourceType } from '../../reconcile/api.ts';
import type { Resource } from '../../resources/metadata.ts';
import type { ApiStore } from '../api-store.ts';
import type { Random } from '../random.ts';
import type { Deed } from './deed.ts';

export const NAMESPACE = 'default';
/** On every host from the beginning. */
export const IMAGE_FILE = '/import/demo.qcow2';
/** On no host until somebody puts it there. */
export const LATE_IMAGE_FILE = '/import/late.qcow2';
export const IMAGE_URL = 'https://images.example/demo.qcow2';
/** The image and the network that every world has. */
export const IMAGE = 'demo';
export const SUBNET = 'net-0';

/** Where the hosts are. */
export interface Site {
  /** Puts an image under that name on every host. */
  publish: (file: string) => void;
  isLost: (hostName: string) => boolean;
}

/** What the deeds of users are made of: kubectl, a file copied to the hosts, and chance. */
export class UserClient {
  readonly random: Random;
  readonly #store: ApiStore;
  readonly #site: Site;
  readonly #soon: Deed[] = [];
  /** That Subnets have or had. */
  readonly networks = new Set<string>();
  #serial = 0;

  constructor(store: ApiStore, random: Random, site: Site) {
    this.#store = store;
    this.random = random;
    this.#site = site;
  }

  /** @returns a name that nobody has had */
  newName(prefix: string): string {
    this.#serial += 1;
    return `${prefix}-${this.#serial}`;
  }

  create(plural: string, name: string, body: object, namespace = NAMESPACE): string {
    this.#store.create(typeOf(plural), namespace, { metadata: { name }, ...body });
    return `creates ${plural}/${name}`;
  }

  patch(plural: string, { metadata: { name, namespace } }: Resource, body: object): string {
    this.#store.patch(typeOf(plural), { name, namespace }, body);
    return `patches ${plural}/${name} with ${JSON.stringify(body)}`;
  }

  delete(plural: string, { metadata: { name, namespace } }: Resource): string {
    this.#store.delete(typeOf(plural), { name, namespace });
    return `deletes ${plural}/${name}`;
  }

  /** What somebody who does one thing wants to do next. */
  soon(does: Deed['does']): void {
    this.#soon.push({ leadsTo: [], does });
  }

  /** @returns what somebody had in mind, if anybody had */
  next(): Deed | undefined {
    return this.#soon.shift();
  }

  publish(file: string): string {
    this.#site.publish(file);
    return `copies ${file} to every host`;
  }

  /** They have been there, and nothing is left of it. */
  isLost(hostName: string): boolean {
    return this.#site.isLost(hostName);
  }

  all<Kind extends Resource>(plural: string): Kind[] {
    return this.#store.all(plural) as Kind[];
  }

  find<Kind extends Resource>(plural: string, name: string): Kind | undefined {
    return this.#store.find(plural, { namespace: NAMESPACE, name }) as Kind | undefined;
  }

  /** @throws ApiError when there is none: then the deed is not done */
  some<Kind extends Resource>(plural: string, which: (object: Kind) => boolean = () => true): Kind {
    const found = this.all<Kind>(plural).filter(which);
    if (found.length === 0) throw new ApiError(404, 'NotFound', `there are no such ${plural}`);
    return this.random.pick(found);
  }
}

const typeOf = (plural: string): ResourceType =>
  plural === 'secrets'
    ? { group: '', version: 'v1', plural }
    : { group: 'purlin.dev', version: 'v1alpha1', plural };
