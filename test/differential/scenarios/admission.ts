import type { Scenario } from '../scenario.ts';
import { badPolicies, policies } from './admission/policies.ts';
import { quotas } from './admission/quotas.ts';
import { callingWebhooks } from './admission/webhooks.ts';

export const admission: Scenario = {
  name: 'admission',
  covers: 'quotas, policies and webhooks',
  steps: [...quotas, ...policies, ...badPolicies, ...callingWebhooks],
};
