/**
 * The way from client-side to server-side apply with kubectl: the annotation in which client-side apply keeps its
 * last configuration.
 */
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { annotationsFit } from '../schema/metadata.ts';
import { applyConfiguration, ApplyConflicts } from './apply.ts';
import type { Application, Applied } from './apply.ts';
import { compare } from './compare.ts';
import { fieldsOf } from './extract.ts';
import { difference } from './field-set.ts';
import type { FieldSet } from './field-set.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** The only manager that is taken for the heir of client-side apply; another name opts out. */
const KUBECTL = 'kubectl';

/** Like applyConfiguration, but kubectl may take what it has applied itself on the client's side. */
export function applyFromClient(application: Application): Applied {
  if (application.author.manager !== KUBECTL) return applyConfiguration(application);
  const applied = applyDespiteLastApplied(application);
  return {
    ...applied,
    object: withRenewedAnnotation(applied.object as KubeObject, application.config as KubeObject),
  };
}

function applyDespiteLastApplied(application: Application): Applied {
  try {
    return applyConfiguration(application);
  } catch (error) {
    if (!(error instanceof ApplyConflicts)) throw error;
    const mine = fieldsOfLastApplied(application);
    if (!mine) throw error;
    const left = error.except(mine);
    if (left) throw left;
    return applyConfiguration({ ...application, force: true });
  }
}

/** What client-side apply applied and nobody has changed since. */
function fieldsOfLastApplied({ live, typeOf, author }: Application): FieldSet | undefined {
  const text = annotation(live as KubeObject);
  const last = text === undefined ? undefined : parsed(text);
  const type = typeOf(author.apiVersion);
  if (!type || !isObject(last) || last['apiVersion'] !== author.apiVersion) return undefined;
  const { added, modified, removed } = compare(last, live, type);
  return [modified, added, removed].reduce(difference, fieldsOf(last, type));
}

/**
 * An annotation that is there is kept true, for whoever goes back to client-side apply. It goes when it becomes too
 * large.
 */
function withRenewedAnnotation(object: KubeObject, config: KubeObject): KubeObject {
  if (!annotation(object)) return object;
  const text = `${JSON.stringify(sorted(withoutAnnotation(config)))}\n`;
  const renewed = { ...object.metadata.annotations, [ANNOTATION]: text };
  if (!annotationsFit(renewed)) return withoutAnnotation(object);
  return { ...object, metadata: { ...object.metadata, annotations: renewed } };
}

function withoutAnnotation(object: KubeObject): KubeObject {
  const { annotations, ...metadata } = object.metadata;
  if (!annotations) return object;
  const { [ANNOTATION]: _, ...others } = annotations;
  return { ...object, metadata: { ...metadata, annotations: others } };
}

const annotation = (object: KubeObject): string | undefined =>
  object.metadata?.annotations?.[ANNOTATION] || undefined;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** As Go writes JSON: keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}
