// Generated from crds/ipaddresses.yaml by npm run generate. Do not edit.

/**
 * One address of a Subnet held by one interface of a Machine. Its name is made from both, so that the store itself refuses a duplicate. Made by controllers.
 */
export interface IPAddressFields {
  /**
   * Who holds what.
   */
  spec: {
    /**
     * IPv4 address.
     */
    address: string;
    /**
     * MAC address of the interface.
     */
    macAddress: string;
    /**
     * The object meant, by name and UID.
     */
    subnetRef: {
      /**
       * Name of the object.
       */
      name: string;
      /**
       * UID of the object.
       */
      uid: string;
    };
    /**
     * The object meant, by name and UID.
     */
    machineRef: {
      /**
       * Name of the object.
       */
      name: string;
      /**
       * UID of the object.
       */
      uid: string;
    };
    /**
     * Name of the interface within the Machine.
     */
    interface: string;
  };
  /**
   * Unused.
   */
  status?: {
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
