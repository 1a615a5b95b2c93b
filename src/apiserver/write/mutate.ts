import { decodeEntry, encodeObject } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { equalJson } from '../../values/equal.ts';
import { copyJson } from '../../values/copy.ts';
import type { KubeObject } from '../object.ts';
import { ConflictError } from '../../store/index.ts';
import { fieldsAfterSystem, setManagedFields } from './managed-fields.ts';
import { isFinished } from './update.ts';

/**
 * A change that the server itself makes, past the rules for clients: read, change, compare-and-swap, again if
 * another write came between. Does nothing when the object is gone or is not the one with this UID; an object
 * that nothing holds any more is deleted.
 */
export async function mutateObject(
  { store, registry }: Pick<ApiContext, 'store' | 'registry'>,
  key: string,
  uid: string | undefined,
  change: (object: KubeObject) => void,
): Promise<void> {
  for (;;) {
    const entry = store.get(key);
    if (!entry) return;
    const object = decodeEntry(entry);
    if (object.metadata.uid !== uid) return;
    const before = copyJson(object);
    change(object);
    if (equalJson(before, object)) return;
    setManagedFields(object, fieldsAfterSystem({ registry }, before, object));
    try {
      if (isFinished(object)) await store.delete(key, entry.revision);
      else await store.update(key, encodeObject(object), entry.revision);
      return;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}
