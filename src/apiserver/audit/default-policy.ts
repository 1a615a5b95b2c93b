import { SERVER_USER } from '../authn/user.ts';
import type { AuditPolicy } from './policy.ts';

const READS = ['get', 'list', 'watch'];

/** Without a file: who changed what, and who read Secrets; nothing of what our own controllers read or keep alive. */
export const DEFAULT_POLICY: AuditPolicy = {
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
  rules: [
    { level: 'None', nonResourceURLs: ['*'] },
    { level: 'None', users: [SERVER_USER], verbs: READS },
    {
      level: 'None',
      resources: [
        { group: 'coordination.k8s.io', resources: ['leases'] },
        { group: '', resources: ['events'] },
        { group: 'authorization.k8s.io' },
      ],
    },
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
    { level: 'None', verbs: READS },
    { level: 'Metadata' },
  ],
};
