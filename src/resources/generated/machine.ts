// Generated from crds/machines.yaml by npm run generate. Do not edit.

/**
 * A virtual machine with its disks and network interfaces, run by libvirt/QEMU on one Host.
 */
export interface MachineFields {
  /**
   * What the user wants. No controller ever writes here.
   */
  spec: {
    /**
     * Number of virtual CPUs. More can be added to a running guest; fewer need a restart.
     */
    cpus: number;
    /**
     * Memory of the guest as a quantity, for example 256Mi or 4Gi; a change needs a restart.
     */
    memory: number | string;
    /**
     * Firmware that boots the guest. Cannot be changed afterwards.
     */
    firmware: 'BIOS' | 'UEFI';
    /**
     * Always keeps the guest running and starts it again whatever stopped it; RerunOnFailure starts it again unless the guest shut itself down; Manual leaves its power state to the operator; Halted keeps it shut off.
     */
    runStrategy: 'Always' | 'RerunOnFailure' | 'Manual' | 'Halted';
    /**
     * What happens to a change that a running guest cannot take: OnRestart waits for the next start (condition RestartRequired says which field); Restart restarts the guest for it.
     */
    updatePolicy: 'OnRestart' | 'Restart';
    /**
     * Seconds that the guest gets to shut down before it is powered off.
     */
    terminationGracePeriodSeconds: number;
    /**
     * Host name inside the guest; the Machine's name up to its first dot by default.
     */
    hostname?: string;
    /**
     * Disks in the order in which the guest sees them.
     */
    disks?: {
      /**
       * Name of this disk within the Machine.
       */
      name: string;
      /**
       * Boot from this disk; the first disk by default.
       */
      boot?: boolean;
      /**
       * An existing Disk of the same namespace.
       */
      diskRef?: {
        /**
         * Name of the Disk.
         */
        name: string;
      };
      /**
       * A Disk named MACHINE-DISK is made from this template, owned by the Machine and deleted with it.
       */
      template?: {
        /**
         * Spec of the Disk to make. A larger size makes the Disk grow; everything else is said once, and changed on the Disk itself where that can be changed.
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
      };
    }[];
    /**
     * Network interfaces in the order in which the guest sees them.
     */
    interfaces?: {
      /**
       * Name of this interface within the Machine.
       */
      name: string;
      /**
       * The Subnet of the same namespace that the interface is on. Cannot be changed.
       */
      subnetRef: {
        /**
         * Name of the Subnet.
         */
        name: string;
      };
      /**
       * IPv4 address inside the Subnet; allocated when left out, and then kept for life.
       */
      address?: string;
    }[];
    /**
     * User data of the NoCloud seed (a cloud-config or a script), at most 64 KiB.
     */
    userData?: {
      /**
       * The text itself.
       */
      inline?: string;
      /**
       * A key of a Secret of the same namespace.
       */
      secretRef?: {
        /**
         * Name of the Secret.
         */
        name: string;
        /**
         * Key in the Secret's data.
         */
        key: string;
      };
    };
    /**
     * SSH public keys for the guest's default user.
     */
    sshAuthorizedKeys?: string[];
    /**
     * Where the Machine may run.
     */
    placement?: {
      /**
       * Labels that a Host must carry to be chosen. A Machine that has a Host keeps it, whatever the labels become.
       */
      hostSelector?: {
        /**
         * Labels and the values that they must have.
         */
        matchLabels?: {
          [k: string]: string;
        };
      };
    };
  };
  /**
   * What is there, written by Purlin only.
   */
  status?: {
    /**
     * One word for where the Machine is in its life.
     */
    phase?:
      'Pending' | 'Provisioning' | 'Starting' | 'Running' | 'Stopping' | 'Stopped' | 'Failed' | 'Terminating';
    /**
     * Host that the Machine is bound to.
     */
    hostName?: string;
    /**
     * Generation of the spec that the status speaks of.
     */
    observedGeneration?: number;
    /**
     * Addresses by interface.
     */
    addresses?: {
      /**
       * Name of the interface.
       */
      interface: string;
      /**
       * IPv4 address.
       */
      address: string;
      /**
       * MAC address.
       */
      macAddress: string;
    }[];
    /**
     * Spec fields whose change waits for a restart.
     */
    restartRequired?: string[];
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
