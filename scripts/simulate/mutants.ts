import { driftMutants } from './drift-mutants.ts';

/** Defects that were put in on purpose, each as a change of the source: the simulation must catch every one of them. */
export interface Edit {
  file: string;
  /** Text that stands in the file once. */
  from: string;
  to: string;
}

export interface Mutant extends Edit {
  name: string;
  /** Where two guards hold the same promise: what is to be changed besides. */
  also?: Edit;
  /** Which showed it when it was looked for last: tried first, before all the others. */
  seed?: number;
  /** In the brief world of that seed. */
  brief?: boolean;
}

/** @returns every change that makes the defect */
export const editsOf = ({ file, from, to, also }: Mutant): Edit[] => [
  { file, from, to },
  ...(also ? [also] : []),
];

export const mutants: readonly Mutant[] = [
  ...driftMutants,
  // The fence of the agent.
  {
    name: 'the agent obeys an older epoch',
    file: 'src/agent/fence.ts',
    from: 'if (order.epoch < this.#epoch) {',
    to: 'if (order.epoch < 0) {',
  },
  {
    name: 'epochs are compared the wrong way',
    file: 'src/agent/fence.ts',
    from: 'if (order.epoch < this.#epoch) {',
    to: 'if (order.epoch > this.#epoch) {',
  },
  {
    name: 'an order planned before the last effect is carried out',
    file: 'src/agent/fence.ts',
    from: 'if (order.basis < effect) {',
    to: 'if (order.basis < 0) {',
  },
  {
    name: 'an order of before the agent was restarted is carried out',
    file: 'src/agent/fence.ts',
    from: 'if (order.incarnation !== this.#incarnation) {',
    to: "if (order.incarnation === '') {",
  },
  {
    name: 'every order is refused',
    file: 'src/agent/fence.ts',
    from: 'if (order.hostUid !== this.#agentUid)',
    to: 'if (order.hostUid === this.#agentUid)',
  },
  // The order desk.
  {
    name: 'one object is worked on twice at the same time',
    file: 'src/agent/order-desk.ts',
    from: 'return { exclusive: [turn, uid], shared: lock };',
    to: 'return { exclusive: [], shared: [] };',
  },
  {
    name: 'an order is removed before it was carried out',
    file: 'src/agent/order-desk.ts',
    from: '    const notAdmitted = failureOf(() => fence.admit(order));\n',
    to: '    const notAdmitted = failureOf(() => fence.admit(order));\n    await this.#remove(uid, record, orderId);\n    if (action.name.startsWith("disk")) return;\n',
  },
  {
    name: 'a removal that failed is recorded as done',
    file: 'src/agent/order-desk.ts',
    from: 'failure ??= failureOf(() => fence.recordRemoval(order));',
    to: 'fence.recordRemoval(order);',
  },
  // The mirror of hosts.
  {
    name: 'the snapshot of a host that does not obey yet is planned from',
    file: 'src/reconcile/hosts.ts',
    from: 'snapshot.complete && snapshot.epoch === this.#epoch()',
    to: 'snapshot.complete',
  },
  {
    name: 'an incomplete snapshot is planned from',
    file: 'src/reconcile/hosts.ts',
    from: 'snapshot.complete && snapshot.epoch === this.#epoch()',
    to: 'snapshot.epoch === this.#epoch()',
  },
  {
    name: 'what an earlier life of the agent published is believed',
    file: 'src/queue/snapshot-fields.ts',
    from: 'return startOf(found.incarnation) < startOf(known.incarnation);',
    to: 'return false;',
    seed: 64,
  },
  // The loop.
  {
    name: 'a relist forgets what was written after it',
    file: 'src/reconcile/informer.ts',
    from: 'if (listed && !present.has(object.metadata.uid))',
    to: 'if (!present.has(object.metadata.uid))',
  },
  {
    name: 'a relist does not notice what is gone',
    file: 'src/reconcile/informer.ts',
    from: 'if (listed && !present.has(object.metadata.uid)) this.#removed(object);',
    to: '',
    seed: 227,
  },
  {
    name: 'an expired watch goes on where it was',
    file: 'src/reconcile/informer.ts',
    from: '        this.#version = undefined;\n',
    to: '',
  },
  {
    name: 'what changes while it is in work is not looked at again',
    file: 'src/reconcile/work-queue.ts',
    from: '      this.#again.add(key);\n',
    to: '',
  },
  {
    name: 'nothing is tried again after a failure',
    file: 'src/reconcile/controller.ts',
    from: 'this.#queue.addAfter(item, Math.min(FIRST_RETRY_MS',
    to: 'void (item, Math.min(FIRST_RETRY_MS',
  },
  {
    name: 'an order without an answer is not sent again',
    file: 'src/reconcile/dispatch.ts',
    from: 'nowMs - sent.atMs < RESEND_MS',
    to: 'nowMs - sent.atMs < Infinity',
  },
  {
    name: 'a refused write leaves the stale object in the cache',
    file: 'src/reconcile/api-actions.ts',
    from: '    if (target.uid !== undefined) informers.forget(target.kind, target.uid);\n',
    to: '',
    seed: 648,
  },
  {
    name: 'a leader acts on after its lease may be another’s',
    file: 'src/reconcile/loop.ts',
    from: '(): boolean => leadership.certain()',
    to: '(): boolean => true',
    seed: 71,
  },
  {
    name: 'a status is written after the lease may be another’s',
    file: 'src/reconcile/controller.ts',
    from: 'if (!mayAct()) return 1_000;',
    to: "if (!mayAct() && definition.plan(definition.gather(object, informers)).type === 'act') return 1_000;",
    seed: 71,
  },
  {
    name: 'a new leader does not raise the epoch',
    file: 'src/reconcile/leader.ts',
    from: 'Math.max(stored, reported, clock.now()) + 1',
    to: 'Math.max(stored, reported, 1)',
  },
  {
    name: 'a status is not written when only a condition changed',
    file: 'src/reconcile/report.ts',
    from: 'conditions: mergeConditions(',
    to: 'conditions: present.conditions ?? mergeConditions(',
  },
  {
    name: 'a grace period never ends',
    file: 'src/agent/snapshot.ts',
    from: 'overdue: dueAt(request) <= uptimeMs',
    to: 'overdue: dueAt(request) <= 0',
  },
  {
    name: 'the end of a grace period is not told',
    file: 'src/agent/observer.ts',
    from: '    if (due === Infinity) return;\n',
    to: '    if (shutdown !== undefined || due === Infinity) return;\n',
    seed: 187,
  },
  {
    name: 'a change on a host is not looked at',
    file: 'src/reconcile/controller.ts',
    from: '      if (owner) concerned.add(itemOf(owner.kind, owner.key));\n',
    to: '',
  },
  {
    name: 'what a domain lets go of is not looked at',
    file: 'src/queue/snapshot-fields.ts',
    from: "if (part === 'domains') ",
    to: "if (key === 'domains') ",
    seed: 947,
  },
  {
    name: 'an object is still found by what it had',
    file: 'src/reconcile/object-cache.ts',
    from: '        keys?.delete(key);\n',
    to: '',
  },
  {
    name: 'what is contested is not decided one after another',
    file: 'src/reconcile/controller.ts',
    from: "new Set(['api.holdNetwork'])",
    to: 'new Set()',
    seed: 940,
  },
  {
    name: 'a lease that another holds is taken',
    file: 'src/reconcile/leader.ts',
    from: 'present.spec.holderIdentity === identity;',
    to: 'present.spec.holderIdentity !== identity;',
  },
  // Executors.
  {
    name: 'a guest is not plugged in again when its tap was made anew',
    file: 'src/kinds/machine/execute.ts',
    from: '    await plugAgain(interfaces, seen, context, uid);\n',
    to: '',
    seed: 101,
  },
  {
    name: 'a deleted Machine leaves its taps',
    file: 'src/kinds/machine/execute.ts',
    from: '    for (const name of interfaceNames) await network.deletePort(uid, name);\n    await deleteSparePorts([], await lookAtPorts(context, uid), context, uid);\n',
    to: '',
  },
  {
    name: 'a deleted Disk leaves its file',
    file: 'src/kinds/disk/execute.ts',
    from: '    await context.storage.deleteDisk(uid);\n',
    to: '',
  },
  {
    name: 'a disk that the spec does not have any more stays in the guest',
    file: 'src/kinds/machine/execute.ts',
    from: '    if (!stays) await hypervisor.detachDisk(uuid, disk.target);\n',
    to: '',
  },
  {
    name: 'a paused guest is left paused',
    file: 'src/kinds/machine/plan.ts',
    from: "if (domain.power === 'paused' && runStrategy !== 'Manual') {",
    to: "if (domain.power === 'paused' && runStrategy === 'Halted') {",
  },
  // Planners.
  {
    name: 'ready is said too early',
    file: 'src/plan/ready.ts',
    from: ': because(outcome.reason, outcome.because);',
    to: ': because(outcome.reason, outcome.because, true);',
  },
  {
    name: 'a Machine claims a disk of another host',
    file: 'src/kinds/machine/prepare.ts',
    from: 'if (elsewhere !== undefined && elsewhere !== hostName) {',
    to: "if (elsewhere === '') {",
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
    seed: 67,
  },
  {
    name: 'a Machine is bound anew where its Placement is not seen',
    file: 'src/kinds/machine/adopt.ts',
    from: 'const former = (boundHost(input) ?? hostWithSeed(input))?.name ?? machine.status?.hostName;',
    to: 'const former = undefined as string | undefined;',
  },
  {
    // That claims end while a domain has the disk is no defect alone: whoever claims it next looks at domains too.
    name: 'what domains have open is not seen',
    file: 'src/plan/whereabouts.ts',
    from: '    [config, live, saved].some((hardware)',
    to: '    [config, live, saved].slice(3).some((hardware)',
    seed: 21707,
  },
  {
    name: 'a disk is free while an order may be on its way that attaches it',
    file: 'src/kinds/disk/plan.ts',
    from: "return claimant !== 'gone' && earlierOrderUnderway(claimant.metadata, snapshot);",
    to: 'return false;',
    seed: 2195,
  },
  {
    name: 'an address is free while its tap is there',
    file: 'src/kinds/ipaddress/index.ts',
    from: '    if (snapshot.ports[tap])\n',
    to: "    if (tap === '')\n",
    also: {
      file: 'src/kinds/machine/gather.ts',
      from: ': portsOfOthers(hosts, subnetUid, uid),',
      to: ': [],',
    },
    seed: 36723,
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
  // What a store that was restored from a backup does not know.
  {
    name: 'after a restore a leader acts before every host was seen',
    file: 'src/reconcile/settling.ts',
    from: 'this.#over = !options.leadership.settling;',
    to: 'this.#over = true;',
  },
  {
    name: 'after a restore nobody waits for a host that only Redis knows of',
    file: 'src/reconcile/settling.ts',
    from: 'new Set(options.leadership.settling ? options.claimed : [])',
    to: 'new Set()',
    seed: 1375,
  },
  {
    name: 'after a restore nobody waits for what earlier leaders ordered',
    file: 'src/reconcile/hosts.ts',
    from: "snapshot.earlierOrdersEnded ? 'seen' : 'busy'",
    to: "'seen'",
    seed: 632_972,
    brief: true,
  },
  {
    name: 'epochs begin again after a restore',
    file: 'src/reconcile/leader.ts',
    from: 'Math.max(stored, reported, clock.now()) + 1',
    to: 'Math.max(stored, reported) + 1',
  },
];
