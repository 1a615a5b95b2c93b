import type { Scenario } from '../scenario.ts';
import { get, jsonPatch, mergePatch, post, put, remove } from '../scenario.ts';
import { GADGETS, SITES, gadget, site } from './objects.ts';

const SCALE = `${GADGETS}/one/scale`;
const STATUS = `${GADGETS}/one/status`;
const scale = (replicas: number, metadata: object = {}): object => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: 'one', namespace: '{ns}', ...metadata },
  spec: { replicas },
});

export const subresources: Scenario = {
  name: 'subresources',
  covers: '/status, /scale, kinds without them',
  steps: [
    post('one', GADGETS, gadget('one', { replicas: 2, selector: 'app=one' })),
    get('scale', SCALE),
    put('scaled', SCALE, scale(3)),
    put('scaled by version', SCALE, scale(4, { resourceVersion: '{scaled.metadata.resourceVersion}' })),
    put('scaled stale', SCALE, scale(5, { resourceVersion: '1' })),
    put('negative', SCALE, scale(-1)),
    mergePatch('scale patched', SCALE, { spec: { replicas: 6 } }),
    jsonPatch('scale json patched', SCALE, [{ op: 'replace', path: '/spec/replicas', value: 7 }]),
    mergePatch('scale to nothing', SCALE, { spec: { replicas: null } }),
    mergePatch('replicas seen', STATUS, { status: { replicas: 7 } }),
    get('scale seen', SCALE),
    get('object', `${GADGETS}/one`),
    get('scale of a missing', `${GADGETS}/missing/scale`),
    put('other name', SCALE, { ...scale(1), metadata: { name: 'two', namespace: '{ns}' } }),
    put('other kind', SCALE, gadget('one')),
    remove('scale cannot be deleted', SCALE),
    post('nor created', SCALE, scale(1)),
    get('status', STATUS),
    mergePatch('status patched', STATUS, {
      status: { phase: 'Ready' },
      spec: { color: 'red' },
      metadata: { labels: { a: 'b' } },
    }),
    mergePatch('status invalid', STATUS, { status: { replicas: 'many' } }),
    mergePatch('status unknown field', `${STATUS}?fieldValidation=Strict`, { status: { phrase: 'x' } }),
    mergePatch('status stale', STATUS, { metadata: { resourceVersion: '1' }, status: { phase: 'x' } }),
    mergePatch('same status', STATUS, { status: { phase: 'Ready' } }),
    put('status of a missing', `${GADGETS}/missing/status`, gadget('missing', {}, { resourceVersion: '1' })),
    remove('status cannot be deleted', STATUS),
    jsonPatch('status removed', STATUS, [{ op: 'remove', path: '/status' }]),
    mergePatch('status again', STATUS, { status: { phase: 'Again' } }),
    mergePatch('status nulled', STATUS, { status: null }),
    post('without subresources', SITES, { ...site('{ns}', { city: 'Rome' }), status: { phase: 'Built' } }),
    mergePatch('status of the object', `${SITES}/{ns}`, { status: { phase: 'Old' } }),
    get('no status', `${SITES}/{ns}/status`),
    get('no scale', `${SITES}/{ns}/scale`),
    remove('tidy', `${SITES}/{ns}`),
  ],
};
