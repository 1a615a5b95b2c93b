/** The messages of admissionregistration.k8s.io, version v1. */
import { labelSelector } from './access-descriptors.ts';
import { listOf, message, metadata, readAs } from './descriptors.ts';
import type { FieldSpec, Message } from './descriptors.ts';

/** Operations stand beside what they are about in JSON, which is a message of its own here. */
const rule = readAs(
  message(
    [1, 'operations', '[]string'],
    [
      2,
      'rule',
      message(
        [1, 'apiGroups', '[]string'],
        [2, 'apiVersions', '[]string'],
        [3, 'resources', '[]string'],
        [4, 'scope', 'string*'],
      ),
    ],
  ),
  ({ rule: about, ...rest }) => ({ ...rest, ...(about as object | undefined) }),
);

const namedRule = readAs(
  message([1, 'resourceNames', '[]string'], [2, 'ruleWithOperations', rule]),
  ({ ruleWithOperations, ...rest }) => ({ ...rest, ...(ruleWithOperations as object | undefined) }),
);

const matchResources = message(
  [1, 'namespaceSelector', labelSelector],
  [2, 'objectSelector', labelSelector],
  [3, 'resourceRules', listOf(namedRule)],
  [4, 'excludeResourceRules', listOf(namedRule)],
  [7, 'matchPolicy', 'string*'],
);

const named = listOf(message([1, 'name', 'string'], [2, 'expression', 'string']));

const condition = message(
  [1, 'type', 'string'],
  [2, 'status', 'string'],
  [3, 'observedGeneration', 'int'],
  [4, 'lastTransitionTime', 'time'],
  [5, 'reason', 'string'],
  [6, 'message', 'string'],
);

const policySpec = message(
  [1, 'paramKind', message([1, 'apiVersion', 'string'], [2, 'kind', 'string'])],
  [2, 'matchConstraints', matchResources],
  [
    3,
    'validations',
    listOf(
      message(
        [1, 'expression', 'string'],
        [2, 'message', 'string'],
        [3, 'reason', 'string*'],
        [4, 'messageExpression', 'string'],
      ),
    ),
  ],
  [4, 'failurePolicy', 'string*'],
  [5, 'auditAnnotations', listOf(message([1, 'key', 'string'], [2, 'valueExpression', 'string']))],
  [6, 'matchConditions', named],
  [7, 'variables', named],
);

const policyStatus = message(
  [1, 'observedGeneration', 'int'],
  [
    2,
    'typeChecking',
    message([1, 'expressionWarnings', listOf(message([2, 'fieldRef', 'string'], [3, 'warning', 'string']))]),
  ],
  [3, 'conditions', listOf(condition)],
);

const bindingSpec = message(
  [1, 'policyName', 'string'],
  [
    2,
    'paramRef',
    message(
      [1, 'name', 'string'],
      [2, 'namespace', 'string'],
      [3, 'selector', labelSelector],
      [4, 'parameterNotFoundAction', 'string*'],
    ),
  ],
  [3, 'matchResources', matchResources],
  [4, 'validationActions', '[]string'],
);

const clientConfig = message(
  [
    1,
    'service',
    message([1, 'namespace', 'string'], [2, 'name', 'string'], [3, 'path', 'string*'], [4, 'port', 'int*']),
  ],
  [2, 'caBundle', 'bytes'],
  [3, 'url', 'string*'],
);

const webhook: readonly FieldSpec[] = [
  [1, 'name', 'string'],
  [2, 'clientConfig', clientConfig],
  [3, 'rules', listOf(rule)],
  [4, 'failurePolicy', 'string*'],
  [5, 'namespaceSelector', labelSelector],
  [6, 'sideEffects', 'string*'],
  [7, 'timeoutSeconds', 'int*'],
  [8, 'admissionReviewVersions', '[]string'],
  [9, 'matchPolicy', 'string*'],
];

const configuration = (...more: FieldSpec[]): Message =>
  message(metadata, [2, 'webhooks', listOf(message(...webhook, ...more))]);

export const admissionMessages: Readonly<Record<string, Message>> = {
  ValidatingAdmissionPolicy: message(metadata, [2, 'spec', policySpec], [3, 'status', policyStatus]),
  ValidatingAdmissionPolicyBinding: message(metadata, [2, 'spec', bindingSpec]),
  ValidatingWebhookConfiguration: configuration(
    [10, 'objectSelector', labelSelector],
    [11, 'matchConditions', named],
  ),
  MutatingWebhookConfiguration: configuration(
    [10, 'reinvocationPolicy', 'string*'],
    [11, 'objectSelector', labelSelector],
    [12, 'matchConditions', named],
  ),
};
