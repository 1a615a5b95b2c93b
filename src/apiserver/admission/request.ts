/** One write as quotas, policies and webhooks look at it: k8s.io/apiserver/pkg/admission.Attributes. */
import type { User } from '../authn/user.ts';
import { forbidden } from '../errors.ts';
import type { ApiError } from '../errors.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';

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

/** Each text once: a write that lost a race is looked at again. */
export function warn({ warnings }: Writer, text: string): void {
  if (!warnings.includes(text)) warnings.push(text);
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
