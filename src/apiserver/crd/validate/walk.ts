import { isObject } from '../../object.ts';
import type { Schema } from '../../schema/schema.ts';

export type Level = 'root' | 'field' | 'items';

/** A schema that says what there is, as opposed to one that only restricts it, with its path in the definition. */
export interface Node {
  readonly schema: Schema;
  readonly path: string;
  readonly level: Level;
}

/** The schemas one step below, in the order in which they are written. */
export function childrenOf({ schema, path }: Node): Node[] {
  const { properties, additionalProperties, items } = schema;
  return [
    ...Object.entries(properties ?? {}).map(([name, sub]) => ({
      schema: sub,
      path: `${path}.properties[${name}]`,
      level: 'field' as const,
    })),
    ...(isObject(additionalProperties)
      ? [{ schema: additionalProperties, path: `${path}.additionalProperties`, level: 'field' as const }]
      : []),
    ...(items ? [{ schema: items, path: `${path}.items`, level: 'items' as const }] : []),
  ].filter((child) => isObject(child.schema));
}

/** A node and everything below it. */
export function everyNode(node: Node): Node[] {
  return [node, ...childrenOf(node).flatMap(everyNode)];
}

export const JUNCTORS = ['allOf', 'anyOf', 'oneOf'] as const;

/** What only restricts a value: the parts of its logic, with their paths. */
export function restrictionsOf({ schema, path }: Pick<Node, 'schema' | 'path'>): Node[] {
  const lists = JUNCTORS.flatMap((name) =>
    (schema[name] ?? []).map((sub, i) => ({
      schema: sub,
      path: `${path}.${name}[${i}]`,
      level: 'field' as const,
    })),
  );
  const not = schema.not ? [{ schema: schema.not, path: `${path}.not`, level: 'field' as const }] : [];
  return [...lists, ...not].filter((part) => isObject(part.schema));
}
