/** Defects of the agent: its fence, its desk, and what it does on its host. */
import type { Mutant } from './mutant.ts';

export const ofTheAgent: readonly Mutant[] = [
  // The fence of the agent.
  {
    name: 'the agent obeys an older epoch',
    file: 'src/agent/fence.ts',
    from: 'if (order.epoch < this.#epoch) {',
    to: 'if (order.epoch < 0) {',
    seed: 75,
  },
  {
    name: 'epochs are compared the wrong way',
    file: 'src/agent/fence.ts',
    from: 'if (order.epoch < this.#epoch) {',
    to: 'if (order.epoch > this.#epoch) {',
    seed: 75,
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
    from: '    const notAdmitted = busy ?? failureOf(() => fence.admit(order));\n',
    to: '    const notAdmitted = busy ?? failureOf(() => fence.admit(order));\n    await this.#remove(uid, record, orderId);\n    if (action.name.startsWith("disk")) return;\n',
  },
  {
    name: 'a removal that failed is recorded as done',
    file: 'src/agent/order-desk.ts',
    from: 'failure ??= failureOf(() => fence.recordRemoval(order));',
    to: 'fence.recordRemoval(order);',
    seed: 124,
  },
  // What libvirt did not answer.
  {
    name: 'nobody waits for what libvirt has in hand',
    file: 'src/agent/turns.ts',
    from: '    await this.#options.hypervisor.settle(uid);\n    this.#settled.add(uid);',
    to: '    this.#settled.add(uid);',
    seed: 1113,
  },
  {
    name: 'an order without an answer is taken for ended',
    file: 'src/agent/turns.ts',
    from: "['LibvirtTimeout', 'LibvirtUnavailable'].includes(error.name)",
    to: "error.name === ''",
    seed: 334,
  },
  {
    name: 'a growth that comes late makes a disk smaller again',
    file: 'src/kinds/disk/execute.ts',
    from: '    await hypervisor.settle(opened.machineUid);\n',
    to: '',
    seed: 288,
  },
  // Executors.
  {
    name: 'a guest is not plugged in again when its tap was made anew',
    file: 'src/kinds/machine/execute.ts',
    from: '    await plugAgain(interfaces, seen, context, uid);\n',
    to: '',
    seed: 119,
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
    seed: 35,
  },
  {
    name: 'a paused guest is left paused',
    file: 'src/kinds/machine/plan.ts',
    from: "if (domain.power === 'paused' && runStrategy !== 'Manual') {",
    to: "if (domain.power === 'paused' && runStrategy === 'Halted') {",
    seed: 15,
  },
];
