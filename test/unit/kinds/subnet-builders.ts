import type { SubnetInput } from '../../../src/kinds/subnet/plan.ts';
import type { SegmentSnapshot } from '../../../src/plan/snapshot.ts';
import type { Subnet } from '../../../src/resources/kinds.ts';
import { host, segment, subnet } from './builders.ts';

export const uid = 'uid-of-frontend';
const realised = { realised: true, phase: 'Ready' as const };

/** Nobody else may have its network. */
const holding = subnet('frontend', { status: { networkHeld: true } });

export const given = (changes: Partial<SubnetInput> = {}): SubnetInput => ({
  subnet: holding,
  hosts: [host()],
  addresses: [],
  machines: [],
  others: [],
  ...changes,
});
export const withSegment = (changes: Partial<SegmentSnapshot> = {}, of: Subnet = holding): SubnetInput =>
  given({ subnet: of, hosts: [host({ segments: { [uid]: segment(of, [], changes) } })] });
export const wasRealised = subnet('frontend', { status: realised });
