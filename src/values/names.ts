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
