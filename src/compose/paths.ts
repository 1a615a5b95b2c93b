import { join } from 'node:path';

/** Where the parts of one installation find each other below its data directory. */
export const pathsOf = (dataDir: string) => ({
  apiDir: join(dataDir, 'api'),
  store: join(dataDir, 'api', 'store.db'),
  /** Answered by whoever has the store open. */
  storeSocket: join(dataDir, 'api', 'store.sock'),
  kubeconfig: join(dataDir, 'kubeconfig'),
  redisDir: join(dataDir, 'redis'),
  redisSocket: join(dataDir, 'redis', 'redis.sock'),
  controllerIdentity: join(dataDir, 'controller-identity'),
  /** What the agent of this host trusts; written by the control plane. */
  trust: join(dataDir, 'trust.json'),
  controlSocket: join(dataDir, 'purlin.sock'),
  pidFile: join(dataDir, 'purlin.pid'),
  /** Name of the network namespace of the host side; absent without one. */
  hostNetns: join(dataDir, 'host-netns'),
  libvirtDir: join(dataDir, 'libvirt'),
  libvirtChoice: join(dataDir, 'libvirt-choice'),
});
