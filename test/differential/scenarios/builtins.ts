import type { Answer, Scenario } from '../scenario.ts';
import { get, mergePatch, post, put, remove, strategicPatch } from '../scenario.ts';
import { CONFIG_MAPS, GADGETS, configMap, gadget } from './objects.ts';

const NAMESPACES = '/api/v1/namespaces';
const namespace = (name: string, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...metadata },
});
const found = ({ status }: Answer): boolean => status === 200;
const gone = ({ status }: Answer): boolean => status === 404;

export const namespaces: Scenario = {
  name: 'namespaces',
  covers: 'namespaces: their content, finalization, default ServiceAccount and ConfigMap',
  steps: [
    get('own', `${NAMESPACES}/{ns}`),
    get('account', `${NAMESPACES}/{ns}/serviceaccounts/default`, { until: found }),
    get('root certificate', `${CONFIG_MAPS}/kube-root-ca.crt`, {
      until: found,
      view: ({ kind, data }: { kind: string; data: object }) => ({ kind, keys: Object.keys(data) }),
    }),
    post('bad name', NAMESPACES, namespace('Bad')),
    post('dotted name', NAMESPACES, namespace('a.b')),
    post('long name', NAMESPACES, namespace('x'.repeat(64))),
    post('exists', NAMESPACES, namespace('{ns}')),
    post('second', NAMESPACES, namespace('{ns}-2', { labels: { team: 'a' } })),
    post('inside', `${NAMESPACES}/{ns}-2/configmaps`, configMap('x')),
    post('held', GADGETS.replace('{ns}', '{ns}-2'), gadget('held', {}, { finalizers: ['example.com/hold'] })),
    strategicPatch('labelled', `${NAMESPACES}/{ns}-2`, { metadata: { labels: { b: 'c' } } }),
    remove('deleted', `${NAMESPACES}/{ns}-2`),
    get('held is marked', `${GADGETS.replace('{ns}', '{ns}-2')}/held`, {
      until: ({ body }) => JSON.stringify(body).includes('deletionTimestamp'),
    }),
    post('too late', `${NAMESPACES}/{ns}-2/configmaps`, configMap('late')),
    post('too late for a gadget', GADGETS.replace('{ns}', '{ns}-2'), gadget('late')),
    mergePatch('let go', `${GADGETS.replace('{ns}', '{ns}-2')}/held`, { metadata: { finalizers: null } }),
    get('is gone', `${NAMESPACES}/{ns}-2`, { until: gone }),
    get('and what was in it', GADGETS.replace('{ns}', '{ns}-2'), {
      view: ({ items }: { items: object[] }) => items,
    }),
    remove('default stays', `${NAMESPACES}/default`),
    remove('no collection', NAMESPACES),
    get('status', `${NAMESPACES}/{ns}/status`, { view: ({ kind }: { kind: string }) => kind }),
    put('finalize of a missing', `${NAMESPACES}/nowhere/finalize`, namespace('nowhere')),
  ],
};

const EVENTS = '/api/v1/namespaces/{ns}/events';
const NEW_EVENTS = '/apis/events.k8s.io/v1/namespaces/{ns}/events';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/{ns}/leases';

const event = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name },
  involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', namespace: '{ns}' },
  reason: 'Tested',
  message: 'it was',
  type: 'Normal',
  source: { component: 'test' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:00:00Z',
  count: 1,
  ...more,
});

export const small: Scenario = {
  name: 'events-and-leases',
  covers: 'Events in both groups over one store, Leases, Secrets, ServiceAccounts',
  steps: [
    post('event', EVENTS, event('one')),
    get('by its object', `${EVENTS}?fieldSelector=involvedObject.name%3Dx,type%3DNormal,reason%3DTested`),
    get('by what is not there', `${EVENTS}?fieldSelector=involvedObject.name%3Dy`, {
      view: ({ items }: { items: object[] }) => items,
    }),
    get('in the other group', `${NEW_EVENTS}/one`),
    post('new event', NEW_EVENTS, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'two' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'example.com/test',
      reportingInstance: 'test-1',
      action: 'Testing',
      reason: 'Tested',
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', namespace: '{ns}' },
      note: 'it was',
      type: 'Normal',
    }),
    get('in the old group', `${EVENTS}/two`),
    post(
      'event of another namespace',
      EVENTS,
      event('three', { involvedObject: { kind: 'ConfigMap', name: 'x', namespace: 'other' } }),
    ),
    remove('event removed', `${EVENTS}/one`),
    post('lease', LEASES, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lead' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-01T00:00:00.000000Z',
        renewTime: '2026-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    }),
    mergePatch('lease of no time', `${LEASES}/lead`, { spec: { leaseDurationSeconds: 0 } }),
    put('lease taken', `${LEASES}/lead`, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lead', resourceVersion: '{lease.metadata.resourceVersion}' },
      spec: { holderIdentity: 'b', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
    }),
    get('lease read', `${LEASES}/lead`),
    post('account', '/api/v1/namespaces/{ns}/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'robot' },
    }),
    post('token secret', '/api/v1/namespaces/{ns}/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'robot-token', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
      type: 'kubernetes.io/service-account-token',
    }),
    get('token filled', '/api/v1/namespaces/{ns}/secrets/robot-token', {
      until: ({ body }) => JSON.stringify(body).includes('"token"'),
      view: ({
        type,
        data,
        metadata,
      }: {
        type: string;
        data: object;
        metadata: { annotations: object };
      }) => ({
        type,
        data: Object.keys(data ?? {}).sort(),
        annotations: metadata.annotations,
      }),
    }),
    post('token secret of nobody', '/api/v1/namespaces/{ns}/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'no-token' },
      type: 'kubernetes.io/service-account-token',
    }),
  ],
};
