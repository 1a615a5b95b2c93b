import type { LibvirtConnection } from './connection.ts';
import { parseDomainXml } from './domain-parse.ts';
import type { DomainConfig } from './domain-spec.ts';
import { readPower } from './domain-state.ts';
import { type DomainListing, ForeignDomain, type ObservedDomain } from './hypervisor-port.ts';
import { type DomainRef, refByUuid } from './rpc/domain-ref.ts';
import { isLibvirtError, LibvirtError } from './rpc/error.ts';
import { procedures } from './rpc/procedures.ts';

/** Reads domains, and shows only those that carry this installation's tag. */
export class DomainReader {
  readonly #connection: LibvirtConnection;
  readonly #installationUid: string;

  constructor(connection: LibvirtConnection, installationUid: string) {
    this.#connection = connection;
    this.#installationUid = installationUid;
  }

  async list(): Promise<DomainListing> {
    const refs = await this.#connection.call(procedures.connectListAllDomains, 0);
    const found = await Promise.all(refs.map((ref) => this.#observe(ref)));
    return {
      domains: found.filter((each) => each !== 'foreign' && each !== 'gone'),
      foreign: found.filter((each) => each === 'foreign').length,
    };
  }

  async find(uuid: string): Promise<ObservedDomain | undefined> {
    const found = await this.#observe(refByUuid(uuid));
    return found === 'foreign' || found === 'gone' ? undefined : found;
  }

  /**
   * One of ours, or nothing. What has no tag of ours is never touched, even if it has a Machine's UUID.
   *
   * @throws ForeignDomain
   */
  async own(uuid: string): Promise<ObservedDomain | undefined> {
    const found = await this.#observe(refByUuid(uuid));
    if (found === 'foreign') {
      throw new ForeignDomain(
        `the domain ${uuid} exists on this host and does not belong to this installation`,
      );
    }
    return found === 'gone' ? undefined : found;
  }

  /** The running configuration of one of ours; nothing while it does not run. */
  async live(uuid: string): Promise<DomainConfig | undefined> {
    return (await this.find(uuid))?.live;
  }

  async #observe(ref: DomainRef): Promise<ObservedDomain | 'foreign' | 'gone'> {
    try {
      const [state, persistent] = await Promise.all([
        this.#connection.call(procedures.domainGetState, ref, 0),
        this.#connection.call(procedures.domainIsPersistent, ref),
      ]);
      const power = readPower(state);
      const isOff = power.power === 'shutoff';
      const [config, live, saved] = await Promise.all([
        persistent ? this.#read(ref, xmlInactive) : undefined,
        isOff ? undefined : this.#read(ref, 0),
        isOff ? this.#readSaved(ref) : undefined,
      ]);
      const metadata = config?.metadata ?? live?.metadata;
      if (metadata?.installationUid !== this.#installationUid) return 'foreign';
      return {
        uuid: ref.uuid,
        metadata,
        ...power,
        ...(config !== undefined && { config }),
        ...(live !== undefined && { live }),
        ...(saved !== undefined && { saved }),
      };
    } catch (error) {
      // It went away while we looked: as good as never seen.
      if (isLibvirtError(error, 'NO_DOMAIN')) return 'gone';
      throw error;
    }
  }

  /** @returns nothing for an image that libvirt cannot read either: it discards that, and starts the guest afresh */
  async #readSaved(ref: DomainRef): Promise<DomainConfig | undefined> {
    if (!(await this.#connection.call(procedures.domainHasManagedSaveImage, ref, 0))) return undefined;
    try {
      return parseDomainXml(await this.#connection.call(procedures.domainManagedSaveGetXmlDesc, ref, 0));
    } catch (error) {
      if (error instanceof LibvirtError) return undefined;
      throw error;
    }
  }

  async #read(ref: DomainRef, flags: number): Promise<DomainConfig> {
    return parseDomainXml(await this.#connection.call(procedures.domainGetXmlDesc, ref, flags));
  }
}

/** VIR_DOMAIN_XML_INACTIVE: what the next start will use */
const xmlInactive = 2;
