import type { ChildObject } from '../../plan/api-actions.ts';
import type { ApiStep } from '../../plan/outcome.ts';

/** The step that makes an object which belongs to the Machine. */
export const createChild = (child: ChildObject): ApiStep => ({
  on: 'api',
  action: { name: 'api.createChild', child },
});
