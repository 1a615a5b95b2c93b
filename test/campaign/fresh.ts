import { type Actor, stage } from './cast.ts';
import type { Ground, Sight } from './ground.ts';
import { faultsOf } from './oracle/faults.ts';
import { likenessOf } from './oracle/likeness.ts';
import { isContent } from './content.ts';

/** Why there is nothing to compare with. */
export interface Missing {
  missing: string;
}

/** The likeness of a world in which the object was made with this spec. The world of the transition may be lost by it. */
export type Fresh = (subject: Actor) => Promise<string[] | Missing>;

/** Makes everything on a ground where nothing is, the subject as it is given. */
export async function likenessOfFresh(ground: Ground, subject: Actor): Promise<string[] | Missing> {
  // Whether a guest runs that is left to its operator depends on what was before.
  if ((subject.body['spec'] as { runStrategy?: string }).runStrategy === 'Manual')
    return { missing: 'a guest that is left to its operator' };
  for (const actor of stage('', '')) {
    const mine = actor.kind === subject.kind && actor.name === subject.name;
    const answer = await ground.apply(mine ? subject : actor);
    if (!answer.accepted) return { missing: 'refused when made so' };
  }
  const sight = await lookAtRest(ground);
  return isContent(subject, sight) ? likenessOf(sight) : { missing: 'blocked when made so' };
}

/** The others have to be done too: they are compared as well. */
async function lookAtRest(ground: Ground): Promise<Sight> {
  for (let left = ground.patience; ; left -= 1) {
    await ground.rest();
    const sight = await ground.look();
    if (left <= 0 || faultsOf(sight).length === 0) return sight;
  }
}
