import { readGuardedCollections } from '../../../src/simulation/admission.ts';
import { ApiStore } from '../../../src/simulation/api-store.ts';
import { leadOf } from '../cast.ts';
import { type Transition, applied } from '../generator/transitions.ts';
import { SimulatedUser } from './user.ts';

/** Whether S1, and S2 where there is one, are likely let in. */
export type Admittance = (transition: Transition) => boolean;

/** Asks an API in memory, with the subject alone in it: of what the schema does not refuse, rules refuse about half. */
export async function admittance(crdsDirectory: string): Promise<Admittance> {
  const collections = await readGuardedCollections(crdsDirectory);
  const surroundings = { importDir: '/import', demoChecksum: 'a'.repeat(64) };
  return ({ kind, base, route, first, second }) => {
    const store = new ApiStore({ collections, newUid: () => 'uid', now: () => 0 });
    const user = new SimulatedUser(store, collections, surroundings);
    const lead = leadOf(kind, base);
    if (route !== 'made, then mended') user.apply(lead);
    return [first, ...(second.length > 0 ? [second] : [])].every(
      (edits) => user.apply({ ...lead, body: applied(lead.body, edits) }).accepted,
    );
  };
}
