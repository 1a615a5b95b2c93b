/** The schemas of admissionregistration.k8s.io/v1, with their defaults. What is required, the rules of the kinds say. */
import type { Schema } from '../schema/schema.ts';
import { labelSelector } from './rbac-schemas.ts';
import { integer, keyedBy, kindSchema, list, object, onePiece, string, time } from './schemas.ts';

const text: Schema = { type: 'string' };
const atomic: Schema = { 'x-kubernetes-list-type': 'atomic' };
const texts = (description: string): Schema => list(description, text, atomic);

const selector = (description: string): Schema => ({ ...labelSelector, description, default: {} });

const rule = {
  operations: texts('CREATE, UPDATE, DELETE, CONNECT or * for all of them.'),
  apiGroups: texts("API groups of the resources. '*' is all groups."),
  apiVersions: texts("API versions of the resources. '*' is all versions."),
  resources: texts(
    "Resources, 'machines/status' is a subresource, '*' all resources, '*/*' all and their subresources.",
  ),
  scope: string("Cluster, Namespaced or '*'.", { default: '*' }),
};

const namedRule: Schema = {
  ...object('NamedRuleWithOperations is a tuple of Operations and Resources with ResourceNames.', {
    resourceNames: texts('Names that the rule applies to; an empty list means everything.'),
    ...rule,
  }),
  'x-kubernetes-map-type': 'atomic',
};

const matchPolicy = string('Exact, or Equivalent to match by other versions of a resource too.', {
  default: 'Equivalent',
});
const failurePolicy = string('What a failure of the check itself leads to: Fail or Ignore.', {
  default: 'Fail',
});

const matchResources = (description: string): Schema => ({
  ...object(description, {
    namespaceSelector: selector('Of the namespace of the object, by its labels.'),
    objectSelector: selector('Of the object, by its labels before or after the change.'),
    resourceRules: list('What is matched.', namedRule, atomic),
    excludeResourceRules: list('What is not matched after all.', namedRule, atomic),
    matchPolicy,
  }),
  'x-kubernetes-map-type': 'atomic',
});

const matchConditions = list(
  'Conditions that must be met for a request to be looked at.',
  object('MatchCondition represents a condition which must be fulfilled.', {
    name: string('An identifier for this condition.'),
    expression: string('An expression in CEL.'),
  }),
  keyedBy('name'),
);

const policySpec = object('Specification of the desired behavior.', {
  paramKind: {
    ...object('The kind of resources used to parameterize this policy.', {
      apiVersion: string('The group and version.'),
      kind: string('The kind.'),
    }),
    'x-kubernetes-map-type': 'atomic',
  },
  matchConstraints: matchResources('What resources this policy is designed to validate.'),
  validations: list(
    'Expressions that must hold.',
    object('Validation specifies the CEL expression which is used to apply the validation.', {
      expression: string('The expression.'),
      message: string('What is said when it does not hold.'),
      reason: string('Forbidden, Invalid or RequestEntityTooLarge.'),
      messageExpression: string('An expression that makes the message.'),
    }),
    atomic,
  ),
  failurePolicy,
  auditAnnotations: list(
    'What is written to the audit log.',
    object('AuditAnnotation describes how to produce an audit annotation for an API request.', {
      key: string('The key, after the name of the policy.'),
      valueExpression: string('An expression that makes the value, or null.'),
    }),
    atomic,
  ),
  matchConditions,
  variables: list(
    'Expressions that others may use by name.',
    onePiece(
      object('Variable is the definition of a variable that is used for composition.', {
        name: string('The name, used as `variables.name`.'),
        expression: string('The expression.'),
      }),
    ),
    keyedBy('name'),
  ),
});

const policyStatus = object('The status of the policy, of what is behind its expressions.', {
  observedGeneration: integer('The generation observed by the controller.', { format: 'int64' }),
  typeChecking: object('The results of type checking for each expression.', {
    expressionWarnings: list(
      'The type checking warnings for each expression.',
      object('ExpressionWarning is a warning information that targets a specific expression.', {
        fieldRef: string('The path to the field.'),
        warning: string('The content of the warning.'),
      }),
      atomic,
    ),
  }),
  conditions: list(
    "The conditions represent the latest available observations of a policy's current state.",
    object('Condition contains details for one aspect of the current state of this API Resource.', {
      type: string('Type of condition.'),
      status: string('True, False or Unknown.'),
      observedGeneration: integer('The generation that the condition was made from.', { format: 'int64' }),
      lastTransitionTime: time('The last time the condition transitioned from one status to another.'),
      reason: string('A programmatic identifier of the reason.'),
      message: string('A human readable message.'),
    }),
    { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  ),
});

const bindingSpec = object('Specification of the desired behavior.', {
  policyName: string('The policy that is put into effect.'),
  paramRef: {
    ...object('The parameters, of the kind that the policy says.', {
      name: string('The name of the parameters.'),
      namespace: string('Their namespace; without it, that of the request.'),
      selector: { ...labelSelector, description: 'Selects several by their labels.' },
      parameterNotFoundAction: string('What to do if there are none: Allow or Deny.'),
    }),
    'x-kubernetes-map-type': 'atomic',
  },
  matchResources: matchResources('Narrows down what the policy matches.'),
  validationActions: list('Deny, Warn, Audit.', text, { 'x-kubernetes-list-type': 'set' }),
});

const webhook = (more: Record<string, Schema>): Schema =>
  object('A webhook and the resources and operations it applies to.', {
    name: string('The fully qualified name of the webhook.'),
    clientConfig: object('How to communicate with the hook.', {
      url: string('The location of the webhook: https://host:port/path.'),
      service: object('Not supported: use url.', {
        namespace: text,
        name: text,
        path: text,
        port: { type: 'integer', format: 'int32' },
      }),
      caBundle: string("Certificates in PEM that the webhook's is validated by.", { format: 'byte' }),
    }),
    rules: list('What the webhook cares about.', object('A rule.', rule), atomic),
    failurePolicy,
    matchPolicy,
    namespaceSelector: selector('Of the namespace of the object, by its labels.'),
    objectSelector: selector('Of the object, by its labels before or after the change.'),
    sideEffects: string('None or NoneOnDryRun.'),
    timeoutSeconds: integer('Between 1 and 30 seconds.', { default: 10 }),
    admissionReviewVersions: texts('The versions of AdmissionReview that the webhook understands: v1.'),
    matchConditions,
    ...more,
  });

const webhooks = (more: Record<string, Schema> = {}): Schema =>
  list('Webhooks and the affected resources and operations.', webhook(more), keyedBy('name'));

export const admissionSchemas = {
  ValidatingAdmissionPolicy: kindSchema(
    'ValidatingAdmissionPolicy describes the definition of an admission validation policy that accepts or rejects an object without changing it.',
    { spec: policySpec, status: policyStatus },
  ),
  ValidatingAdmissionPolicyBinding: kindSchema(
    'ValidatingAdmissionPolicyBinding binds the ValidatingAdmissionPolicy with parameters.',
    { spec: bindingSpec },
  ),
  ValidatingWebhookConfiguration: kindSchema(
    'ValidatingWebhookConfiguration describes the configuration of admission webhooks that accept or reject an object without changing it.',
    { webhooks: webhooks() },
  ),
  MutatingWebhookConfiguration: kindSchema(
    'MutatingWebhookConfiguration describes the configuration of admission webhooks that accept or reject and may change an object.',
    {
      webhooks: webhooks({
        reinvocationPolicy: string('Never, or IfNeeded to be called again when another changed the object.', {
          default: 'Never',
        }),
      }),
    },
  ),
} satisfies Record<string, Schema>;
