/** AdmissionReview, as it is sent and as it comes back: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/. */
import { isObject } from '../../object.ts';
import type { Resource } from '../../resource.ts';
import { asVersion, describeRequest } from '../expressions.ts';
import type { AdmissionRequest } from '../request.ts';
import { decodeAs } from './go-json.ts';
import type { Shape } from './go-json.ts';

const API_VERSION = 'admission.k8s.io/v1';

/** The response of a review. It holds what it may hold and nothing else. */
export interface ReviewAnswer {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: {
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly details?: object;
  };
  readonly patch?: Buffer;
  readonly patchType?: string;
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

const CAUSE: Shape = {
  struct: 'v1.StatusCause',
  fields: { reason: 'string', message: 'string', field: 'string' },
};
const DETAILS: Shape = {
  struct: 'v1.StatusDetails',
  fields: {
    name: 'string',
    group: 'string',
    kind: 'string',
    uid: 'string',
    causes: { list: CAUSE },
    retryAfterSeconds: 'int32',
  },
};
const STATUS: Shape = {
  struct: 'v1.Status',
  fields: { code: 'int32', reason: 'string', message: 'string', details: DETAILS },
};
const RESPONSE: Shape = {
  struct: 'v1.AdmissionResponse',
  fields: {
    uid: 'string',
    allowed: 'bool',
    status: STATUS,
    patch: 'bytes',
    patchType: 'string',
    warnings: { list: 'string' },
    auditAnnotations: { map: 'string' },
  },
};

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

/** Throws an Error for a response that is not made like one. */
export function decodeAnswer(answer: unknown): ReviewAnswer | undefined {
  if (!isObject(answer) || !isObject(answer['response'])) return undefined;
  return decodeAs(RESPONSE, answer['response'], {
    struct: 'AdmissionReview',
    path: 'response',
  }) as ReviewAnswer;
}

/** Throws an Error for what is no answer to the review. */
export function verifiedAnswer(
  answer: unknown,
  response: ReviewAnswer | undefined,
  uid: string,
  kind: 'mutating' | 'validating',
): ReviewAnswer {
  if (!isObject(answer) || !response) throw new Error('webhook response was absent');
  if (response.uid !== uid) {
    throw new Error(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`,
    );
  }
  if (answer['kind'] !== 'AdmissionReview' || answer['apiVersion'] !== API_VERSION) {
    throw new Error(
      `expected webhook response of ${API_VERSION}, Kind=AdmissionReview, got ${text(answer['apiVersion'])}, Kind=${text(answer['kind'])}`,
    );
  }
  const { patch, patchType } = response;
  const given = patch !== undefined && patch.length > 0;
  if (kind === 'validating') {
    if (given) throw new Error('validating webhook may not return response.patch');
    if (patchType !== undefined) throw new Error('validating webhook may not return response.patchType');
  } else {
    if (given && patchType === undefined) {
      throw new Error('webhook returned response.patch but not response.patchType');
    }
    if (!given && patchType !== undefined) {
      throw new Error('webhook returned response.patchType but not response.patch');
    }
    if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
  }
  return response;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The operations of a JSON patch; undefined if there is none. Throws an Error for what is none. */
export function operationsOf({ patch, patchType }: ReviewAnswer): unknown[] | undefined {
  if (!patch || patch.length === 0) return undefined;
  const operations = decodedPatch(patch);
  if (operations.length === 0) return undefined;
  if (patchType !== 'JSONPatch') throw new Error(`unsupported patch type ${JSON.stringify(patchType)}`);
  return operations;
}

function decodedPatch(patch: Buffer): unknown[] {
  try {
    const operations = JSON.parse(patch.toString()) as unknown;
    if (!Array.isArray(operations)) throw new Error('it is no list of operations');
    if (!operations.every((one) => isObject(one))) throw new Error('an operation is no object');
    return operations;
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`received undecodable patch in webhook response: ${why}`, { cause: error });
  }
}
