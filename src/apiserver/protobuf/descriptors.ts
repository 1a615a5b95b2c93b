/**
 * The messages that typed Kubernetes clients send, as data: field numbers from the `generated.proto` files of
 * k8s.io/api and k8s.io/apimachinery. A `*` marks a pointer in Go, whose zero value means something.
 */
export type Scalar = 'string' | 'int' | 'double' | 'bool' | 'bytes' | 'time' | 'microTime' | 'json';

export interface Field {
  readonly name: string;
  readonly type: Scalar | Message;
  /** Zero values are kept. */
  readonly pointer: boolean;
  readonly shape: 'one' | 'list' | 'map';
}

export type Message = ReadonlyMap<number, Field>;

export type FieldSpec = readonly [number: number, name: string, type: string | Message];

/** `string`, `int*`, `[]string`, `map:bytes`; a nested message is given as such, several as `listOf` or `mapOf`. */
export function message(...fields: FieldSpec[]): Message {
  return new Map(fields.map(([number, name, type]) => [number, fieldOf(name, type)]));
}

export function fieldOf(name: string, type: string | Message): Field {
  if (typeof type !== 'string') return { name, type, pointer: true, shape: shapes.get(type) ?? 'one' };
  const shape = type.startsWith('[]') ? 'list' : type.startsWith('map:') ? 'map' : 'one';
  const scalar = type.replace(/^\[\]|^map:|\*$/g, '').replace(/\*$/, '') as Scalar;
  return { name, type: scalar, pointer: type.endsWith('*'), shape };
}

const shapes = new Map<Message, 'list' | 'map'>();

function several(of: Message, shape: 'list' | 'map'): Message {
  const copy = new Map(of);
  const reading = readings.get(of);
  if (reading) readings.set(copy, reading);
  shapes.set(copy, shape);
  return copy;
}

export const listOf = (items: Message): Message => several(items, 'list');
export const mapOf = (values: Message): Message => several(values, 'map');

const readings = new WeakMap<Message, Reading>();

/** From a message's fields to the JSON that it stands for. */
type Reading = (decoded: Readonly<Record<string, unknown>>) => unknown;

/** For a message that is not written as an object in JSON. */
export function readAs(message: Message, reading: Reading): Message {
  readings.set(message, reading);
  return message;
}

export const readingOf = (message: Message): Reading | undefined => readings.get(message);

const ownerReference = message(
  [1, 'kind', 'string'],
  [3, 'name', 'string'],
  [4, 'uid', 'string'],
  [5, 'apiVersion', 'string'],
  [6, 'controller', 'bool*'],
  [7, 'blockOwnerDeletion', 'bool*'],
);

const managedFieldsEntry = message(
  [1, 'manager', 'string'],
  [2, 'operation', 'string'],
  [3, 'apiVersion', 'string'],
  [4, 'time', 'time'],
  [6, 'fieldsType', 'string'],
  [7, 'fieldsV1', readAs(message([1, 'raw', 'json']), ({ raw }) => raw)],
  [8, 'subresource', 'string'],
);

export const objectMeta = message(
  [1, 'name', 'string'],
  [2, 'generateName', 'string'],
  [3, 'namespace', 'string'],
  [4, 'selfLink', 'string'],
  [5, 'uid', 'string'],
  [6, 'resourceVersion', 'string'],
  [7, 'generation', 'int'],
  [8, 'creationTimestamp', 'time'],
  [9, 'deletionTimestamp', 'time'],
  [10, 'deletionGracePeriodSeconds', 'int*'],
  [11, 'labels', 'map:string'],
  [12, 'annotations', 'map:string'],
  [13, 'ownerReferences', listOf(ownerReference)],
  [14, 'finalizers', '[]string'],
  [17, 'managedFields', listOf(managedFieldsEntry)],
);

const objectReference = message(
  [1, 'kind', 'string'],
  [2, 'namespace', 'string'],
  [3, 'name', 'string'],
  [4, 'uid', 'string'],
  [5, 'apiVersion', 'string'],
  [6, 'resourceVersion', 'string'],
  [7, 'fieldPath', 'string'],
);

const namespaceCondition = message(
  [1, 'type', 'string'],
  [2, 'status', 'string'],
  [4, 'lastTransitionTime', 'time'],
  [5, 'reason', 'string'],
  [6, 'message', 'string'],
);

export const metadata: FieldSpec = [1, 'metadata', objectMeta];

