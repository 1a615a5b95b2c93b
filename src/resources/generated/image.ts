// Generated from crds/images.yaml by npm run generate. Do not edit.

/**
 * An operating-system image that Disks start from, cached on Hosts by its digest.
 */
export interface ImageFields {
  /**
   * What the user wants. It cannot be changed; make a new Image for new content.
   */
  spec: {
    /**
     * Where the image comes from.
     */
    source: {
      /**
       * HTTP or HTTPS address.
       */
      url?: string;
      /**
       * Absolute path below one of the Host's import directories (agent option --import-dir).
       */
      file?: string;
    };
    /**
     * Digest of the file as published, before decompression; required with url.
     */
    checksum?: string;
    /**
     * Format of the (decompressed) file.
     */
    format: 'qcow2' | 'raw';
    /**
     * Compression of the published file.
     */
    compression: 'None' | 'Gzip' | 'Xz' | 'Zstd';
  };
  /**
   * What is there, written by Purlin only.
   */
  status?: {
    /**
     * One word for where the Image is in its life.
     */
    phase?: 'Pending' | 'Importing' | 'Ready' | 'Failed' | 'Terminating';
    /**
     * Share of the import that is done, for example 42%.
     */
    progress?: string;
    /**
     * SHA-256 of the decompressed content.
     */
    digest?: string;
    /**
     * Size of the disk in the image, as a quantity.
     */
    virtualSize?: string;
    /**
     * The same in bytes.
     */
    virtualSizeBytes?: number;
    /**
     * Hosts that hold the image.
     */
    hosts?: string[];
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
