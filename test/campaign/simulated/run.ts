import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { readGuardedCollections } from '../../../src/simulation/admission.ts';
import type { Collection } from '../../../src/simulation/api-store.ts';
import { image } from '../../../src/simulation/image.ts';
import { type Actor, stage } from '../cast.ts';
import type { Transition } from '../generator/transitions.ts';
import { likenessOf } from '../oracle/likeness.ts';
import { isContent, type Result, play } from '../play.ts';
import { SimulatedGround } from './ground.ts';

/** Plays transitions one after the other, each in a world of its own. */
export class SimulatedCampaign {
  readonly #collections: readonly Collection[];
  readonly #fresh = new Map<string, Promise<string[] | undefined>>();
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
      images: { '/import/demo.qcow2': image, '/import/text.qcow2': Buffer.from('no image\n'.repeat(100)) },
      surroundings: {
        importDir: '/import',
        demoChecksum: createHash('sha256').update(image).digest('hex'),
      },
      logger: pino({ level: 'silent' }),
    });
  }

  /** Worlds with the same object are alike: each is made once. */
  #likenessOfFresh(subject: Actor): Promise<string[] | undefined> {
    const key = JSON.stringify(subject);
    const known = this.#fresh.get(key) ?? this.#makeFresh(subject);
    this.#fresh.set(key, known);
    return known;
  }

  async #makeFresh(subject: Actor): Promise<string[] | undefined> {
    const ground = this.#ground(seedOf(JSON.stringify(subject)));
    await ground.rest();
    for (const actor of stage('', '')) {
      const mine = actor.kind === subject.kind && actor.name === subject.name;
      const answer = await ground.apply(mine ? subject : actor);
      if (!answer.accepted) return undefined;
    }
    await ground.rest();
    const sight = await ground.look();
    // Whether a guest runs that is left to its operator depends on what was before.
    if ((subject.body['spec'] as { runStrategy?: string }).runStrategy === 'Manual') return undefined;
    return isContent(subject, sight) ? likenessOf(sight) : undefined;
  }
}

const seedOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32LE(0);
