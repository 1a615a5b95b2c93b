/** Defects of the loop: what it knows of hosts and objects, and what it makes of that. */
import type { Mutant } from './mutant.ts';

export const ofTheLoop: readonly Mutant[] = [
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
    name: 'one object is looked at twice at the same time',
    file: 'src/reconcile/work-queue.ts',
    from: '    if (this.#active.has(key)) {\n      this.#again.add(key);\n      return;\n    }\n',
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
  // What a retry gets over.
  {
    name: 'the first look at an object throws',
    file: 'src/reconcile/controller.ts',
    from: '    const input = definition.gather(object, informers);\n    const outcome',
    to: '    if (!this.#errors.has(itemOf(object.kind, keyOf(object)))) (undefined as never as { x: string }).x.at(0);\n    const input = definition.gather(object, informers);\n    const outcome',
  },
  {
    name: 'now and then an order fails by a mistake of the agent',
    file: 'src/agent/order-desk.ts',
    from: '      await execute(action, context',
    to: '      if (orderId.endsWith("0")) (undefined as never as { x: string }).x.at(0);\n      await execute(action, context',
  },
];
