/** What scenarios send, and where. */

export const CONFIG_MAPS = '/api/v1/namespaces/{ns}/configmaps';
export const SECRETS = '/api/v1/namespaces/{ns}/secrets';
export const GADGETS = '/apis/diff.example.com/v1/namespaces/{ns}/gadgets';
export const SITES = '/apis/diff.example.com/v1/sites';

export const configMap = (name: string, data: object = {}, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

export const secret = (name: string, stringData: object = {}, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
  ...more,
});

export const gadget = (name: string, spec: object = {}, metadata: object = {}): object => ({
  apiVersion: 'diff.example.com/v1',
  kind: 'Gadget',
  metadata: { name, ...metadata },
  spec,
});

export const site = (name: string, spec: object): object => ({
  apiVersion: 'diff.example.com/v1',
  kind: 'Site',
  metadata: { name },
  spec,
});
