import type { Actor } from './cast.ts';
import { leadOf, stage } from './cast.ts';
import { isBlamed } from './generator/blame.ts';
import { applied, type Edit, type Transition } from './generator/transitions.ts';
import type { JsonObject } from './generator/json.ts';
import type { Answer, Ground, Rest, Sight } from './ground.ts';
import { conditionOf, nameOf } from './oracle/cluster.ts';
import { faultsOf } from './oracle/faults.ts';
import { machineObstacles } from './oracle/machine-obstacles.ts';
import { likenessOf, unlike } from './oracle/likeness.ts';

/** What became of S1: let in and carried out, refused by the API, or let in with a condition that says what is wrong. */
export type Reception = 'accepted' | 'refused' | 'blocked';

export interface Result {
  transition: Transition;
  reception: Reception;
  /** Nothing, when everything was as it should be. */
  faults: string[];
}

/** The likeness of a world in which the object was made with this spec; undefined where it cannot be as it says. */
export type Fresh = (subject: Actor) => Promise<string[] | undefined>;

/** Plays one transition. What breaks the ground itself is a fault like any other. */
export async function play(transition: Transition, ground: Ground, fresh: Fresh): Promise<Result> {
  return new Play(transition, ground, fresh).run();
}

class Play {
  readonly #transition: Transition;
  readonly #ground: Ground;
  readonly #fresh: Fresh;
  readonly #faults: string[] = [];
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
    return { transition: this.#transition, reception: this.#reception, faults: this.#faults };
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
        await this.#firstThen(begin, async () => this.#goOn());
        break;
      case 'overtaken':
        await this.#write('S1', this.#transition.first);
        await this.#goOn();
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
  async #firstThen(begin: string[], goOn: () => Promise<void>): Promise<void> {
    const answer = await this.#write('S1', this.#transition.first);
    if (!answer.accepted) {
      await this.#untouched(begin);
      return;
    }
    const sight = await this.#look('S1');
    if (!this.#isContent(sight)) this.#reception = 'blocked';
    await goOn();
  }

  /** A refusal names the field, and is as if it had not been asked for. */
  async #untouched(begin: string[]): Promise<void> {
    await this.#ground.rest();
    const deeds = this.#ground.deeds().filter((deed) => this.#contentBefore || !deed.includes('order'));
    if (deeds.length > 0) this.#fault(`a refused change made somebody act: ${deeds.slice(0, 3).join('; ')}`);
    this.#compare('after the refusal', begin, likenessOf(await this.#ground.look()));
  }

  async #revert(begin: string[]): Promise<void> {
    const answer = await this.#write('S0 again', []);
    // A disk has grown, or what cannot be changed was added: there is no way back but to make it anew.
    if (!answer.accepted) return this.#deletedAndMadeAnew(begin);
    const sight = await this.#look('S0 again');
    // What a guest does not let go stays, with its address and its claim, until the guest is restarted.
    if (!holdsDevices(sight)) this.#compare('back at S0', begin, likenessOf(sight));
  }

  async #madeThenMended(): Promise<void> {
    const { kind, base, first } = this.#transition;
    const begin = await this.#fresh(this.#subject);
    await setTheStage(
      this.#ground,
      stage(kind, base).filter((actor) => actor.kind !== kind || actor.name !== this.#subject.name),
    );
    await this.#ground.rest();
    const answer = await this.#write('S1', first);
    if (answer.accepted && !this.#isContent(await this.#look('S1'))) this.#reception = 'blocked';
    const mended = await this.#write('S0', []);
    const sight = await this.#look('S0 after S1');
    // What an object got when it was made and keeps for life may stand in the way: then it is made anew.
    if (mended.accepted && this.#isContent(sight)) this.#compare('mended', begin, likenessOf(sight));
    else await this.#deletedAndMadeAnew(begin);
  }

  async #deletedAndMadeAnew(begin: string[] | undefined): Promise<void> {
    // What reclaimPolicy Retain keeps also keeps its Image from going.
    if ((await this.#clear()) === 'something is retained') return;
    await setTheStage(this.#ground, stage(this.#transition.kind, this.#transition.base));
    this.#compare('made anew', begin, likenessOf(await this.#look('S0 anew')));
  }

  /** From S1 to S2, which has to be as if it had been asked for from the beginning. */
  async #goOn(): Promise<void> {
    const answer = await this.#write('S2', this.#transition.second);
    const sight = await this.#look('S2');
    if (!answer.accepted) return;
    // Where something stands in the way, what is there depends on when it came into the way.
    if (!this.#isContent(sight)) {
      this.#reception = 'blocked';
      return;
    }
    const wanted = await this.#fresh(edited(this.#subject, this.#transition.second));
    if (wanted) this.#compare('S2 beside a fresh S2', wanted, likenessOf(sight));
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

  #compare(when: string, wanted: readonly string[] | undefined, found: readonly string[]): void {
    if (!wanted) return;
    for (const line of unlike(wanted, found).slice(0, 6)) this.#fault(`${when}: ${line}`);
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

const isSettled = (object: object): boolean =>
  ['Ready', 'Stopped', 'AgentReporting'].includes(conditionOf(object)?.reason ?? '');

/** The object is there, and as its spec says. */
export function isContent({ kind, name }: Actor, { cluster }: Sight): boolean {
  const object = cluster.objects.find((each) => each.kind === kind && each.metadata.name === name);
  return object !== undefined && isSettled(object);
}

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
    const { cluster } = await ground.look();
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
