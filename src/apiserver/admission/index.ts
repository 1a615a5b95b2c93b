/**
 * Admission: what a write must pass besides the rules of its kind. Mutating webhooks come before validation, policies
 * and validating webhooks after it, and quotas last, in the turn of the commit.
 */
import type { Store } from '../../store/index.ts';
import type { KubeObject } from '../object.ts';
import { checkQuotas } from './quota/check.ts';
import type { AdmissionRequest } from './request.ts';

export type { AdmissionOperation, AdmissionRequest, Writer } from './request.ts';

export interface Admission {
  /** The object as mutating webhooks made it; the very same one if none of them changed it. Throws their refusals. */
  mutate(request: AdmissionRequest): Promise<KubeObject | undefined>;
  /** Throws the refusals of policies and validating webhooks. */
  validate(request: AdmissionRequest): Promise<void>;
  /** Throws 403 when a quota is used up. Exact only in the turn of the commit, and without any side effect. */
  checkQuotas(request: AdmissionRequest): void;
}

export function openAdmission(store: Store): Admission {
  return {
    mutate: ({ object }) => Promise.resolve(object),
    validate: () => Promise.resolve(),
    checkQuotas: (request) => checkQuotas(store, request),
  };
}
