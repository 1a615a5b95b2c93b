import type { Writer } from '../admission/index.ts';
import { AUTHENTICATED, serviceAccountGroups, serviceAccountUsername } from '../authn/user.ts';

const NAMESPACE = 'kube-system';

/** Controllers wait as long as it takes. */
const NEVER = new AbortController().signal;

/**
 * By which name a controller of the server itself is known to admission: that of its counterpart in Kubernetes. Nobody
 * reads what admission has to say to it.
 */
export const controllerWriter = (name: string): Writer => ({
  user: {
    name: serviceAccountUsername({ namespace: NAMESPACE, name }),
    groups: [...serviceAccountGroups(NAMESPACE), AUTHENTICATED],
  },
  warnings: [],
  annotations: {},
  gone: NEVER,
});
