/** One life on a site, with what is known of it. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resource } from '../../src/resources/metadata.ts';
import type { CrashSite } from './crash-site.ts';
import { describeHost, describeObjects, differences, type EndState, onlyObjects } from './end-state.ts';
import { type Fault, faultKinds } from './faults.ts';
import type { Phase } from './courses.ts';
import { Life } from './life.ts';
import { LifeNames } from './life-names.ts';

export class LifeInSite {
  readonly #site: CrashSite;
  readonly #life: Life;
  readonly #names: LifeNames;
  readonly #number: number;

  constructor(site: CrashSite) {
    this.#site = site;
    this.#number = site.nextLife();
    this.#life = new Life(site.api, this.#number);
    this.#names = new LifeNames(this.#life.namespace, site.place);
  }

  /** The user does what a phase begins with, while faults wait for their boundaries. */
  async begin(phase: Phase, faults: readonly Fault[] = []): Promise<void> {
    for (const [name, each] of Object.entries(this.#site.crashable)) {
      const armed = faults
        .filter(({ boundary }) => boundary.process === name)
        .map(({ boundary, kind }) => ({ boundary: boundary.name, kind: faultKinds[kind] }));
      each.begin(`${this.#number}/${phase.name}`, armed);
    }
    await phase.act(this.#life, {
      emptyImage: this.#site.emptyImage,
      bootableImage: this.#site.image,
      guestAnswers: (address) => this.#site.guest(address).info(),
    });
  }

  async objects(): Promise<Resource[]> {
    const objects = await this.#life.objects();
    this.#names.learn(objects);
    return objects;
  }

  async state(): Promise<EndState> {
    return {
      ...describeObjects(await this.objects(), this.#names),
      ...(await describeHost(this.#site, this.#names)),
    };
  }

  /** Lines by which the life differs from `expected`; the host is looked at only where the objects do not. */
  async differenceFrom(expected: EndState): Promise<string[]> {
    const objects = describeObjects(await this.objects(), this.#names);
    const inObjects = differences(onlyObjects(expected), objects);
    return inObjects.length > 0 ? inObjects : differences(expected, await this.state());
  }

  /** The user gives it up. */
  async deleteAll(): Promise<void> {
    await this.#life.deleteAll();
  }

  /** After its last phase: what was kept on purpose goes by hand, as its operator would do it, and the namespace. */
  async end(): Promise<void> {
    const disks = join(this.#site.dataDir, 'disks');
    for (const kept of await readdir(disks)) await rm(join(disks, kept), { recursive: true });
    await this.#life.deleteNamespace();
  }
}
