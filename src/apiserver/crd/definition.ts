/** The shape of a CustomResourceDefinition (apiextensions.k8s.io/v1) that has passed validation. */
import type { PrinterColumn } from '../columns.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { ScalePaths } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';

export const CRD_GROUP = 'apiextensions.k8s.io';
export const CRD_PLURAL = 'customresourcedefinitions';

/** Keeps a definition that is being deleted until the last object of its kind is gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export interface CustomResourceDefinition extends KubeObject {
  spec: CrdSpec & JsonObject;
  status?: CrdStatus & JsonObject;
}

export interface CrdSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: CrdNames;
  versions: CrdVersion[];
}

export interface CrdNames {
  plural: string;
  kind: string;
  singular?: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema: Schema };
  subresources?: { status?: object; scale?: ScalePaths };
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
}

export interface CrdStatus {
  acceptedNames?: Partial<CrdNames>;
  storedVersions?: string[];
  conditions?: CrdCondition[];
}

export interface CrdCondition {
  type: 'NamesAccepted' | 'Established' | 'Terminating';
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export const storageVersionOf = ({ versions }: CrdSpec): string =>
  versions.find(({ storage }) => storage)?.name ?? '';

export const conditionOf = (
  status: CrdStatus | undefined,
  type: CrdCondition['type'],
): CrdCondition | undefined => status?.conditions?.find((one) => one.type === type);

export const isTrue = (status: CrdStatus | undefined, type: CrdCondition['type']): boolean =>
  conditionOf(status, type)?.status === 'True';

/** The conditions with one replaced or added; its time is kept while its status stays the same. */
export function withCondition(
  conditions: readonly CrdCondition[],
  next: Omit<CrdCondition, 'lastTransitionTime'>,
  at: string,
): CrdCondition[] {
  const old = conditions.find(({ type }) => type === next.type);
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : at;
  const condition = { ...next, lastTransitionTime };
  return old ? conditions.map((one) => (one === old ? condition : one)) : [...conditions, condition];
}
