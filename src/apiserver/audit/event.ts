/** One line of the audit log: an `Event` of `audit.k8s.io/v1`. */
import { isIP } from 'node:net';
import { userInfo } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import type { Attributes } from '../authz/attributes.ts';
import type { ApiRequest } from '../http.ts';
import { parsePath } from '../request-info.ts';
import type { AuditLevel, AuditStage } from './policy.ts';
import { redactedUri } from './redact.ts';
import { STRANGERS_LIMITS } from './strangers.ts';

const LIMITS = { uri: 8192, userAgent: 1024 };
const MAX_SOURCE_IPS = 10;

/** What is known of one request, as it passes through the stages. */
export interface Trail {
  readonly auditId: string;
  readonly receivedAt: Date;
  readonly request: ApiRequest;
  /** Who made it; undefined for whoever was not let in. */
  user?: User;
  /** Whom it stands for, if that is another. */
  impersonated?: User;
  wanted?: Attributes;
  /** With its body taken in. */
  entered?: ApiRequest;
}

/** What is known only when there is an answer, or written at the higher levels. */
export interface Outcome {
  readonly responseStatus?: object;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  /** Of the object, where the path does not tell. */
  readonly name?: string;
}

export function auditEvent(
  { auditId, receivedAt, request, user, impersonated }: Trail,
  wanted: Attributes,
  level: AuditLevel,
  stage: AuditStage,
  { name, ...outcome }: Outcome,
  now: Date,
): object {
  const limits = user ? LIMITS : STRANGERS_LIMITS;
  const agent = request.header('user-agent') ?? '';
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: auditId,
    stage,
    requestURI: redactedUri(request.path, request.query).slice(0, limits.uri),
    verb: wanted.verb,
    user: user ? userInfo(user) : {},
    ...(impersonated && { impersonatedUser: userInfo(impersonated) }),
    sourceIPs: sourceIps(request),
    ...(agent && {
      userAgent: agent.length > limits.userAgent ? `${agent.slice(0, limits.userAgent)}...TRUNCATED` : agent,
    }),
    ...(request.path.length <= limits.uri && objectRef(request.path, wanted, name)),
    ...outcome,
    requestReceivedTimestamp: microTime(receivedAt),
    stageTimestamp: microTime(now),
    ...(Object.keys(request.annotations).length > 0 && { annotations: request.annotations }),
  };
}

function objectRef(path: string, wanted: Attributes, name = ''): object {
  if ('path' in wanted) return {};
  const { group, resource, subresource, namespace } = wanted;
  const found = wanted.name ?? name;
  return {
    objectRef: {
      resource,
      ...(namespace && { namespace }),
      ...(found && { name: found }),
      ...(group && { apiGroup: group }),
      apiVersion: parsePath(path)?.version,
      ...(subresource && { subresource }),
    },
  };
}

/** What proxies claim, then the connection's own: only the last can be trusted. */
function sourceIps({ header, remoteAddress }: Pick<ApiRequest, 'header' | 'remoteAddress'>): string[] {
  const claimed = [...(header('x-forwarded-for') ?? '').split(','), header('x-real-ip') ?? ''];
  const valid = [...new Set(claimed.map((one) => one.trim()).filter((one) => isIP(one) !== 0))];
  return [...valid.slice(0, MAX_SOURCE_IPS).filter((one) => one !== remoteAddress), remoteAddress];
}

/** `metav1.MicroTime`. */
const microTime = (time: Date): string => time.toISOString().replace('Z', '000Z');
