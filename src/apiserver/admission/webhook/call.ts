/** Asks one webhook about one request, and what comes of it when that fails. */
import type { Policy as AccessPolicy } from '../../authz/policy.ts';
import type { Logger } from '../../context.ts';
import { WebhookRefusal, badRequest, internalError } from '../../errors.ts';
import type { Resource } from '../../resource.ts';
import { conditionsHold, valuesOf } from '../expressions.ts';
import { matchedResource } from '../match.ts';
import type { Surroundings } from '../match.ts';
import { annotate, notAdmitted, warn } from '../request.ts';
import type { AdmissionRequest } from '../request.ts';
import type { CompiledWebhook } from './compile.ts';
import { decodeAnswer, operationsOf, reviewOf, verifiedAnswer } from './review.ts';
import type { ReviewAnswer } from './review.ts';

export interface WebhookParts {
  readonly access: AccessPolicy;
  readonly around: Surroundings;
  readonly logger: Logger;
}

type Kind = 'mutating' | 'validating';

/** Which call of a request it is: mutating webhooks may be asked in a second round. */
export interface Turn {
  readonly kind: Kind;
  readonly round: 0 | 1;
  readonly index: number;
}

/** As the audit log of Kubernetes names what happened in one call. */
export const auditKey = (what: string, { round, index }: Turn): string =>
  `${what}.webhook.admission.k8s.io/round_${round}_index_${index}`;

/** The resource by which the request is meant; undefined if the webhook does not care about it. */
export function matchedBy(
  { webhook, match, conditions }: CompiledWebhook,
  request: AdmissionRequest,
  { access, around }: WebhookParts,
): Resource | undefined {
  const matched = matchedResource(match, request, around);
  if (!matched || conditions.length === 0) return matched;
  try {
    const values = valuesOf(request, matched, { namespaceObject: undefined, policy: access });
    return conditionsHold(conditions, values) ? matched : undefined;
  } catch (error) {
    if (webhook.failurePolicy === 'Ignore') return undefined;
    throw notAdmitted(request, (error as Error).message);
  }
}

/** What a webhook that allows the request would have changed in it. */
export interface Allowed {
  /** Of a JSON patch; undefined if there is none. */
  readonly operations: unknown[] | undefined;
}

/** The webhook's answer, which allows the request. Throws the refusal, and 500 for a failure that matters. */
export async function ask(
  compiled: CompiledWebhook,
  turn: Turn,
  request: AdmissionRequest,
  matched: Resource,
  { logger }: WebhookParts,
): Promise<Allowed> {
  const { webhook, configuration } = compiled;
  const { name = '', failurePolicy, sideEffects = '' } = webhook;
  if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  }
  try {
    const answer = await answerOf(compiled, turn.kind, request, matched);
    for (const [key, value] of Object.entries(answer.auditAnnotations ?? {})) {
      annotate(request.writer, `${name}/${key}`, value);
    }
    for (const text of answer.warnings ?? []) warn(request.writer, text);
    if (!answer.allowed) throw refusal(name, answer.status);
    return { operations: operationsOf(answer) };
  } catch (error) {
    if (error instanceof WebhookRefusal) throw error;
    request.writer.gone.throwIfAborted();
    const why = `failed calling webhook ${JSON.stringify(name)}: ${(error as Error).message}`;
    logger.warn({ err: error, webhook: name, configuration, failurePolicy }, 'A webhook could not be asked');
    if (failurePolicy !== 'Ignore') throw internalError(why);
    const which = turn.kind === 'mutating' ? 'mutation' : 'validating';
    annotate(request.writer, auditKey(`failed-open.${which}`, turn), name);
    return { operations: undefined };
  }
}

async function answerOf(
  { client }: CompiledWebhook,
  kind: Kind,
  request: AdmissionRequest,
  matched: Resource,
): Promise<ReviewAnswer> {
  const uid = crypto.randomUUID();
  let answered: unknown;
  let response: ReviewAnswer | undefined;
  try {
    answered = await client.call(reviewOf(request, matched, uid), request.writer.gone);
    response = decodeAnswer(answered);
  } catch (error) {
    throw new Error(`failed to call webhook: ${(error as Error).message}`, { cause: error });
  }
  try {
    return verifiedAnswer(answered, response, uid, kind);
  } catch (error) {
    throw new Error(`received invalid webhook response: ${(error as Error).message}`, { cause: error });
  }
}

/** Whatever a webhook has to say goes to the client, to the audit log and over the wire to all who read that. */
const MAX_SAID_CHARACTERS = 32 * 1024;
const MAX_REASON_CHARACTERS = 256;

/** The webhook's own status, as k8s.io/apiserver's ToStatusErr words it. */
function refusal(
  name: string,
  { code = 0, reason = '', message = '', details }: ReviewAnswer['status'] = {},
): WebhookRefusal {
  const by = `admission webhook ${JSON.stringify(name)} denied the request`;
  const said = (message || reason).slice(0, MAX_SAID_CHARACTERS);
  const why = said ? `: ${said}` : ' without explanation';
  const told = details && JSON.stringify(details).length <= MAX_SAID_CHARACTERS ? details : undefined;
  const status = code < 400 || code > 599 ? 400 : code;
  return new WebhookRefusal(status, reason.slice(0, MAX_REASON_CHARACTERS), by + why, told);
}
