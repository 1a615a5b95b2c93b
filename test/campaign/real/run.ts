import type { Actor } from '../cast.ts';
import { likenessOfFresh, type Missing } from '../fresh.ts';
import type { Transition } from '../generator/transitions.ts';
import { detachedDisks } from '../oracle/likeness.ts';
import { clearStage, type Result, play } from '../play.ts';
import { RealGround } from './ground.ts';
import type { RealSite } from './site.ts';

/** Namespaces in which transitions are played side by side. */
const LANES = 3;

/** So many are played by one lane before it takes others: most of them share their stage, and some take far longer. */
const NEIGHBOURS = 6;

/** Plays transitions on one installation; those that concern everybody alone and last. */
export async function playForReal(
  site: RealSite,
  transitions: readonly Transition[],
  onResult: (result: Result) => void,
): Promise<void> {
  const count = Math.min(LANES, transitions.length);
  const lanes = await Promise.all(
    Array.from({ length: count }, async (_, lane) => {
      const ground = new RealGround(site, lane);
      await ground.prepare();
      return new Lane(ground);
    }),
  );
  const [first] = lanes;
  if (!first) return;
  const waiting = transitions.filter((each) => !concernsEverybody(each));
  await Promise.all(
    lanes.map(async (lane) => {
      while (waiting.length > 0)
        for (const transition of waiting.splice(0, NEIGHBOURS)) onResult(await lane.play(transition));
    }),
  );
  for (const transition of transitions.filter(concernsEverybody)) onResult(await first.play(transition));
}

/** What the Host lends, one namespace could take away from all others. */
const concernsEverybody = ({ kind, patterns, refused }: Transition): boolean =>
  kind === 'Host' ||
  (!refused && patterns.some((pattern) => pattern === 'spec.cpus' || pattern === 'spec.memory'));

/** A disk that grew on the way to another spec, say, does not shrink back. */
const endsWhereItBegan = ({ route }: Transition): boolean =>
  route !== 'one after the other' && route !== 'overtaken';

/** What is to be made anew is compared with what it was before, and not with a third one. */
const noOtherWorld = Promise.resolve({ missing: 'there is no second world' });

/** Keeps its stage from one transition to the next, as long as they begin alike and nothing went wrong. */
class Lane {
  readonly #ground: RealGround;
  #stage = '';

  constructor(ground: RealGround) {
    this.#ground = ground;
  }

  async play(transition: Transition): Promise<Result> {
    const stage = `${transition.kind} ${transition.base}`;
    const isFresh = stage !== this.#stage || transition.route === 'made, then mended';
    if (isFresh) await clearStage(this.#ground);
    const result = await play(transition, this.#ground, (subject) =>
      endsWhereItBegan(transition) ? noOtherWorld : this.#likenessOfFresh(subject),
    );
    const isAsBefore =
      result.faults.length === 0 && endsWhereItBegan(transition) && (await this.#noDiskIsLeft());
    this.#stage = isAsBefore ? stage : '';
    return result;
  }

  /** The Disk of an entry that went stays, and the next entry of that name would find it. */
  async #noDiskIsLeft(): Promise<boolean> {
    const left = detachedDisks(this.#ground.cluster);
    if (left.length === 0) return true;
    for (const { metadata } of left) await this.#ground.delete('Disk', metadata.name);
    await this.#ground.rest();
    return detachedDisks(this.#ground.cluster).length === 0;
  }

  async #likenessOfFresh(subject: Actor): Promise<string[] | Missing> {
    await clearStage(this.#ground);
    return likenessOfFresh(this.#ground, subject);
  }
}
