import type { Schema } from '../schema/schema.ts';

/** Short forms for writing schemas as data. */
export const string = (description: string, more: Schema = {}): Schema => ({
  type: 'string',
  description,
  ...more,
});
export const integer = (description: string, more: Schema = {}): Schema => ({
  type: 'integer',
  format: 'int32',
  description,
  ...more,
});
export const boolean = (description: string): Schema => ({ type: 'boolean', description });
export const time = (description: string): Schema => string(description, { format: 'date-time' });
/** One that is there, as null, even if nobody said when. */
const timeOrNull = (description: string): Schema =>
  string(description, { format: 'date-time', nullable: true });
export const list = (description: string, items: Schema, more: Schema = {}): Schema => ({
  type: 'array',
  description,
  items,
  ...more,
});
export const mapOf = (description: string, values: Schema): Schema => ({
  type: 'object',
  description,
  additionalProperties: values,
});
export const object = (
  description: string,
  properties: Record<string, Schema>,
  required?: string[],
): Schema => ({
  type: 'object',
  description,
  properties,
  ...(required && { required }),
});
/** Values that make sense only together: who applies one applies all. */
export const onePiece = (schema: Schema): Schema => ({ ...schema, 'x-kubernetes-map-type': 'atomic' });
/** A list merged by key under strategic merge patch. */
export const keyedBy = (key: string): Schema => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': [key],
  'x-kubernetes-patch-merge-key': key,
  'x-kubernetes-patch-strategy': 'merge',
});

const stringValue: Schema = { type: 'string' };

export const objectMeta: Schema = object(
  'ObjectMeta is metadata that all persisted resources must have, which includes all objects users must create.',
  {
    name: string('Name must be unique within a namespace. Cannot be updated.'),
    generateName: string(
      'GenerateName is an optional prefix, used by the server, to generate a unique name ONLY IF the Name field has not been provided.',
    ),
    namespace: string(
      'Namespace defines the space within which each name must be unique. Cannot be updated.',
    ),
    uid: string(
      'UID is the unique in time and space value for this object. Populated by the system. Read-only.',
    ),
    resourceVersion: string(
      'An opaque value that represents the internal version of this object that can be used by clients to determine when objects have changed. Read-only.',
    ),
    generation: integer(
      'A sequence number representing a specific generation of the desired state. Read-only.',
      {
        format: 'int64',
      },
    ),
    creationTimestamp: time('The server time when this object was created. Read-only.'),
    deletionTimestamp: time(
      'Date and time at which this resource will be deleted. Set by the server. Read-only.',
    ),
    deletionGracePeriodSeconds: integer(
      'Number of seconds allowed for this object to gracefully terminate before it will be removed from the system. Read-only.',
      { format: 'int64' },
    ),
    labels: mapOf(
      'Map of string keys and values that can be used to organize and categorize objects.',
      stringValue,
    ),
    annotations: mapOf('Unstructured key value map to store and retrieve arbitrary metadata.', stringValue),
    finalizers: list('Must be empty before the object is deleted from the registry.', stringValue, {
      'x-kubernetes-list-type': 'set',
      'x-kubernetes-patch-strategy': 'merge',
    }),
    ownerReferences: list(
      'List of objects depended by this object. If ALL objects in the list have been deleted, this object will be garbage collected.',
      onePiece(
        object(
          'OwnerReference contains enough information to let you identify an owning object.',
          {
            apiVersion: string('API version of the referent.'),
            kind: string('Kind of the referent.'),
            name: string('Name of the referent.'),
            uid: string('UID of the referent.'),
            controller: boolean('If true, this reference points to the managing controller.'),
            blockOwnerDeletion: boolean(
              'If true, AND if the owner has the "foregroundDeletion" finalizer, then the owner cannot be deleted from the key-value store until this reference is removed.',
            ),
          },
          ['apiVersion', 'kind', 'name', 'uid'],
        ),
      ),
      keyedBy('uid'),
    ),
    managedFields: list(
      'ManagedFields maps workflow and version to the set of fields that are managed by that workflow.',
      {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
      },
      { 'x-kubernetes-list-type': 'atomic' },
    ),
    selfLink: string(
      'Deprecated: selfLink is a legacy read-only field that is no longer populated by the system.',
    ),
  },
);

/** apiVersion, kind and metadata around the fields of one kind. */
export function kindSchema(description: string, fields: Record<string, Schema>, required?: string[]): Schema {
  return object(
    description,
    {
      apiVersion: string('APIVersion defines the versioned schema of this representation of an object.'),
      kind: string('Kind is a string value representing the REST resource this object represents.'),
      metadata: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
      ...fields,
    },
    required,
  );
}

const objectReference = (description: string): Schema =>
  onePiece(
    object(description, {
      apiVersion: string('API version of the referent.'),
      kind: string('Kind of the referent.'),
      namespace: string('Namespace of the referent.'),
      name: string('Name of the referent.'),
      uid: string('UID of the referent.'),
      resourceVersion: string('Specific resourceVersion to which this reference is made, if any.'),
      fieldPath: string('If referring to a piece of an object instead of an entire object.'),
    }),
  );

const condition = object('A condition of the object.', {
  type: string('Type of the condition.'),
  status: string('Status of the condition, one of True, False, Unknown.'),
  lastTransitionTime: time('Last time the condition transitioned from one status to another.'),
  reason: string('One-word reason for the last transition.'),
  message: string('Human-readable message about the last transition.'),
});

