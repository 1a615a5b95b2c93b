/** A branch that no world reaches, or hardly one in thousands. */
interface Excuse {
  file: string;
  text: string;
  /** Why it is there all the same. */
  because: string;
}

export const excuses: readonly Excuse[] = [
  {
    file: 'src/kinds/disk/plan.ts',
    text: "{ return waiting('InUse', `a domain on host ${host.name} still has the disk`); }",
    because: 'a last look before data is destroyed; claims keep it from being needed',
  },
  {
    file: 'src/kinds/subnet/plan.ts',
    text: "{ return waiting('InUse', `a tap of a Machine is still on host ${name}`); }",
    because: 'a last look before a bridge is removed; addresses keep it from being needed',
  },
  ...[
    { file: 'src/kinds/subnet/plan.ts', text: '{ held ??= taken; continue; }' },
    {
      file: 'src/kinds/subnet/conflict.ts',
      text: "({ metadata: { uid } }: Subnet): boolean => hosts.some(({ snapshot }) => snapshot !== 'unknown' && carries(snapshot, uid))",
    },
    {
      file: 'src/kinds/subnet/conflict.ts',
      text: 'return isThere(other) === isThere(subnet) ? isOlder(other, subnet)',
    },
    { file: 'src/kinds/subnet/conflict.ts', text: ': isThere(other)' },
    {
      file: 'src/kinds/subnet/conflict.ts',
      text: "const message = `spec.cidr ${subnet.spec.cidr} overlaps ${called(first, subnet)}, which holds it too; delete one of the two`; return waiting('CIDROverlap', message, 30_000);",
    },
  ].map((branch) => ({
    ...branch,
    because:
      'no world has a host that was given up and comes back with an old bridge, and hardly one has two Subnets that hold one network; test/unit/kinds/subnet',
  })),
  {
    file: 'src/kinds/machine/changes.ts',
    text: 'return [];',
    because: 'a domain that is not shut off always has live hardware, which its type does not say',
  },
  {
    file: 'src/kinds/machine/changes.ts',
    text: '?? mtu',
    because: 'a network card of ours always has an MTU; one of somebody else may have none',
  },
  {
    file: 'src/kinds/machine/plan.ts',
    text: "?? 'unknown'",
    because: 'libvirt may not know why a guest stopped; the simulated one always does',
  },
  ...[
    { file: 'src/kinds/machine/prepare.ts', text: 'return guest;' },
    {
      file: 'src/kinds/machine/prepare.ts',
      text: "return waiting( 'DiskInUse', `Disk ${name} is attached to guest ${other.machineUid} on host ${hostName}, which has no claim to it; take it from there, or take it out of spec.disks`, 5_000, );",
    },
  ].map((branch) => ({
    ...branch,
    because:
      'few worlds have somebody ask for just that disk after a restore of the store; test/unit/kinds/restored does',
  })),
  {
    file: 'src/kinds/machine/gather.ts',
    text: '&& holder.spec.subnetRef.uid === subnetUid',
    because:
      'hardly a world restores a backup in which an address was that of another Machine; test/unit/kinds/gather does',
  },
  {
    file: 'src/plan/redirected.ts',
    text: "|| 'no file'",
    because: 'no simulated operator copies a disk to where there are no files; test/unit/plan/redirected',
  },
  {
    file: 'src/plan/underway.ts',
    text: '?? 0',
    because: 'a result that has an epoch has a generation, which its type does not say',
  },
  {
    file: 'src/kinds/machine/addresses.ts',
    text: 'attempt += 1;',
    because:
      'two MAC addresses of 46 random bits are the same; test/unit/kinds/machine-addresses makes them so',
  },
];
