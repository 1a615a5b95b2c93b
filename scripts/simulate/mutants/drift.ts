/** Defects by which nobody would notice, or mend, what was changed on a host by hand. */
import type { Mutant } from './mutant.ts';

export const ofDrift: readonly Mutant[] = [
  {
    name: 'a gateway that was removed is not missed',
    file: 'src/kinds/subnet/segment.ts',
    from: 'if (seen.gatewayCidr !== `${wanted.gateway}/${prefix}`) {',
    to: 'if (prefix === -1) {',
    seed: 45,
  },
  {
    name: 'a changed MTU is not noticed',
    file: 'src/kinds/subnet/segment.ts',
    from: 'if (seen.mtu !== wanted.mtu) return',
    to: 'if (seen.mtu === -1) return',
    seed: 157,
  },
  {
    name: 'reservations that were lost are not missed',
    file: 'src/kinds/subnet/segment.ts',
    from: 'if (missing || seen?.reservationsHash === reservations) return missing;',
    to: 'if (missing || !seen?.reservationsHash || seen.reservationsHash === reservations) return missing;',
    seed: 21,
  },
  {
    name: 'a definition that was edited by hand is not noticed',
    file: 'src/kinds/machine/plan.ts',
    from: 'const edited = asDefined ? editedByHand(domain, wanted) : [];',
    to: 'const edited: string[] = asDefined && domain.power === undefined ? editedByHand(domain, wanted) : [];',
    seed: 12,
  },
  {
    name: 'a port whose rules were flushed is left alone',
    file: 'src/kinds/machine/connections.ts',
    from: " && port.rules === 'present'",
    to: '',
  },
  {
    name: 'a port that is on no bridge is left alone',
    file: 'src/kinds/machine/connections.ts',
    from: ' && port.attached &&',
    to: ' &&',
  },
  {
    name: 'what happens to a guest is not listened for',
    file: 'src/agent/observer.ts',
    from: "(change) => void this.#domains.refresh(change.kind === 'domain' ? change.uuid : 'all'),",
    to: '() => undefined,',
    seed: 48,
  },
];
