/** Asks one webhook about one request, and what comes of it when that fails. */
import type { Policy as AccessPolicy } from '../../authz/policy.ts';
import type { Logger } from '../../context.ts';
import { WebhookRefusal, badRequest, internalError } from '../../errors.ts';
import type { Resource } from '../../resource.ts';
import { conditionsHold, valuesOf } from '../expressions.ts';
import { matchedResource } from '../match.ts';
import type { Surroundings } from '../match.ts';
import { notAdmitted, warn } from '../request.ts';
import type { AdmissionRequest } from '../request.ts';
import type { CompiledWebhook } from './compile.ts';
import { readAnswer, reviewOf } from './review.ts';
import type { ReviewAnswer } from './review.ts';

export interface WebhookParts {
  readonly access: AccessPolicy;
  readonly around: Surroundings;
  readonly logger: Logger;
}

type Kind = 'mutating' | 'validating';

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

/**
 * The webhook's answer, which allows the request. Undefined when it could not be had and does not matter. Throws the
 * refusal, and 500 for a failure that matters.
 */
export async function ask(
  compiled: CompiledWebhook,
  kind: Kind,
  request: AdmissionRequest,
  matched: Resource,
  { logger }: WebhookParts,
): Promise<ReviewAnswer | undefined> {
  const { webhook, configuration } = compiled;
  const { name = '', failurePolicy, sideEffects = '' } = webhook;
  if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  }
  let answer: ReviewAnswer;
  try {
    answer = await answerOf(compiled, kind, request, matched);
  } catch (error) {
    const why = `failed calling webhook ${JSON.stringify(name)}: ${(error as Error).message}`;
    logger.warn({ err: error, webhook: name, configuration, failurePolicy }, 'A webhook could not be asked');
    if (failurePolicy !== 'Ignore') throw internalError(why);
    request.writer.auditAnnotations.set(`${kind}.webhook.admission.k8s.io/failed-open`, name);
    return undefined;
  }
  for (const [key, value] of Object.entries(answer.auditAnnotations)) {
    request.writer.auditAnnotations.set(`${name}/${key}`, value);
  }
  for (const text of answer.warnings) warn(request.writer, text);
  if (!answer.allowed) throw refusal(name, answer.status);
  return answer;
}

async function answerOf(
  { client }: CompiledWebhook,
  kind: Kind,
  request: AdmissionRequest,
  matched: Resource,
): Promise<ReviewAnswer> {
  const uid = crypto.randomUUID();
  const answered = await client.call(reviewOf(request, matched, uid)).catch((error: unknown) => {
    throw new Error(`failed to call webhook: ${(error as Error).message}`, { cause: error });
  });
  try {
    return readAnswer(answered, uid, kind);
  } catch (error) {
    throw new Error(`received invalid webhook response: ${(error as Error).message}`, { cause: error });
  }
}

/** The webhook's own status, as k8s.io/apiserver's ToStatusErr words it. */
function refusal(
  name: string,
  { code = 0, reason = '', message, details }: ReviewAnswer['status'],
): WebhookRefusal {
  const by = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = message || reason ? `: ${message || reason}` : ' without explanation';
  return new WebhookRefusal(code < 400 ? 400 : code, reason, by + why, details);
}
