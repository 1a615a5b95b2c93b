import type { AdmissionExpression } from '../../../cel/admission.ts';
import { compileConditions } from '../expressions.ts';
import type { MatchResources, Webhook } from '../spec.ts';
import { webhookClient } from './client.ts';
import type { WebhookClient } from './client.ts';

export interface CompiledWebhook {
  readonly configuration: string;
  readonly webhook: Webhook;
  readonly match: MatchResources;
  readonly conditions: readonly AdmissionExpression[];
  readonly client: WebhookClient;
}

/** Of a configuration that was checked when it was written. One without rules is never asked. */
export const compileWebhooks = (configuration: string, webhooks: readonly Webhook[]): CompiledWebhook[] =>
  webhooks
    .filter(({ rules = [] }) => rules.length > 0)
    .map((webhook) => {
      const { namespaceSelector, objectSelector, matchPolicy, rules = [] } = webhook;
      return {
        configuration,
        webhook,
        match: {
          ...(namespaceSelector && { namespaceSelector }),
          ...(objectSelector && { objectSelector }),
          ...(matchPolicy && { matchPolicy }),
          resourceRules: rules,
        },
        conditions: compileConditions(webhook.matchConditions),
        client: webhookClient(webhook),
      };
    });
