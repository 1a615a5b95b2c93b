import type { Step } from '../../scenario.ts';
import { apply, mergePatch, post, put, remove } from '../../scenario.ts';
import { GADGETS, gadget } from '../objects.ts';
import { DRY } from './shared.ts';

const QUOTAS = '/api/v1/namespaces/{ns}/resourcequotas';

const quota = (name: string, hard: object, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name },
  spec: { hard, ...more },
});

export const quotas: Step[] = [
  post(
    'quota',
    QUOTAS,
    quota('few', { 'count/gadgets.diff.example.com': '1', 'count/configmaps': 1000, pods: '4' }),
  ),
  put(
    'quota counted',
    `${QUOTAS}/few/status`,
    {
      ...quota('few', { 'count/gadgets.diff.example.com': '1', 'count/configmaps': '1k', pods: '4' }),
      status: {
        hard: { 'count/gadgets.diff.example.com': '1', 'count/configmaps': '1k', pods: '4' },
        used: { 'count/gadgets.diff.example.com': '0', 'count/configmaps': '1', pods: '0' },
      },
    },
    { view: ({ spec }: { spec: unknown }) => spec },
  ),
  post('within', GADGETS, gadget('within', { color: 'red' })),
  post('beyond', GADGETS, gadget('beyond'), { until: ({ status }) => status === 403 }),
  post('beyond dry', `${GADGETS}${DRY}`, gadget('beyond')),
  post(
    'beyond generated',
    GADGETS,
    { ...gadget(''), metadata: { generateName: 'gen-' } },
    {
      view: ({ message }: { message: string }) => message.replace(/gen-\w*/, 'gen-…'),
    },
  ),
  apply('m', 'beyond applied', `${GADGETS}/applied`, gadget('applied')),
  mergePatch('changes use nothing', `${GADGETS}/within`, { spec: { color: 'blue' } }),
  post('bad name', QUOTAS, quota('bad', { gadgets: '1' })),
  post('bad amount', QUOTAS, quota('bad', { 'count/gadgets.diff.example.com': '-1' })),
  post('no integer', QUOTAS, quota('bad', { secrets: '1500m' })),
  post('bad qualified name', QUOTAS, quota('bad', { 'a/b/c': '1' })),
  remove('quota gone', `${QUOTAS}/few`, undefined, {
    view: ({ kind, spec }: { kind: unknown; spec: unknown }) => ({ kind, spec }),
  }),
];