/** A quantity is written as the text in it. */
const quantities = mapOf(readAs(message([1, 'string', 'string*']), ({ string }) => string ?? '0'));

const deleteOptions = message(
  [1, 'gracePeriodSeconds', 'int*'],
  [2, 'preconditions', message([1, 'uid', 'string*'], [2, 'resourceVersion', 'string*'])],
  [3, 'orphanDependents', 'bool*'],
  [4, 'propagationPolicy', 'string*'],
  [5, 'dryRun', '[]string'],
);

const eventSource = message([1, 'component', 'string'], [2, 'host', 'string']);
const eventSeries = message([1, 'count', 'int'], [2, 'lastObservedTime', 'microTime']);

/** By kind or, where groups mean different things by it, by group and kind. */
export const messages: Readonly<Record<string, Message>> = {
  Namespace: message(
    metadata,
    [2, 'spec', message([1, 'finalizers', '[]string'])],
    [3, 'status', message([1, 'phase', 'string'], [2, 'conditions', listOf(namespaceCondition)])],
  ),
  ConfigMap: message(
    metadata,
    [2, 'data', 'map:string'],
    [3, 'binaryData', 'map:bytes'],
    [4, 'immutable', 'bool*'],
  ),
  Secret: message(
    metadata,
    [2, 'data', 'map:bytes'],
    [3, 'type', 'string'],
    [4, 'stringData', 'map:string'],
    [5, 'immutable', 'bool*'],
  ),
  ServiceAccount: message(
    metadata,
    [2, 'secrets', listOf(objectReference)],
    [3, 'imagePullSecrets', listOf(message([1, 'name', 'string']))],
    [4, 'automountServiceAccountToken', 'bool*'],
  ),
  Event: message(
    metadata,
    [2, 'involvedObject', objectReference],
    [3, 'reason', 'string'],
    [4, 'message', 'string'],
    [5, 'source', eventSource],
    [6, 'firstTimestamp', 'time'],
    [7, 'lastTimestamp', 'time'],
    [8, 'count', 'int'],
    [9, 'type', 'string'],
    [10, 'eventTime', 'microTime'],
    [11, 'series', eventSeries],
    [12, 'action', 'string'],
    [13, 'related', objectReference],
    [14, 'reportingComponent', 'string'],
    [15, 'reportingInstance', 'string'],
  ),
  'events.k8s.io/Event': message(
    metadata,
    [2, 'eventTime', 'microTime'],
    [3, 'series', eventSeries],
    [4, 'reportingController', 'string'],
    [5, 'reportingInstance', 'string'],
    [6, 'action', 'string'],
    [7, 'reason', 'string'],
    [8, 'regarding', objectReference],
    [9, 'related', objectReference],
    [10, 'note', 'string'],
    [11, 'type', 'string'],
    [12, 'deprecatedSource', eventSource],
    [13, 'deprecatedFirstTimestamp', 'time'],
    [14, 'deprecatedLastTimestamp', 'time'],
    [15, 'deprecatedCount', 'int'],
  ),
  Lease: message(metadata, [
    2,
    'spec',
    message(
      [1, 'holderIdentity', 'string*'],
      [2, 'leaseDurationSeconds', 'int*'],
      [3, 'acquireTime', 'microTime'],
      [4, 'renewTime', 'microTime'],
      [5, 'leaseTransitions', 'int*'],
      [6, 'strategy', 'string*'],
      [7, 'preferredHolder', 'string*'],
    ),
  ]),
  ResourceQuota: message(
    metadata,
    [
      2,
      'spec',
      message(
        [1, 'hard', quantities],
        [2, 'scopes', '[]string'],
        [
          3,
          'scopeSelector',
          message([
            1,
            'matchExpressions',
            listOf(message([1, 'scopeName', 'string'], [2, 'operator', 'string'], [3, 'values', '[]string'])),
          ]),
        ],
      ),
    ],
    [3, 'status', message([1, 'hard', quantities], [2, 'used', quantities])],
  ),
  DeleteOptions: deleteOptions,
};

/** What wraps every object: apiVersion and kind, and the object's own bytes. */
export const unknown = message(
  [1, 'typeMeta', message([1, 'apiVersion', 'string'], [2, 'kind', 'string'])],
  [2, 'raw', 'bytes'],
  [3, 'contentEncoding', 'string'],
  [4, 'contentType', 'string'],
);
