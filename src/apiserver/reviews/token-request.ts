/** `serviceaccounts/<name>/token`: makes a token. pkg/registry/core/serviceaccount/storage/token.go of Kubernetes. */
import { API_AUDIENCES } from '../authn/authenticator.ts';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts';
import type { TokenObjects } from '../authn/token-check.ts';
import { badRequest, conflict, fieldError, invalid, notFound } from '../errors.ts';
import { timestamp } from '../../values/time.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { Reviewer } from '../resource.ts';
import { AUTHENTICATION_GROUP } from './identity.ts';

const DEFAULT_EXPIRATION_SECONDS = 3600;
const MIN_EXPIRATION_SECONDS = 600;
const MAX_EXPIRATION_SECONDS = 2 ** 32;

interface Reference {
  kind?: string;
  apiVersion?: string;
  name?: string;
  uid?: string;
}

interface TokenSpec {
  audiences?: string[];
  expirationSeconds?: number;
  boundObjectRef?: Reference;
}

export const tokenRequest =
  (tokens: ServiceAccountTokens, objects: TokenObjects, now: () => Date): Reviewer =>
  ({ object, namespace = '', name = '' }) => {
    const serviceAccount = objects.serviceAccount(namespace, name);
    if (!serviceAccount) throw notFound({ group: '', resource: 'serviceaccounts' }, name);
    checkUid(object.metadata.uid, serviceAccount);
    const { audiences, expirationSeconds, boundObjectRef } = (object.spec ?? {}) as TokenSpec;
    const spec = {
      audiences: audiences?.length ? audiences : [...API_AUDIENCES],
      expirationSeconds: checkedExpiration(expirationSeconds),
    };
    const secret = boundObjectRef && boundSecret(boundObjectRef, namespace, objects);
    const { token, expires } = tokens.issueBound({ ...spec, serviceAccount, ...(secret && { secret }) });
    const { uid = '' } = serviceAccount.metadata;
    return {
      ...object,
      metadata: { ...object.metadata, name, namespace, uid, creationTimestamp: timestamp(now()) },
      spec: { ...spec, boundObjectRef: (boundObjectRef ?? null) as JsonObject | null },
      status: { token, expirationTimestamp: timestamp(expires) },
    };
  };

function checkUid(wanted: string | undefined, { metadata: { name = '', uid } }: KubeObject): void {
  if (!wanted || wanted === uid) return;
  const why = `the UID in the token request (${wanted}) does not match the UID of the service account (${uid})`;
  throw conflict({ group: AUTHENTICATION_GROUP, resource: 'TokenRequest' }, name, why);
}

function checkedExpiration(seconds = DEFAULT_EXPIRATION_SECONDS): number {
  const fault =
    (seconds < MIN_EXPIRATION_SECONDS && 'may not specify a duration less than 10 minutes') ||
    (seconds > MAX_EXPIRATION_SECONDS && 'may not specify a duration larger than 2^32 seconds');
  if (!fault) return seconds;
  const errors = [fieldError.invalid('spec.expirationSeconds', seconds, fault)];
  throw invalid(AUTHENTICATION_GROUP, 'TokenRequest', '', errors);
}

/** Of what Kubernetes can bind to, only Secrets exist here. */
function boundSecret(
  { kind, apiVersion, name = '', uid }: Reference,
  namespace: string,
  objects: TokenObjects,
) {
  if (kind !== 'Secret' || apiVersion !== 'v1') {
    throw badRequest(`cannot bind token to object of type ${apiVersion ?? ''}, Kind=${kind ?? ''}`);
  }
  const secret = objects.secret(namespace, name);
  if (!secret) throw notFound({ group: '', resource: 'secrets' }, name);
  if (uid && uid !== secret.metadata.uid) {
    const why =
      `the UID in the bound object reference (${uid}) does not match the UID in record. ` +
      'The object might have been deleted and then recreated';
    throw conflict({ group: '', resource: 'Secret' }, name, why);
  }
  return secret;
}
