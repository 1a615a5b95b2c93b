import { stringify } from 'yaml';
import { demoImage } from '../support/world-host.ts';

/** One document of the group's only version. */
const document = (kind: string, name: string, spec: object, metadata: object = {}): string =>
  stringify({ apiVersion: 'purlin.dev/v1alpha1', kind, metadata: { name, ...metadata }, spec });

export const documents = (...texts: string[]): string => texts.join('---\n');

export const image = (name = 'demo', source: object = { file: demoImage }, more: object = {}): string =>
  document('Image', name, { source, ...more });

export const subnet = (name = 'frontend', cidr = '10.20.0.0/24', more: object = {}): string =>
  document('Subnet', name, { cidr, ...more });

export const disk = (name = 'data', spec: object = {}): string =>
  document('Disk', name, { size: '64Mi', ...spec });

export const machine = (name = 'web', spec: object = {}, metadata: object = {}): string =>
  document('Machine', name, { cpus: 1, memory: '128Mi', ...spec }, metadata);

export const rootFromImage = {
  name: 'root',
  boot: true,
  template: { spec: { size: '256Mi', source: { imageRef: { name: 'demo' } } } },
};

export const onFrontend = { name: 'eth0', subnetRef: { name: 'frontend' } };

/** Image, Subnet and a Machine with a disk made from a template: what the quickstart applies. */
export const quickstart = (): string =>
  documents(
    image(),
    subnet(),
    machine('web', { disks: [rootFromImage], interfaces: [{ ...onFrontend, address: '10.20.0.10' }] }),
  );
