import type { Subnet } from '../../resources/kinds.ts';
import { type Network, formatAddress, parseCidr } from '../../values/ipv4.ts';

/** From before the first step on a host until it is gone. */
export const holdsNetwork = (subnet: Subnet): boolean =>
  subnet.status?.networkHeld === true || wasRealised(subnet);

/** Once realised, a Subnet keeps its network, also while its bridge is being repaired. */
export const wasRealised = (subnet: Subnet): boolean => subnet.status?.realised === true;

export const networkOf = (subnet: Subnet): Network | undefined => parseCidr(subnet.spec.cidr);

/** The gateway's address: as given, or the first of the network. */
export const gatewayOf = (subnet: Subnet): string =>
  subnet.spec.gateway ?? formatAddress((networkOf(subnet)?.base ?? 0) + 1);
