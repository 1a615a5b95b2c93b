/** Defects of planners and of what is swept up. */
import type { Mutant } from './mutant.ts';

export const ofPlanners: readonly Mutant[] = [
  // Planners.
  {
    name: 'ready is said too early',
    file: 'src/plan/ready.ts',
    from: ': because(outcome.reason, outcome.because);',
    to: ': because(outcome.reason, outcome.because, true);',
  },
  {
    name: 'an image that is being imported is taken for complete',
    file: 'src/kinds/disk/plan.ts',
    from: "if (image && cached?.state !== 'complete') {",
    to: 'if (image && !cached) {',
  },
  {
    name: 'a Machine of the same name is taken for the one before',
    file: 'src/kinds/placement/index.ts',
    from: 'machineNeedsIt: machine?.metadata.uid === uid && hasFinalizer(machine, FINALIZER),',
    to: "machineNeedsIt: machine !== undefined && uid !== '' && hasFinalizer(machine, FINALIZER),",
  },
  {
    name: 'a Machine claims a disk of another host',
    file: 'src/kinds/machine/prepare.ts',
    from: 'if (elsewhere !== undefined && elsewhere !== hostName) {',
    to: "if (elsewhere === '') {",
    seed: 209,
  },
  {
    name: 'data that is to be retained is deleted',
    file: 'src/kinds/disk/plan.ts',
    from: "if (disk.spec.reclaimPolicy === 'Retain')",
    to: "if (disk.spec.reclaimPolicy === 'Delete' && disk.status === undefined)",
  },
  {
    name: 'an address that is taken is chosen',
    file: 'src/kinds/machine/addresses.ts',
    from: '    ...taken.map(({ spec }) => spec.address),\n    ...ports.map(({ address }) => address),\n',
    to: '',
  },
  {
    name: 'networks that overlap are both held',
    file: 'src/kinds/subnet/conflict.ts',
    from: 'return theirs !== undefined && overlaps(network, theirs) && precedes(other, subnet);',
    to: 'return theirs === undefined && precedes(other, subnet);',
    seed: 27,
  },
  {
    name: 'a finalizer is released before the hosts are clean',
    file: 'src/plan/removal.ts',
    from: '  for (const host of hosts) {',
    to: '  for (const host of hosts.slice(0, 0)) {',
  },
  {
    name: 'nothing is protected by a finalizer',
    file: 'src/plan/removal.ts',
    from: 'if (deleting(object) || hasFinalizer(object, FINALIZER)) return undefined;',
    to: 'if (object) return undefined;',
  },
  {
    name: 'the absence in a snapshot proves a removal',
    file: 'src/plan/removal.ts',
    from: 'if (uid in host.snapshot.removed) continue;',
    to: 'if (!(uid in host.snapshot.disks) && !(uid in host.snapshot.domains)) continue;',
  },
  {
    name: 'a guest that crashed stays shut off',
    file: 'src/kinds/machine/plan.ts',
    from: "if (runStrategy === 'Manual') return settled;\n  // The request",
    to: "if (runStrategy === 'Manual' || domain.stopCause === 'crashed') return settled;\n  // The request",
    seed: 25,
  },
  {
    name: 'a Machine is bound anew where its Placement is not seen',
    file: 'src/kinds/machine/adopt.ts',
    from: 'const former = (boundHost(input) ?? hostWithSeed(input))?.name ?? machine.status?.hostName;',
    to: 'const former = undefined as string | undefined;',
    seed: 55,
  },
  {
    // That claims end while a domain has the disk is no defect alone: whoever claims it next looks at domains too.
    name: 'what domains have open is not seen',
    file: 'src/plan/whereabouts.ts',
    from: '    [config, live, saved].some((hardware)',
    to: '    [config, live, saved].slice(3).some((hardware)',
    seed: 43371,
    aim: 'device held/machine.reconfigure',
  },
  {
    name: 'a disk is free while an order may be on its way that attaches it',
    file: 'src/kinds/disk/plan.ts',
    from: "return claimant !== 'gone' && earlierOrderUnderway(claimant.metadata, snapshot);",
    to: 'return false;',
    seed: 69331,
    aim: 'effect hangs/machine.reconfigure',
  },
  {
    name: 'an address is free while its tap is there',
    file: 'src/kinds/ipaddress/index.ts',
    from: '    if (snapshot.ports[tap])\n',
    to: "    if (tap === '')\n",
    also: [
      {
        file: 'src/kinds/machine/gather.ts',
        from: ': portsOfOthers(hosts, subnetUid, uid),',
        to: ': [],',
      },
    ],
    seed: 2479,
    aim: 'effect hangs/machine.delete',
  },
  // What is left over, and what guests are.
  {
    name: 'a deleted Subnet leaves its bridge',
    file: 'src/kinds/subnet/execute.ts',
    from: '    await network.deleteSegment(uid);\n',
    to: '',
  },
  {
    name: 'a deleted Image stays in the cache',
    file: 'src/kinds/image/execute.ts',
    from: '    await storage.deleteImage(uid);\n',
    to: '',
    seed: 25,
  },
  {
    name: 'a deleted Machine leaves its seed and its directory',
    file: 'src/kinds/machine/execute.ts',
    from: '    await storage.deleteMachineDirectory(uid);\n    await storage.deleteSeed(uid);\n',
    to: '',
  },
  {
    name: 'a guest has half of its memory',
    file: 'src/kinds/machine/domain.ts',
    from: 'memoryBytes: definition.memoryBytes,',
    to: 'memoryBytes: definition.memoryBytes / 2,',
  },
  {
    name: 'a guest is restarted for a change although its updatePolicy does not say so',
    file: 'src/kinds/machine/plan.ts',
    from: "  if (input.machine.spec.updatePolicy !== 'Restart') return undefined;\n",
    to: '',
  },
  {
    name: 'orders are given for ever to a host where all is as it should be',
    file: 'src/kinds/machine/plan.ts',
    from: 'linkSetDown(input, domain) ?? settled;',
    to: "linkSetDown(input, domain) ?? host.step({ name: 'machine.withdrawShutdown', arguments: {} }, { reason: 'X', because: 'x' });",
  },
  {
    name: 'a disk is deleted under a guest that has it open',
    file: 'src/kinds/disk/plan.ts',
    from: "if (claim && claimant !== 'gone') return waiting(",
    to: "if (claim && claimant === 'gone') return waiting(",
    also: [
      {
        file: 'src/kinds/disk/plan.ts',
        from: 'if (domainsUsing(host.snapshot.domains, uid).length > 0) {\n    return waiting(',
        to: 'if (domainsUsing(host.snapshot.domains, uid).length < 0) {\n    return waiting(',
      },
      {
        file: 'src/kinds/disk/execute.ts',
        from: 'if (users.size > 0) throw',
        to: 'if (users.size < 0) throw',
      },
    ],
    seed: 1167,
  },
];
