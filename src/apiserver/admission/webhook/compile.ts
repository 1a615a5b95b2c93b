import type { AdmissionExpression } from '../../../cel/admission.ts';
import { compileConditions } from '../expressions.ts';
import type { MatchResources, Webhook } from '../spec.ts';

export interface CompiledWebhook {
  readonly configuration: string;
  readonly webhook: Webhook;
  readonly match: MatchResources;
  readonly conditions: readonly AdmissionExpression[];
  readonly close: () => void;
}

/** Of a configuration that was checked when it was written. */
export const compileWebhooks = (configuration: string, webhooks: readonly Webhook[]): CompiledWebhook[] =>
  webhooks.map((webhook) => ({
    configuration,
    webhook,
    match: {
      ...(webhook.namespaceSelector && { namespaceSelector: webhook.namespaceSelector }),
      ...(webhook.objectSelector && { objectSelector: webhook.objectSelector }),
      ...(webhook.matchPolicy && { matchPolicy: webhook.matchPolicy }),
      resourceRules: webhook.rules ?? [],
    },
    conditions: compileConditions(webhook.matchConditions),
    close: () => undefined,
  }));
