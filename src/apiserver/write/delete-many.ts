import type { ApiContext } from '../context.ts';
import { isNotFound } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { deleteObject } from './delete.ts';
import type { DeleteOptions } from './delete.ts';

/** As many at a time share a commit. */
const BATCH = 64;

/**
 * Deletes objects of one resource; those that are gone already, or were replaced meanwhile, do not count. Throws the
 * first refusal once nothing of its batch is under way any more: what is answered is over.
 */
export async function deleteObjects(
  context: ApiContext,
  resource: Resource,
  objects: readonly KubeObject[],
  options: DeleteOptions,
): Promise<void> {
  for (let start = 0; start < objects.length; start += BATCH) {
    const batch = objects
      .slice(start, start + BATCH)
      .map(async ({ metadata: { name, namespace, uid = '' } }) => {
        const target = { resource, namespace, name, subresource: undefined };
        try {
          await deleteObject(context, target, { ...options, ofUid: uid });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      });
    const refused = (await Promise.allSettled(batch)).find(({ status }) => status === 'rejected');
    if (refused) throw (refused as PromiseRejectedResult).reason;
  }
}
