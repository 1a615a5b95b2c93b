import type { Actor } from './cast.ts';
import { leadOf, stage } from './cast.ts';
import { isContent, isSettled } from './content.ts';
import type { Fresh, Missing } from './fresh.ts';
import { isBlamed } from './generator/blame.ts';
import { applied, type Edit, type Transition } from './generator/transitions.ts';
import type { JsonObject } from './generator/json.ts';
import type { Answer, Ground, Rest, Sight } from './ground.ts';
import { nameOf } from './oracle/cluster.ts';
import { faultsOf } from './oracle/faults.ts';
import { machineObstacles } from './oracle/machine-obstacles.ts';
import { likenessOf, unlike } from './oracle/likeness.ts';

/**
 * What became of S1: let in and carried out, refused by the API, or let in with a condition that says what it waits for
 * or what is wrong. It is blocked too where that is said of S2.
 */
export type Reception = 'accepted' | 'refused' | 'blocked';

export const comparisons = ['after a refusal', 'back at S0', 'mended', 'made anew', 'S2'] as const;

/** Two worlds that have to be alike, and why they were not compared if so. */
export interface Comparison {
  what: (typeof comparisons)[number];
  skipped?: string;
}

export interface Result {
  transition: Transition;
  reception: Reception;
  comparisons: Comparison[];
  /** Nothing, when everything was as it should be. */
  faults: string[];
}

/** Plays one transition. What breaks the ground itself is a fault like any other. */
export async function play(transition: Transition, ground: Ground, fresh: Fresh): Promise<Result> {
  return new Play(transition, ground, fresh).run();
}

class Play {
  readonly #transition: Transition;
  readonly #ground: Ground;
  readonly #fresh: Fresh;
  readonly #faults: string[] = [];
  readonly #comparisons: Comparison[] = [];
  #subject: Actor;
  #reception: Reception = 'accepted';
  /** What fails already is tried again and again, whatever is refused. */
  #contentBefore = true;

  constructor(transition: Transition, ground: Ground, fresh: Fresh) {
    this.#transition = transition;
    this.#ground = ground;
    this.#fresh = fresh;
    this.#subject = leadOf(transition.kind, transition.base);
  }

  async run(): Promise<Result> {
    try {
      await this.#play();
    } catch (error) {
      this.#fault(`it broke: ${String(error)}`);
    }
    return {
      transition: this.#transition,
      reception: this.#reception,
      comparisons: this.#comparisons,
      faults: this.#faults,
    };
  }

