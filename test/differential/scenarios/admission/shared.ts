import type { Answer, Step } from '../../scenario.ts';
import { post } from '../../scenario.ts';
import { GADGETS } from '../objects.ts';

export const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
export const DRY = '?dryRun=All';

export const rule = (
  resources: string[],
  operations: string[] = ['CREATE', 'UPDATE'],
  group = 'diff.example.com',
) => ({
  apiGroups: [group],
  apiVersions: ['*'],
  operations,
  resources,
});

export const HERE = { matchLabels: { 'kubernetes.io/metadata.name': '{ns}' } };

/** Bindings take effect in their own time: asked without effect until the answer is another. */
export const until = (name: string, object: object, status: number): Step =>
  post(name, `${GADGETS}${DRY}`, object, { until: (answer: Answer) => answer.status === status });
