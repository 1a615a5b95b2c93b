/** Between the version that a client speaks and the one in the store: conversion strategy `None`. */
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { applyDefaults, dropNulls } from '../schema/default.ts';
import { prune } from '../schema/prune.ts';

/**
 * A stored object as a version of its resource has it, in place: the apiVersion is that version's, what only
 * another version knows is dropped, and today's defaults are filled in, for those younger than the object.
 */
export function toServed(object: KubeObject, resource: Resource): KubeObject {
  if (!resource.custom) return object;
  if (object.apiVersion !== resource.apiVersion) {
    object.apiVersion = resource.apiVersion;
    object.kind = resource.kind;
    prune(object, resource.schema);
  }
  dropNulls(object, resource.schema);
  applyDefaults(object, resource.schema);
  return object;
}

/** Shares everything below the root with the given object. */
export const toStored = (object: KubeObject, { custom, storedAs }: Resource): KubeObject =>
  custom ? { ...object, apiVersion: storedAs } : object;
