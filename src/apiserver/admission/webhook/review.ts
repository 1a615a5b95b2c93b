/** AdmissionReview, as it is sent and as it comes back: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/. */
import { isObject } from '../../object.ts';
import type { Resource } from '../../resource.ts';
import { asVersion, describeRequest } from '../expressions.ts';
import type { AdmissionRequest } from '../request.ts';

const API_VERSION = 'admission.k8s.io/v1';

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly status: {
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly details?: object;
  };
  /** The operations of a JSON patch; undefined if there is none. */
  readonly patch: unknown[] | undefined;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

export function reviewOf(request: AdmissionRequest, matched: Resource, uid: string): object {
  const { object, old } = request;
  return {
    kind: 'AdmissionReview',
    apiVersion: API_VERSION,
    request: {
      uid,
      ...describeRequest(request, matched),
      object: object ? asVersion(object, request, matched) : null,
      oldObject: old ? asVersion(old, request, matched) : null,
    },
  };
}

/** Throws an Error for what is no answer to the review. */
export function readAnswer(answer: unknown, uid: string, kind: 'mutating' | 'validating'): ReviewAnswer {
  if (!isObject(answer) || !isObject(answer['response'])) throw new Error('webhook response was absent');
  const { response } = answer;
  if (response['uid'] !== uid) {
    throw new Error(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`,
    );
  }
  if (answer['kind'] !== 'AdmissionReview' || answer['apiVersion'] !== API_VERSION) {
    throw new Error(
      `expected webhook response of ${API_VERSION}, Kind=AdmissionReview, got ${text(answer['apiVersion'])}, Kind=${text(answer['kind'])}`,
    );
  }
  return {
    allowed: response['allowed'] === true,
    status: statusOf(response['status']),
    patch: kind === 'mutating' ? patchOf(response) : withoutPatch(response),
    warnings: Array.isArray(response['warnings']) ? response['warnings'].map(text) : [],
    auditAnnotations: (isObject(response['auditAnnotations'])
      ? response['auditAnnotations']
      : {}) as ReviewAnswer['auditAnnotations'],
  };
}

/** Only what it may say of itself, and that only if it makes sense. */
function statusOf(given: unknown): ReviewAnswer['status'] {
  if (!isObject(given)) return {};
  const { code, details } = given;
  return {
    ...(Number.isInteger(code) && { code: code as number }),
    reason: text(given['reason']),
    message: text(given['message']),
    ...(isObject(details) && { details }),
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function patchOf({ patch, patchType }: Record<string, unknown>): unknown[] | undefined {
  if (!patch && !patchType) return undefined;
  if (!patchType) throw new Error('webhook returned response.patch but not response.patchType');
  if (!patch) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType !== 'JSONPatch') throw new Error(`unsupported patch type ${JSON.stringify(patchType)}`);
  const operations = decoded(patch);
  if (!Array.isArray(operations))
    throw new Error('received undecodable patch in webhook response: it is no list');
  return operations.length > 0 ? operations : undefined;
}

function decoded(patch: unknown): unknown {
  try {
    return JSON.parse(Buffer.from(text(patch), 'base64').toString()) as unknown;
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`received undecodable patch in webhook response: ${why}`, { cause: error });
  }
}

function withoutPatch({ patch, patchType }: Record<string, unknown>): undefined {
  if (patch) throw new Error('validating webhook may not return response.patch');
  if (patchType) throw new Error('validating webhook may not return response.patchType');
  return undefined;
}
