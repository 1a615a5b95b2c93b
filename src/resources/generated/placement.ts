// Generated from crds/placements.yaml by npm run generate. Do not edit.

/**
 * Binds one Machine to one Host. Named from the Machine's UID and made before anything happens on the Host, so that a Machine can never run in two places. Made by controllers.
 */
export interface PlacementFields {
  /**
   * Who runs where.
   */
  spec: {
    /**
     * The Machine, by name and UID.
     */
    machineRef: {
      /**
       * Name of the Machine.
       */
      name: string;
      /**
       * UID of the Machine.
       */
      uid: string;
    };
    /**
     * Name of the Host.
     */
    hostName: string;
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
