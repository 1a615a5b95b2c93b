import type {
  CrdNames,
  CrdVersion,
  CustomResourceDefinition,
} from '../../../../src/apiserver/crd/definition.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';

/** A definition of one version that nothing is wrong with, before whatever is given. */
export function definition(
  spec: Record<string, unknown> = {},
  status: Record<string, unknown> = { storedVersions: ['v1'] },
): CustomResourceDefinition {
  const names: CrdNames = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' };
  const object: KubeObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gadgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: names as never,
      versions: [version('v1')] as never,
      conversion: { strategy: 'None' },
      ...(spec as object),
    },
    status: status as never,
  };
  return object as CustomResourceDefinition;
}

export const version = (name: string, more: Partial<CrdVersion> = {}): CrdVersion => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: rootOf({}) },
  ...more,
});

/** The schema of an object whose spec has these fields. */
export const rootOf = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties, ...more } },
});
