import type { HostView, Reader } from '../../../src/plan/kind.ts';
import { type Found, lookupsOf } from '../../../src/plan/lookups.ts';
import { type Resource, keyOf } from '../../../src/resources/metadata.ts';

/** Caches that hold exactly these objects. */
export const readerOf = (objects: readonly Resource[], hosts: readonly HostView[] = []): Reader => {
  const of = (kind: string, namespace?: string): Resource[] =>
    objects.filter(
      (object) =>
        object.kind === kind && (namespace === undefined || object.metadata.namespace === namespace),
    );
  return {
    get: <Kind extends Resource>(kind: string, namespace: string | undefined, name: string) =>
      of(kind, namespace).find(({ metadata }) => metadata.name === name) as Kind | undefined,
    list: <Kind extends Resource>(kind: string, namespace?: string) => of(kind, namespace) as Kind[],
    find: (kind, by, value) => {
      const [, valuesOf] = lookupsOf(kind).find(([name]) => name === by) ?? [];
      return of(kind).filter((object) => valuesOf?.(object).includes(value)) as Found<typeof kind>[];
    },
    keyOfUid: (kind, uid) =>
      of(kind)
        .filter(({ metadata }) => metadata.uid === uid)
        .map(keyOf)[0],
    hosts: () => [...hosts],
  };
};