  async #play(): Promise<void> {
    const { route } = this.#transition;
    const begin = route === 'made, then mended' ? [] : await this.#begin();
    switch (route) {
      case 'reverted':
      case 'together':
        await this.#firstThen(begin, async () => this.#revert(begin));
        break;
      case 'reverted at once':
        await this.#write('S1', this.#transition.first);
        await this.#revert(begin);
        break;
      case 'made, then mended':
        await this.#madeThenMended();
        break;
      case 'deleted and made anew':
        await this.#firstThen(begin, async () => this.#deletedAndMadeAnew(begin));
        break;
      case 'one after the other':
        await this.#firstThen(begin, async (first) => this.#goOn(first));
        break;
      case 'overtaken':
        await this.#write('S1', this.#transition.first);
        await this.#goOn({ missing: 'it was on its way to S1' });
        break;
    }
  }

  async #begin(): Promise<string[]> {
    await setTheStage(this.#ground, stage(this.#transition.kind, this.#transition.base));
    const sight = await this.#look('S0');
    this.#contentBefore = this.#isContent(sight);
    if (isFound(this.#subject.kind)) this.#subject = foundOnStage(this.#subject, sight);
    return likenessOf(sight);
  }

  /** S0 → S1, and what comes after it where S1 was let in. */
  async #firstThen(begin: string[], goOn: (first: string[]) => Promise<void>): Promise<void> {
    const answer = await this.#write('S1', this.#transition.first);
    if (!answer.accepted) {
      if (this.#transition.route === 'one after the other') this.#skip('S2', 'S1 was refused');
      await this.#untouched(begin);
      return;
    }
    const sight = await this.#look('S1');
    this.#contentBefore = this.#isContent(sight);
    if (!this.#contentBefore) this.#reception = 'blocked';
    await goOn(likenessOf(sight));
  }

  /** A refusal names the field, and is as if it had not been asked for. */
  async #untouched(before: string[]): Promise<void> {
    await this.#ground.rest();
    const deeds = this.#ground.deeds().filter((deed) => this.#contentBefore || !deed.includes('order'));
    if (deeds.length > 0) this.#fault(`a refused change made somebody act: ${deeds.slice(0, 3).join('; ')}`);
    this.#compare('after a refusal', before, likenessOf(await this.#ground.look()));
  }

  async #revert(begin: string[]): Promise<void> {
    const answer = await this.#write('S0 again', []);
    // A disk has grown, or what cannot be changed was added: there is no way back but to make it anew.
    if (!answer.accepted) {
      this.#skip('back at S0', 'S0 was refused');
      await this.#deletedAndMadeAnew(begin);
      return;
    }
    const sight = await this.#look('S0 again');
    // What a guest does not let go stays, with its address and its claim, until the guest is restarted.
    if (holdsDevices(sight)) this.#skip('back at S0', 'a guest does not let a device go');
    else this.#compare('back at S0', begin, likenessOf(sight));
  }

  async #madeThenMended(): Promise<void> {
    const { kind, base, first } = this.#transition;
    await setTheStage(
      this.#ground,
      stage(kind, base).filter((actor) => actor.kind !== kind || actor.name !== this.#subject.name),
    );
    await this.#ground.rest();
    const answer = await this.#write('S1', first);
    if (answer.accepted && !this.#isContent(await this.#look('S1'))) this.#reception = 'blocked';
    const mended = await this.#write('S0', []);
    const sight = await this.#look('S0 after S1');
    if (mended.accepted && this.#isContent(sight)) {
      this.#compare('mended', await this.#fresh(this.#subject), likenessOf(sight));
      return;
    }
    // What an object got when it was made and keeps for life may stand in the way: then it is made anew.
    this.#skip('mended', mended.accepted ? 'S0 was blocked' : 'S0 was refused');
    await this.#deletedAndMadeAnew(await this.#fresh(this.#subject));
  }

  async #deletedAndMadeAnew(begin: string[] | Missing): Promise<void> {
    // What reclaimPolicy Retain keeps also keeps its Image from going.
    if ((await this.#clear()) === 'something is retained') {
      this.#skip('made anew', 'something is retained');
      return;
    }
    await setTheStage(this.#ground, stage(this.#transition.kind, this.#transition.base));
    this.#compare('made anew', begin, likenessOf(await this.#look('S0 anew')));
  }

  /** From S1 to S2, which has to be as if it had been asked for from the beginning. */
  async #goOn(first: string[] | Missing): Promise<void> {
    const answer = await this.#write('S2', this.#transition.second);
    if (!answer.accepted) {
      this.#skip('S2', 'S2 was refused');
      // What was still on its way has nothing that it could be compared with.
      if ('missing' in first) await this.#look('S1 after S2 was refused');
      else await this.#untouched(first);
      return;
    }
    const sight = await this.#look('S2');
    // Where something stands in the way, what is there depends on when it came into the way.
    if (!this.#isContent(sight)) {
      this.#reception = 'blocked';
      this.#skip('S2', 'S2 was blocked');
      return;
    }
    this.#compare('S2', await this.#fresh(edited(this.#subject, this.#transition.second)), likenessOf(sight));
  }

  /** Everything that users made is deleted, and nothing of it may be left. */
  async #clear(): Promise<'clean' | 'something is retained'> {
    await clearStage(this.#ground);
    const { picture, cluster: left } = await this.#look('deleted');
    if (picture.disks.some(({ retained }) => retained)) return 'something is retained';
    const things = Object.values(picture).flatMap((part: object) => (Array.isArray(part) ? part : []));
    if (things.length > 0) this.#fault(`deleted: ${things.length} things are left on the host`);
    const objects = left.objects.filter(({ kind }) => kind !== 'Host' && kind !== 'Secret');
    for (const object of objects) this.#fault(`deleted: ${nameOf(object)} is left`);
    return 'clean';
  }

  async #write(stageName: string, edits: readonly Edit[]): Promise<Answer> {
    const { refused, changeClass } = this.#transition;
    const answer = await this.#ground.apply(edited(this.#subject, edits));
    if (stageName !== 'S1') return answer;
    if (answer.accepted) {
      if (refused) this.#fault(`S1 was let in, which the schema forbids (${changeClass})`);
      return answer;
    }
    this.#reception = 'refused';
    if (answer.code !== 422 && answer.code !== 400)
      this.#fault(`S1 was refused with ${answer.code}: ${answer.message}`);
    if (!namesTheField(answer, this.#transition))
      this.#fault(`the refusal names no field that has to do with the change: ${answer.message}`);
    return answer;
  }

  async #look(when: string): Promise<Sight> {
    for (let left = this.#ground.patience; ; left -= 1) {
      const rest = await this.#ground.rest();
      this.#ground.deeds();
      const sight = await this.#ground.look();
      const faults = [...faultsOf(sight), ...restlessness(rest, sight)];
      if (faults.length > 0 && left > 0) continue;
      for (const fault of faults) this.#fault(`${when}: ${fault}`);
      return sight;
    }
  }

  #compare(what: Comparison['what'], wanted: string[] | Missing, found: readonly string[]): void {
    if ('missing' in wanted) {
      this.#skip(what, wanted.missing);
      return;
    }
    this.#comparisons.push({ what });
    for (const line of unlike(wanted, found).slice(0, 6)) this.#fault(`${what}: ${line}`);
  }

  #skip(what: Comparison['what'], why: string): void {
    this.#comparisons.push({ what, skipped: why });
  }

  #isContent(sight: Sight): boolean {
    return isContent(this.#subject, sight);
  }

  #fault(text: string): void {
    this.#faults.push(text);
  }
}

