/** OpenAPI documents, generated from the registry: v3 per group-version behind an index with hashes, and v2. */
import { createHash } from 'node:crypto';
import type { Registry } from '../registry.ts';
import { operationsV2, pathsOf } from './paths.ts';
import { schemasOf, sharedSchemas } from './schemas.ts';
import { encodeDocument } from './v2.ts';

const INFO = { title: 'Kubernetes', version: 'unversioned' };

/** Documents are made on demand; only their hashes are kept. */
export class OpenApi {
  readonly #registry: Registry;
  #index: { etag: string; body: string } | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** `/openapi/v3`: where each document is; the hash in its URL makes it cacheable for ever. */
  index(): string {
    const etag = this.#registry.etag();
    if (this.#index?.etag !== etag) {
      const paths: Record<string, { serverRelativeURL: string }> = {};
      for (const [group, versions] of this.#registry.groups()) {
        for (const version of versions) {
          const path = group ? `apis/${group}/${version}` : `api/${version}`;
          const hash = createHash('sha256')
            .update(this.document(path) ?? '')
            .digest('hex')
            .toUpperCase();
          paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
        }
      }
      this.#index = { etag, body: JSON.stringify({ paths }) };
    }
    return this.#index.body;
  }

  /** One v3 document (`apis/<group>/<version>` or `api/v1`); undefined if there is none. */
  document(path: string): string | undefined {
    const match = /^(?:apis\/([^/]+)|api)\/([^/]+)$/.exec(path);
    if (!match) return undefined;
    const resources = this.#registry.of(match[1] ?? '', match[2] ?? '');
    if (resources.length === 0) return undefined;
    return JSON.stringify({
      openapi: '3.0.0',
      info: INFO,
      paths: Object.assign({}, ...resources.map(pathsOf)) as object,
      components: {
        schemas: { ...sharedSchemas(resources), ...Object.assign({}, ...resources.map(schemasOf)) },
      },
    });
  }

  /** The single v2 document, in its protobuf form. */
  v2(): Buffer {
    const resources = this.#registry.all();
    const definitions = {
      ...sharedSchemas(resources),
      ...(Object.assign({}, ...resources.map(schemasOf)) as object),
    };
    return encodeDocument({ info: INFO, definitions, operations: resources.flatMap(operationsV2) });
  }
}
