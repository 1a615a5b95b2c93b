import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { readGuardedCollections } from '../../../src/simulation/admission.ts';
import type { Collection } from '../../../src/simulation/api-store.ts';
import { image, imageChecksum } from '../../../src/simulation/image.ts';
import type { Actor } from '../cast.ts';
import { likenessOfFresh, type Missing } from '../fresh.ts';
import type { Transition } from '../generator/transitions.ts';
import { type Sources, sourceFile } from '../oracle/sources.ts';
import { type Result, play } from '../play.ts';
import { SimulatedGround } from './ground.ts';

const text = Buffer.from('no image\n'.repeat(100));
const images = {
  '/import/demo.qcow2': image,
  '/import/backed.qcow2': backed(image),
  '/import/text.qcow2': text,
};
const sources: Sources = {
  importDir: '/import',
  files: new Map([
    ['/import/demo.qcow2', sourceFile('qcow2', image, 2 ** 27)],
    ['/import/backed.qcow2', sourceFile('qcow2 on a backing file', images['/import/backed.qcow2'], 2 ** 27)],
    ['/import/text.qcow2', sourceFile('text', text, 1_024)],
  ]),
  ofUrls: 'DownloadFailed',
  outside: 'FileNotFound',
  unpacks: 'by assertion',
};

/** The image with the name of another file in its header, where qcow2 has that of a backing file. */
function backed(whole: Buffer): Buffer {
  const name = '/etc/passwd';
  const overlay = Buffer.from(whole);
  overlay.writeBigUInt64BE(512n, 8);
  overlay.writeUInt32BE(name.length, 16);
  overlay.write(name, 512);
  return overlay;
}

/** Plays transitions one after the other, each in a world of its own. */
export class SimulatedCampaign {
  readonly #collections: readonly Collection[];
  readonly #fresh = new Map<string, Promise<string[] | Missing>>();
  /** What happened in the world of the last transition. */
  story: string[] = [];

  private constructor(collections: readonly Collection[]) {
    this.#collections = collections;
  }

  static async prepare(crdsDirectory: string): Promise<SimulatedCampaign> {
    return new SimulatedCampaign(await readGuardedCollections(crdsDirectory));
  }

  async play(transition: Transition): Promise<Result> {
    const ground = this.#ground(seedOf(transition.name));
    this.story = ground.story;
    await ground.rest();
    return play(transition, ground, (subject) => this.#likenessOfFresh(subject));
  }

  #ground(seed: number): SimulatedGround {
    return new SimulatedGround({
      seed,
      collections: this.#collections,
      images,
      sources,
      surroundings: {
        importDir: sources.importDir,
        demoChecksum: imageChecksum.replace('sha256:', ''),
      },
      logger: pino({ level: 'silent' }),
    });
  }

  /** Worlds with the same object are alike: each is made once. */
  #likenessOfFresh(subject: Actor): Promise<string[] | Missing> {
    const key = JSON.stringify(subject);
    const known = this.#fresh.get(key) ?? this.#makeFresh(subject);
    this.#fresh.set(key, known);
    return known;
  }

  async #makeFresh(subject: Actor): Promise<string[] | Missing> {
    const ground = this.#ground(seedOf(JSON.stringify(subject)));
    await ground.rest();
    return likenessOfFresh(ground, subject);
  }
}

const seedOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32LE(0);
