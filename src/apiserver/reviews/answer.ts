import type { ApiContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { Reviewer } from '../resource.ts';
import { validateSchema } from '../schema/validate.ts';
import type { User } from '../authn/user.ts';
import type { DecodedBody } from '../write/body.ts';
import { checkFields, setDefaults } from '../write/fields.ts';
import { checkIdentity } from '../write/identity.ts';
import { setManagedFields, trackedFields } from '../write/managed-fields.ts';
import type { WriteOptions, WriteTarget } from '../write/options.ts';

/** Checks a review like any object that is created, and answers it. Throws 400 for what is not of the kind. */
export function answerReview(
  context: ApiContext,
  review: Reviewer,
  { object, duplicates }: DecodedBody,
  target: WriteTarget,
  options: WriteOptions & { user: User },
): KubeObject {
  const { resource, namespace, name } = target;
  checkIdentity(object, target, 'create');
  checkFields(object, resource, options, { duplicates });
  setDefaults(object, resource);
  const faults = validateSchema(object, resource.schema).map(({ field, message }) => `${field}: ${message}`);
  if (faults.length > 0) {
    const { kind, version } = resource;
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${faults.join(', ')}`);
  }
  const written = { next: object, old: undefined, given: undefined };
  setManagedFields(object, trackedFields(context, target, options, written));
  return review({ object, user: options.user, namespace, name });
}
