// Generated from crds/hosts.yaml by npm run generate. Do not edit.

/**
 * A hypervisor. It registers itself when its agent starts.
 */
export interface HostFields {
  /**
   * What the operator wants of the Host.
   */
  spec: {
    /**
     * No further Machines are placed here (cordon).
     */
    unschedulable?: boolean;
  };
  /**
   * What is there, written by Purlin only.
   */
  status?: {
    /**
     * Identity of the Host's agent.
     */
    agentUid?: string;
    /**
     * Boot ID of the Host's kernel.
     */
    bootId?: string;
    /**
     * What the Host has.
     */
    capacity?: {
      /**
       * CPUs.
       */
      cpus?: number;
      /**
       * Memory as a quantity.
       */
      memory?: string;
      /**
       * Space of the data directory's file system as a quantity.
       */
      storage?: string;
    };
    /**
     * What further Machines can be given.
     */
    allocatable?: {
      /**
       * Virtual CPUs.
       */
      cpus?: number;
      /**
       * Memory as a quantity.
       */
      memory?: string;
    };
    /**
     * Machines that are bound to the Host.
     */
    machines?: number;
    /**
     * How guests run.
     */
    accelerator?: 'KVM' | 'TCG';
    /**
     * Versions of the software on the Host.
     */
    versions?: {
      [k: string]: string;
    };
    /**
     * Things that carry Purlin's tag but whose owner is gone. Never removed automatically.
     */
    orphans?: {
      /**
       * Kind of the owner.
       */
      kind: string;
      /**
       * UID of the owner.
       */
      uid: string;
    }[];
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
