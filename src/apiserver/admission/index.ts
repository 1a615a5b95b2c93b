/**
 * Admission: what a write must pass besides the rules of its kind. Mutating webhooks come before validation, policies
 * and validating webhooks after it, and quotas last, in the turn of the commit.
 */
import type { Store } from '../../store/index.ts';
import type { Policy as AccessPolicy } from '../authz/policy.ts';
import { decodeEntry } from '../codec.ts';
import type { Logger } from '../context.ts';
import { follow } from '../follow.ts';
import type { Feed } from '../follow.ts';
import type { KubeObject } from '../object.ts';
import type { Registry } from '../registry.ts';
import { keyPrefix } from '../resource.ts';
import { Configuration } from './configuration.ts';
import { isExempt } from './match.ts';
import type { Surroundings } from './match.ts';
import { checkPolicies } from './policy/dispatch.ts';
import { StoredParams } from './policy/param-objects.ts';
import { requireParamAccess } from './policy/param-access.ts';
import { checkQuotas } from './quota/check.ts';
import { QuotaIndex } from './quota/index.ts';
import type { AdmissionRequest } from './request.ts';
import { ADMISSION_GROUP } from './spec.ts';
import { mutate, validate } from './webhook/dispatch.ts';

export type { AdmissionOperation, AdmissionRequest, Writer } from './request.ts';

export interface Admission extends Feed {
  /** The object as mutating webhooks made it; the very same one if none of them changed it. Throws their refusals. */
  mutate(request: AdmissionRequest): Promise<KubeObject | undefined>;
  /** Throws the refusals of policies and validating webhooks. */
  validate(request: AdmissionRequest): Promise<void>;
  /** Throws 403 when a quota is used up. Exact only in the turn of the commit, and without any side effect. */
  checkQuotas(request: AdmissionRequest): void;
}

export interface AdmissionParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly access: AccessPolicy;
  readonly logger: Logger;
}

const QUOTAS = { group: '', plural: 'resourcequotas' };
const NAMESPACES = { group: '', plural: 'namespaces' };

/** Begins to follow the policies, webhooks and quotas of the store. */
export function openAdmission({ store, registry, access, logger }: AdmissionParts): Admission {
  const configuration = new Configuration();
  const quotas = new QuotaIndex();
  const feeds = [
    follow(store, `/registry/${ADMISSION_GROUP}/`, configuration, logger),
    follow(store, keyPrefix(QUOTAS), quotas, logger),
  ];
  const params = new StoredParams(store, logger);
  const around: Surroundings = {
    namespace: (name) => {
      const entry = store.get(keyPrefix(NAMESPACES) + name);
      return entry && decodeEntry(entry);
    },
    formsOf: (resource) => registry.all().filter((one) => keyPrefix(one) === keyPrefix(resource)),
  };
  const parts = { access, around, logger };
  return {
    mutate: async (request) =>
      isExempt(request.resource) ? request.object : mutate(configuration.mutating(), request, parts),
    validate: async (request) => {
      if (isExempt(request.resource)) return requireParamAccess(request, { store, registry, access });
      checkPolicies(configuration.policies(), request, { params, registry, access, around });
      await validate(configuration.validating(), request, parts);
    },
    checkQuotas: (request) => checkQuotas(store, quotas, request),
    close: async () => {
      await Promise.all([...feeds, params].map((feed) => feed.close()));
      configuration.abort();
    },
  };
}