/** What the two forms of an Event call differently. */
const eventFields = {
  object: objectReference('The object that this event is about.'),
  reason: string('Short, machine understandable string that gives the reason for the transition.'),
  text: string('A human-readable description of the status of this operation.'),
  source: object('The component reporting this event.', {
    component: string('Component from which the event is generated.'),
    host: string('Node name on which the event is generated.'),
  }),
  first: timeOrNull('The time at which the event was first recorded.'),
  last: timeOrNull('The time at which the most recent occurrence of this event was recorded.'),
  count: integer('The number of times this event has occurred.'),
  type: string('Type of this event (Normal, Warning).'),
  eventTime: timeOrNull('Time when this Event was first observed.'),
  series: object('Data about the Event series this event represents.', {
    count: integer('Number of occurrences in this series.'),
    lastObservedTime: time('Time of the last occurrence observed.'),
  }),
  action: string('What action was taken or failed regarding the object.'),
  related: objectReference('Optional secondary object for more complex actions.'),
  reporter: string('Name of the controller that emitted this Event.'),
  instance: string('ID of the controller instance.'),
};

export const schemas = {
  Namespace: kindSchema('Namespace provides a scope for Names.', {
    spec: object('Spec defines the behavior of the Namespace.', {
      finalizers: list(
        'Finalizers is an opaque list of values that must be empty to permanently remove object from storage.',
        stringValue,
      ),
    }),
    status: object('Status describes the current status of a Namespace.', {
      phase: string('Phase is the current lifecycle phase of the namespace: Active or Terminating.'),
      conditions: list(
        'Represents the latest available observations of a namespace.',
        condition,
        keyedBy('type'),
      ),
    }),
  }),
  ConfigMap: kindSchema('ConfigMap holds configuration data for pods to consume.', {
    data: mapOf('Data contains the configuration data.', stringValue),
    binaryData: mapOf('BinaryData contains the binary data.', { type: 'string', format: 'byte' }),
    immutable: boolean(
      'Immutable, if set to true, ensures that data stored in the ConfigMap cannot be updated.',
    ),
  }),
  Secret: kindSchema('Secret holds secret data of a certain type.', {
    data: mapOf('Data contains the secret data, base64 encoded.', { type: 'string', format: 'byte' }),
    stringData: mapOf(
      'stringData allows specifying non-binary secret data in string form. Write-only.',
      stringValue,
    ),
    type: string('Used to facilitate programmatic handling of secret data.'),
    immutable: boolean(
      'Immutable, if set to true, ensures that data stored in the Secret cannot be updated.',
    ),
  }),
  ServiceAccount: kindSchema('ServiceAccount binds together a name and the identity of its users.', {
    secrets: list(
      'Secrets that are allowed to be used by pods of this ServiceAccount.',
      objectReference('A Secret.'),
      {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
      },
    ),
    imagePullSecrets: list(
      'References to secrets for pulling images.',
      onePiece(object('A Secret.', { name: string('Name of the referent.') })),
      { 'x-kubernetes-list-type': 'atomic' },
    ),
    automountServiceAccountToken: boolean('Whether pods should have an API token automatically mounted.'),
  }),
  Event: kindSchema(
    'Event is a report of an event somewhere in the cluster. Events are kept for one hour.',
    {
      involvedObject: eventFields.object,
      reason: eventFields.reason,
      message: eventFields.text,
      source: eventFields.source,
      firstTimestamp: eventFields.first,
      lastTimestamp: eventFields.last,
      count: eventFields.count,
      type: eventFields.type,
      eventTime: eventFields.eventTime,
      series: eventFields.series,
      action: eventFields.action,
      related: eventFields.related,
      reportingComponent: eventFields.reporter,
      reportingInstance: eventFields.instance,
    },
    ['metadata', 'involvedObject'],
  ),
  NewEvent: kindSchema(
    'Event is a report of an event somewhere in the cluster. Events are kept for one hour.',
    {
      eventTime: eventFields.eventTime,
      series: eventFields.series,
      reportingController: eventFields.reporter,
      reportingInstance: eventFields.instance,
      action: eventFields.action,
      reason: eventFields.reason,
      regarding: eventFields.object,
      related: eventFields.related,
      note: eventFields.text,
      type: eventFields.type,
      deprecatedSource: eventFields.source,
      deprecatedFirstTimestamp: eventFields.first,
      deprecatedLastTimestamp: eventFields.last,
      deprecatedCount: eventFields.count,
    },
    ['eventTime'],
  ),
  Lease: kindSchema('Lease defines a lease concept.', {
    spec: object('spec contains the specification of the Lease.', {
      holderIdentity: string('The identity of the holder of a current lease.'),
      leaseDurationSeconds: integer('Duration that candidates for a lease need to wait to force acquire it.'),
      acquireTime: time('Time when the current lease was acquired.'),
      renewTime: time('Time when the current holder of a lease has last updated the lease.'),
      leaseTransitions: integer('Number of transitions of a lease between holders.'),
      strategy: string('Strategy for picking the leader for coordinated leader election.'),
      preferredHolder: string('Signals to a lease holder that the lease has a more optimal holder.'),
    }),
  }),
} satisfies Record<string, Schema>;