const holdsDevices = (sight: Sight): boolean =>
  sight.cluster.all('Machine').some((machine) => machineObstacles(machine, sight).has('DeviceNotReleased'));

/** Orders without an end are for those alone who have not what they ask for. */
const restlessness = (rest: Rest, { cluster }: Sight): string[] =>
  rest === 'silent' || cluster.objects.some((object) => !isSettled(object) && object.kind !== 'Secret')
    ? []
    : ['orders go on and on, although everything is as it should be'];

const edited = (actor: Actor, edits: readonly Edit[]): Actor => ({
  ...actor,
  body: applied(actor.body, edits),
});

/** Controllers make its object: it is changed as it is found. */
const isFound = (kind: string): boolean => kind === 'IPAddress' || kind === 'Placement';

function foundOnStage({ kind }: Actor, { cluster }: Sight): Actor {
  const found = cluster.objects.find(
    (object) =>
      object.kind === kind && (object.spec as { machineRef?: { name: string } }).machineRef?.name === 'web',
  );
  if (!found) throw new Error(`nobody made an object of kind ${kind} for web`);
  return { kind, name: found.metadata.name, body: { spec: found.spec as JsonObject } };
}

/** Applies everything. @throws when the API refuses what is known to be good */
async function setTheStage(ground: Ground, actors: readonly Actor[]): Promise<void> {
  for (const actor of actors) {
    const answer = await ground.apply(actor);
    if (!answer.accepted) throw new Error(`${actor.kind} ${actor.name} was refused: ${answer.message}`);
  }
}

/** Deletes everything that users made, and waits until it is gone or nothing happens any more. */
export async function clearStage(ground: Ground): Promise<void> {
  // Guests are powered off one after the other, and a busy host takes its time.
  for (let left = 10 * ground.patience; ; left -= 1) {
    const { cluster } = ground;
    const made = (['Machine', 'Disk', 'Subnet', 'Image'] as const).flatMap((kind) => [...cluster.all(kind)]);
    for (const { kind, metadata } of made)
      if (!metadata.deletionTimestamp) await ground.delete(kind, metadata.name);
    await ground.rest();
    if (made.length === 0 || left <= 0) return;
  }
}

/** Without causes, as for an unknown field, it is the message that names it. */
const namesTheField = (
  { fields, message }: Extract<Answer, { accepted: false }>,
  { blame }: Transition,
): boolean =>
  (fields.length > 0 ? fields : (message.match(/\bspec[\w.[\]-]*/g) ?? [])).some((field) =>
    isBlamed(blame, field),
  );
