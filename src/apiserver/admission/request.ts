/** One write as quotas, policies and webhooks look at it: k8s.io/apiserver/pkg/admission.Attributes. */
import type { User } from '../authn/user.ts';
import { forbidden } from '../errors.ts';
import type { ApiError } from '../errors.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { qualifiedNameFault } from '../schema/metadata.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE';

/** On whose behalf a write is made, and where what admission has to say besides yes or no goes. */
export interface Writer {
  readonly user: User;
  /** Sent to the client as `Warning` headers. */
  readonly warnings: string[];
  /** For the audit log: by key, of which each has a `/` in it. */
  readonly annotations: Record<string, string>;
  /** Aborted with what is to be thrown when the write is not to go on: its time is up, or nobody waits for it. */
  readonly gone: AbortSignal;
}

export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  readonly resource: Resource;
  readonly subresource: string | undefined;
  /** Of a Namespace too: it counts as being in itself. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** What is to be stored; undefined for a deletion. Of `scale` it is a Scale. */
  readonly object: KubeObject | undefined;
  /** What is there now; undefined for a creation. */
  readonly old: KubeObject | undefined;
  readonly writer: Writer;
  readonly dryRun: boolean;
  /** CreateOptions, UpdateOptions or DeleteOptions. */
  readonly options: JsonObject;
}

/** More than this of one request is told to nobody. */
const MAX_WARNINGS = 100;
const MAX_WARNING_CHARACTERS = 8192;
const MAX_ANNOTATIONS = 256;
const MAX_ANNOTATION_CHARACTERS = 64 * 1024;

/** Each text once: a write that lost a race is looked at again. */
export function warn({ warnings }: Writer, given: string): void {
  const text = given.slice(0, MAX_WARNING_CHARACTERS);
  if (warnings.length < MAX_WARNINGS && !warnings.includes(text)) warnings.push(text);
}

/** The first to say something under a key is believed. What is no key of an annotation is not noted. */
export function annotate({ annotations }: Writer, key: string, value: string): void {
  if (Object.hasOwn(annotations, key) || Object.keys(annotations).length >= MAX_ANNOTATIONS) return;
  if (!key.includes('/') || qualifiedNameFault(key) !== undefined) return;
  annotations[key] = value.slice(0, MAX_ANNOTATION_CHARACTERS);
}

/** 403 about the object of the request, worded like k8s.io/apiserver's admission.NewForbidden. */
export function notAdmitted({ resource, name, object }: AdmissionRequest, why: string): ApiError {
  const { group, plural } = resource;
  const called = name || object?.metadata.generateName || 'Unknown';
  return forbidden(`${group ? `${plural}.${group}` : plural} "${called}" is forbidden: ${why}`, {
    name: called,
    ...(group && { group }),
    kind: plural,
  });
}
