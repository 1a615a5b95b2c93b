// Generated from crds/disks.yaml by npm run generate. Do not edit.

/**
 * A block volume in a file of one Host, attached to at most one Machine at a time.
 */
export interface DiskFields {
  /**
   * What the user wants. No controller writes here, but for a Disk of a Machine's template, which grows with the size in the template.
   */
  spec: {
    /**
     * Size as a quantity, for example 10Gi. It can grow, never shrink.
     */
    size: number | string;
    /**
     * What the disk holds at first; blank when left out.
     */
    source?: {
      /**
       * An empty disk.
       */
      blank?: {};
      /**
       * A copy-on-write overlay of an Image of the same namespace.
       */
      imageRef?: {
        /**
         * Name of the Image.
         */
        name: string;
      };
    };
    /**
     * File format on the host. A disk from an Image is qcow2.
     */
    format: 'qcow2' | 'raw';
    /**
     * When a Host is chosen, with the first Machine that uses the disk or at once.
     */
    bindingMode: 'WaitForFirstConsumer' | 'Immediate';
    /**
     * What becomes of the data when the Disk is deleted. Retain keeps the file on its Host, listed in Host.status.orphans.
     */
    reclaimPolicy: 'Delete' | 'Retain';
  };
  /**
   * What is there, written by Purlin only.
   */
  status?: {
    /**
     * One word for where the Disk is in its life.
     */
    phase?: 'Pending' | 'Provisioning' | 'Ready' | 'Failed' | 'Terminating';
    /**
     * Host whose file system holds the disk.
     */
    hostName?: string;
    /**
     * Size in bytes as the guest sees it.
     */
    capacity?: number;
    /**
     * Generation of the spec that the status speaks of.
     */
    observedGeneration?: number;
    /**
     * The one Machine that may open the disk.
     */
    claim?: {
      /**
       * Name of the Machine.
       */
      machineName: string;
      /**
       * UID of the Machine.
       */
      machineUid: string;
    };
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
