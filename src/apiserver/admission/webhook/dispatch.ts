/** The order of webhooks: mutating ones one after the other and again where needed, validating ones all at once. */
import { internalError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import { equalJson } from '../../../values/equal.ts';
import type { KubeObject } from '../../object.ts';
import type { Resource } from '../../resource.ts';
import { asVersion, inForm } from '../expressions.ts';
import { bounded } from '../../write/bounds.ts';
import { boundedPatch } from '../../write/json-patch.ts';
import { annotate } from '../request.ts';
import type { AdmissionRequest } from '../request.ts';
import { ask, auditKey, matchedBy } from './call.ts';
import type { Turn, WebhookParts } from './call.ts';
import type { CompiledWebhook } from './compile.ts';

/**
 * The object as all of them made it; the very same one if none changed it. One that asked for it (`IfNeeded`) is
 * called a second time when another changed the object after it.
 */
export async function mutate(
  webhooks: readonly CompiledWebhook[],
  request: AdmissionRequest,
  parts: WebhookParts,
): Promise<KubeObject | undefined> {
  let { object } = request;
  const again = new Set<CompiledWebhook>();
  const called = new Set<CompiledWebhook>();
  const visit = async (one: CompiledWebhook, turn: Turn): Promise<void> => {
    const next = await mutatedBy(one, turn, { ...request, object }, parts);
    if (next === 'not asked') return;
    if (next !== object) for (const earlier of called) if (earlier !== one) again.add(earlier);
    object = next;
    if (one.webhook.reinvocationPolicy === 'IfNeeded') called.add(one);
  };
  for (const [index, one] of webhooks.entries()) await visit(one, { kind: 'mutating', round: 0, index });
  const second = new Set(again);
  for (const [index, one] of webhooks.entries()) {
    if (second.has(one)) await visit(one, { kind: 'mutating', round: 1, index });
  }
  return object;
}

async function mutatedBy(
  compiled: CompiledWebhook,
  turn: Turn,
  request: AdmissionRequest,
  parts: WebhookParts,
): Promise<KubeObject | undefined | 'not asked'> {
  const matched = matchedBy(compiled, request, parts);
  if (!matched) return 'not asked';
  const { operations } = await ask(compiled, turn, request, matched, parts);
  const next = operations ? await patchedObject(operations, compiled, request, matched) : request.object;
  const { configuration, webhook } = compiled;
  const record = { configuration, webhook: webhook.name, mutated: next !== request.object };
  annotate(request.writer, auditKey('mutation', turn), JSON.stringify(record));
  return next;
}

/** The very same object if the patch changes nothing. */
async function patchedObject(
  patch: unknown[],
  { webhook: { name = '' } }: CompiledWebhook,
  request: AdmissionRequest,
  matched: Resource,
): Promise<KubeObject> {
  const { object } = request;
  if (!object) {
    const why = `admission webhook ${JSON.stringify(name)} attempted to modify the object`;
    throw internalError(`${why}, which is not supported for this operation`);
  }
  const shown = asVersion(object, request, matched);
  const patched = applied(patch, shown);
  return equalJson(patched, shown) ? object : inForm(patched, matched, request.resource);
}

/**
 * Throws 500 for a patch that does not fit, or goes beyond what a client's may, whatever the failurePolicy: the client
 * could not have done better.
 */
function applied(patch: unknown[], object: KubeObject): KubeObject {
  let result: unknown;
  try {
    result = boundedPatch(bounded(patch))(object);
  } catch (error) {
    throw internalError(error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error));
  }
  // Without any metadata it has no name either, which is what its client hears of.
  const whole = isObject(result) ? { ...result, metadata: result['metadata'] ?? {} } : undefined;
  if (isObject(whole?.metadata)) return whole as unknown as KubeObject;
  throw internalError('the patch of a webhook leaves no object, or no object as metadata');
}

/** Throws the first refusal in the order of names, whichever came first. */
export async function validate(
  webhooks: readonly CompiledWebhook[],
  request: AdmissionRequest,
  parts: WebhookParts,
): Promise<void> {
  const relevant = webhooks.flatMap((one) => {
    const matched = matchedBy(one, request, parts);
    return matched ? [{ one, matched }] : [];
  });
  const answers = await Promise.allSettled(
    relevant.map(({ one, matched }, index) =>
      ask(one, { kind: 'validating', round: 0, index }, request, matched, parts),
    ),
  );
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
}
