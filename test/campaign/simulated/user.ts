import { ApiError as Refusal } from '../../../src/apiserver/errors.ts';
import { dropNulls } from '../../../src/apiserver/schema/default.ts';
import { prune } from '../../../src/apiserver/schema/prune.ts';
import { ApiError } from '../../../src/reconcile/api.ts';
import { API_VERSION } from '../../../src/resources/metadata.ts';
import type { ApiStore, Collection } from '../../../src/simulation/api-store.ts';
import { type Actor, NAMESPACE, type Surroundings, inSurroundings } from '../cast.ts';
import type { Answer } from '../ground.ts';

/** Writes to an API in memory as kubectl does, with strict validation. */
export class SimulatedUser {
  readonly #store: ApiStore;
  readonly #collections: ReadonlyMap<string, Collection>;
  readonly #surroundings: Surroundings;

  constructor(store: ApiStore, collections: readonly Collection[], surroundings: Surroundings) {
    this.#store = store;
    this.#collections = new Map(collections.map((each) => [each.kind, each]));
    this.#surroundings = surroundings;
  }

  /** Makes the object, or gives it this body in place of what it has. */
  apply({ kind, name, body }: Actor): Answer {
    const collection = this.#collections.get(kind);
    if (!collection) throw new Error(`there is no kind ${kind}`);
    const namespace = kind === 'Host' ? undefined : NAMESPACE;
    const { metadata = {}, ...rest } = inSurroundings(body, this.#surroundings);
    const object = {
      apiVersion: kind === 'Secret' ? 'v1' : API_VERSION,
      kind,
      metadata: { ...(metadata as object), name, ...(namespace !== undefined && { namespace }) },
      ...rest,
    };
    try {
      if (collection.schema) {
        const [unknown] = prune(object, collection.schema);
        if (unknown !== undefined)
          return refusal(400, `strict decoding error: unknown field "${unknown}"`, [unknown]);
        dropNulls(object, collection.schema);
      }
      const type = typeOf(collection);
      const present = this.#store.find(collection.plural, { namespace, name });
      if (present) this.#store.replace(type, { namespace, name }, object);
      else this.#store.create(type, namespace, object);
      return { accepted: true };
    } catch (error) {
      if (error instanceof Refusal)
        return refusal(
          error.code,
          error.message,
          (error.details?.causes ?? []).map(({ field }) => field ?? ''),
        );
      if (error instanceof ApiError) return refusal(error.code, error.message, []);
      throw error;
    }
  }
}

export const typeOf = ({ kind, plural }: Collection) =>
  kind === 'Secret'
    ? { group: '', version: 'v1', plural }
    : { group: 'purlin.dev', version: 'v1alpha1', plural };

const refusal = (code: number, message: string, fields: string[]): Answer => ({
  accepted: false,
  code,
  message,
  fields,
});
