/** What can go wrong where a step takes place, and beside the steps. */
export const faultKinds = [
  // Between controllers and the API.
  'request lost',
  'request late',
  'answer lost',
  'watch broken',
  'history compacted',
  'controller cut off',
  // The queue.
  'doorbell lost',
  'doorbell repeated',
  'lock lost',
  'queue flushed',
  'queue restored older',
  'queue unreachable',
  'agent cut off',
  // On a host.
  'effect fails before',
  'effect fails after',
  'effect hangs',
  'effect comes late',
  'host event lost',
  'agent crash before an effect',
  'agent crash after an effect',
  'libvirtd killed',
  // Whole processes and machines.
  'agent crash',
  'agent frozen',
  'controller crash',
  'controller frozen',
  'host rebooted',
  'host lost',
  'clock jump',
  // Somebody at the host.
  'guest killed',
  'guest paused',
  'device held',
  'domain undefined',
  'bridge deleted',
  'bridge lowered',
  'gateway removed',
  'MTU changed',
  'dnsmasq killed',
  'rules flushed',
  'forwarding off',
  'reservations lost',
  'tap deleted',
  'disk removed',
  'disk enlarged',
  'image removed',
  // Somebody at the API.
  'placement deleted',
  'store restored older',
] as const;

export type FaultKind = (typeof faultKinds)[number];
