// Generated from crds/subnets.yaml by npm run generate. Do not edit.

/**
 * An isolated IPv4 network segment with its gateway, DHCP and DNS, on a Linux bridge.
 */
export interface SubnetFields {
  /**
   * What the user wants. No controller ever writes here.
   */
  spec: {
    /**
     * IPv4 network in canonical form, /16 to /29, for example 10.20.0.0/24. Cannot be changed.
     */
    cidr: string;
    /**
     * The bridge's address; the first of the network by default. Cannot be changed.
     */
    gateway?: string;
    /**
     * How guests reach other networks: NAT behind the Host's address, Routed with their own, None not at all (names are not resolved either).
     */
    egress: 'NAT' | 'Routed' | 'None';
    /**
     * Largest packet in bytes, told to guests by DHCP.
     */
    mtu: number;
    /**
     * Resolvers that the gateway forwards to; the Host's own by default.
     */
    dnsServers?: string[];
  };
  /**
   * What is there, written by Purlin only.
   */
  status?: {
    /**
     * One word for where the Subnet is in its life.
     */
    phase?: 'Pending' | 'Provisioning' | 'Ready' | 'Failed' | 'Terminating';
    /**
     * The network is this Subnet's; one that overlaps it cannot be realised any more.
     */
    networkHeld?: boolean;
    /**
     * Set once the Subnet was in place on a Host; it keeps its network from then on.
     */
    realised?: boolean;
    /**
     * Address of the gateway.
     */
    gateway?: string;
    /**
     * Addresses held by interfaces.
     */
    addressesUsed?: number;
    /**
     * Addresses that interfaces can hold.
     */
    addressesTotal?: number;
    /**
     * Generation of the spec that the status speaks of.
     */
    observedGeneration?: number;
    /**
     * The state in detail; Ready is the summary.
     */
    conditions?: {
      /**
       * Which aspect this is about.
       */
      type: string;
      /**
       * Whether it holds.
       */
      status: 'True' | 'False' | 'Unknown';
      /**
       * One CamelCase word saying why.
       */
      reason: string;
      /**
       * The same for people.
       */
      message: string;
      /**
       * When status last changed.
       */
      lastTransitionTime: string;
      /**
       * Generation of the spec that this speaks of.
       */
      observedGeneration?: number;
    }[];
  };
}
