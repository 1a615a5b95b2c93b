/**
 * Between the version that a client speaks and the one in the store: conversion strategy `None`, but for the built-in
 * kinds that have two forms.
 */
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { applyDefaults, dropNulls } from '../schema/default.ts';
import { prune } from '../schema/prune.ts';

/**
 * A stored object as a version of its resource has it, in place: with that version's apiVersion, and with today's
 * defaults of the version that is stored, for those younger than the object.
 */
export function toServed(object: KubeObject, resource: Resource): KubeObject {
  if (!resource.custom) return resource.storedForm?.toServed(object) ?? object;
  object.apiVersion = resource.apiVersion;
  object.kind = resource.kind;
  const schema = resource.storedSchema ?? resource.schema;
  dropNulls(object, schema);
  applyDefaults(object, schema);
  return object;
}

/** Drops, in place, what a client of another version wrote and the stored version does not know. */
export function fitStorage(object: KubeObject, { storedSchema }: Resource): void {
  if (storedSchema) prune(object, storedSchema);
}

/** Shares everything below the root with the given object. */
export function toStored(object: KubeObject, { custom, storedAs, storedForm }: Resource): KubeObject {
  if (custom) return { ...object, apiVersion: storedAs };
  return storedForm?.toStored(object) ?? object;
}
