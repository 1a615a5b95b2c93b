/** The store itself refuses a second Placement for a Machine, because the name is made from its UID. */
export const placementName = (machineUid: string): string => `machine-${machineUid}`;

/** The store itself refuses an address twice, because the name is made from Subnet and address. */
export const addressName = (subnetName: string, address: string): string =>
  `${subnetName}-${address.replaceAll('.', '-')}`;

/** Name of the Disk behind an entry of `Machine.spec.disks`: the one referred to, or the one made from the template. */
export const diskName = (machineName: string, entry: { name: string; diskRef?: { name: string } }): string =>
  entry.diskRef?.name ?? `${machineName}-${entry.name}`;

/** A DNS label from an object's name, which may have dots and be longer. */
export const dnsLabel = (name: string): string => name.replaceAll('.', '-').slice(0, 63).replace(/-+$/, '');

/** Pattern of a host's name, of at most 63 characters: that of its Host object (a DNS subdomain), and of a label. */
export const HOST_NAME = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
