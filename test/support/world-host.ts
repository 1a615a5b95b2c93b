import { SimulatedHypervisor } from '../../src/host/simulated-hypervisor.ts';
import { SimulatedNetwork } from '../../src/host/network/simulated.ts';
import { SimulatedStorage } from '../../src/host/storage/simulated.ts';
import type { HostFacts } from '../../src/plan/snapshot.ts';
import { qcow2 } from '../unit/storage/qcow2-bytes.ts';

export const facts: HostFacts = {
  cpus: 4,
  memoryBytes: 8 * 2 ** 30,
  accelerator: 'TCG',
  acceleratorReason: 'the probe guest did not run on KVM',
  versions: { purlin: '0.1.0', libvirt: '9.0.0', qemu: '7.2.0', kernel: '6.1' },
  architecture: 'x86_64',
};

/** Where the world's images are published. */
export const demoImage = '/import/demo.qcow2';
export const backedImage = '/import/backed.qcow2';

/** A host in memory: it outlives its agent, as a real one does. */
export class SimulatedHost {
  readonly hypervisor = new SimulatedHypervisor();
  readonly network = new SimulatedNetwork();
  readonly storage = new SimulatedStorage();

  constructor() {
    this.hypervisor.onCarrier = (tap, carrier) => this.network.setCarrier(tap, carrier);
    this.hypervisor.onResize = (path, bytes) => {
      const [uid] = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(path) ?? [];
      if (uid) this.storage.resizeBehind(uid, bytes);
    };
    this.storage.publish(demoImage, qcow2({ sizeBytes: 256n * 1_048_576n }));
    this.storage.publish(backedImage, qcow2({ backingFileOffset: 512n, backingFileSize: 8 }));
  }

  /** Everything of ours on the host, one line each; empty when nothing is left. */
  async inventory(): Promise<string[]> {
    const { domains } = await this.hypervisor.listDomains();
    const { segments, ports } = await this.network.list();
    const { disks, images, seeds } = await this.storage.list();
    return [
      ...domains.map(({ uuid, power }) => `domain ${uuid} ${power}`),
      ...segments.map(({ subnetUid, bridge }) => `segment ${subnetUid} ${bridge}`),
      ...ports.map(({ tap, state }) => `port ${tap} ${state}`),
      ...disks.map(({ diskUid, retained }) => `disk ${diskUid}${retained ? ' retained' : ''}`),
      ...images.map(({ imageUid, state }) => `image ${imageUid} ${state}`),
      ...seeds.map(({ machineUid }) => `seed ${machineUid}`),
      ...this.storage.machineDirectories().map((uid) => `machine directory ${uid}`),
      ...this.storage.cachedDigests().map((digest) => `cached ${digest}`),
    ].sort();
  }
}
