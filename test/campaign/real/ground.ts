import { setTimeout as delay } from 'node:timers/promises';
import { API_VERSION, type Resource } from '../../../src/resources/metadata.ts';
import type { ViewedKind } from '../../support/world-view.ts';
import { type Actor, inSurroundings } from '../cast.ts';
import { isObject, type JsonObject } from '../generator/json.ts';
import type { Answer, Ground, Rest, Sight } from '../ground.ts';
import { boundMachines, Cluster, conditionOf, nameOf } from '../oracle/cluster.ts';
import { pictureOf } from './picture.ts';
import type { RealSite } from './site.ts';

/** Nothing written for so long is rest, where everybody has what was asked for … */
const SILENCE_MS = 1_000;
/** … and where somebody has not, and may try again. */
const LONG_SILENCE_MS = 3_000;
const PATIENCE_MS = 90_000;

const plurals: Readonly<Record<string, string>> = {
  Machine: 'machines',
  Disk: 'disks',
  Subnet: 'subnets',
  Image: 'images',
  Host: 'hosts',
  IPAddress: 'ipaddresses',
  Placement: 'placements',
  Secret: 'secrets',
};
const kinds = Object.keys(plurals) as ViewedKind[];

/** One namespace of a real installation, whose networks keep clear of those of the other lanes. */
export class RealGround implements Ground {
  readonly patience = 6;
  readonly #site: RealSite;
  readonly #lane: number;
  #lastChangeMs = performance.now();
  #deeds: string[] = [];
  #versions = new Map<string, string>();

  constructor(site: RealSite, lane: number) {
    this.#site = site;
    this.#lane = lane;
    site.onChange(() => this.#notice());
  }

  get namespace(): string {
    return `lane-${this.#lane}`;
  }

  async prepare(): Promise<void> {
    await this.#site.kubectl('create', 'namespace', this.namespace);
  }

  async apply({ kind, name, body }: Actor): Promise<Answer> {
    const path = this.#pathOf(kind, name);
    const wanted = this.#inLane(inSurroundings(body, this.#site.surroundings));
    for (;;) {
      const present = await this.#site.api.call('GET', path);
      const response =
        present.code === 404
          ? await this.#site.api.call(
              'POST',
              path.slice(0, path.lastIndexOf('/')),
              this.#made(kind, name, wanted),
            )
          : await this.#site.api.call('PUT', path, changed(present.body, wanted));
      // Somebody wrote its status or a finalizer meanwhile.
      if (response.code === 409 && present.code === 200) continue;
      this.#notice();
      if (response.code < 300) return { accepted: true };
      return { accepted: false, code: response.code, ...causesOf(response.body) };
    }
  }

  async delete(kind: string, name: string): Promise<void> {
    await this.#site.api.call('DELETE', this.#pathOf(kind, name));
  }

  async rest(): Promise<Rest> {
    this.#lastChangeMs = performance.now();
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const silence = this.#isContent() ? SILENCE_MS : LONG_SILENCE_MS;
      const left = this.#lastChangeMs + silence - performance.now();
      if (left <= 0) return 'silent';
      if (performance.now() > deadline) throw new Error(`no rest: ${this.#deeds.slice(-4).join('; ')}`);
      await delay(left);
    }
  }

  /** What goes between being found and being read is not there in the next look. */
  async look(): Promise<Sight> {
    for (let left = this.patience; ; left -= 1) {
      try {
        return await this.#lookOnce();
      } catch (error) {
        if (left <= 0) throw error;
        await this.rest();
      }
    }
  }

  async #lookOnce(): Promise<Sight> {
    const cluster = this.cluster;
    const picture = await pictureOf(this.#site, cluster, () => this.#elsewhere());
    const { sources } = this.#site;
    return { boundElsewhere: boundMachines(new Cluster(this.#elsewhere())), cluster, picture, sources };
  }

  deeds(): string[] {
    return this.#deeds.splice(0);
  }

  /** The objects of this namespace, and the Host. */
  get cluster(): Cluster {
    const { view } = this.#site;
    return new Cluster([
      ...kinds.filter((kind) => kind !== 'Host').flatMap((kind) => view.list(kind, this.namespace)),
      ...view.list('Host'),
    ]);
  }

  #elsewhere(): Resource[] {
    const all = kinds.flatMap((kind) => this.#site.view.list(kind));
    return all.filter(({ kind, metadata }) => kind !== 'Host' && metadata.namespace !== this.namespace);
  }

  #isContent(): boolean {
    return this.cluster.objects
      .filter(({ kind }) => kind !== 'Secret')
      .every((object) => ['Ready', 'Stopped', 'AgentReporting'].includes(conditionOf(object)?.reason ?? ''));
  }

  /** Informers tell of every object; what is new is of this lane and has another version. */
  #notice(): void {
    const versions = new Map<string, string>();
    for (const object of this.cluster.objects) {
      if (object.kind === 'Host') continue;
      const { uid, resourceVersion } = object.metadata;
      versions.set(uid, resourceVersion);
      if (this.#versions.get(uid) === resourceVersion) continue;
      this.#lastChangeMs = performance.now();
      this.#deeds.push(`wrote ${nameOf(object)}`);
    }
    if (versions.size < this.#versions.size) this.#lastChangeMs = performance.now();
    this.#versions = versions;
  }

  #pathOf(kind: string, name: string): string {
    const group = kind === 'Secret' ? '/api/v1' : `/apis/${API_VERSION}`;
    const scope = kind === 'Host' ? '' : `/namespaces/${this.namespace}`;
    return `${group}${scope}/${plurals[kind]}/${name}`;
  }

  #made(kind: string, name: string, { metadata = {}, ...rest }: JsonObject): JsonObject {
    const apiVersion = kind === 'Secret' ? 'v1' : API_VERSION;
    return {
      apiVersion,
      kind,
      metadata: { ...(metadata as JsonObject), name, namespace: this.namespace },
      ...rest,
    };
  }

  /** Networks of the cast, moved to where no other lane has any. */
  #inLane(body: JsonObject): JsonObject {
    const text = JSON.stringify(body).replaceAll(
      /\b10\.(20|30|120|130)\./g,
      (_, second: string) => `10.${Number(second) + this.#lane}.`,
    );
    return JSON.parse(text) as JsonObject;
  }
}

/** The object with another body, and all that is not the user's as it is. */
function changed(present: JsonObject, { metadata, ...rest }: JsonObject): JsonObject {
  const { spec: _, data: __, ...kept } = present;
  const before = isObject(present['metadata']) ? present['metadata'] : {};
  return { ...kept, ...rest, metadata: { ...before, ...(metadata as JsonObject | undefined) } };
}

function causesOf({ message, details }: JsonObject): { message: string; fields: string[] } {
  const causes = isObject(details) && Array.isArray(details['causes']) ? details['causes'] : [];
  const fields = causes.map((cause) => (isObject(cause) ? cause['field'] : undefined));
  return {
    message: typeof message === 'string' ? message : '',
    fields: fields.filter((field) => typeof field === 'string'),
  };
}
