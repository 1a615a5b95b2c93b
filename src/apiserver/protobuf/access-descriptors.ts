/** The messages of rbac.authorization.k8s.io, authentication.k8s.io and authorization.k8s.io, version v1. */
import { listOf, mapOf, message, metadata, readAs } from './descriptors.ts';
import type { FieldSpec, Message } from './descriptors.ts';

const policyRule = message(
  [1, 'verbs', '[]string'],
  [2, 'apiGroups', '[]string'],
  [3, 'resources', '[]string'],
  [4, 'resourceNames', '[]string'],
  [5, 'nonResourceURLs', '[]string'],
);

export const labelSelector = message(
  [1, 'matchLabels', 'map:string'],
  [
    2,
    'matchExpressions',
    listOf(message([1, 'key', 'string'], [2, 'operator', 'string'], [3, 'values', '[]string'])),
  ],
);

const subject = message(
  [1, 'kind', 'string'],
  [2, 'apiGroup', 'string'],
  [3, 'name', 'string'],
  [4, 'namespace', 'string'],
);

const roleRef = message([1, 'apiGroup', 'string'], [2, 'kind', 'string'], [3, 'name', 'string']);

const role: FieldSpec[] = [metadata, [2, 'rules', listOf(policyRule)]];

const binding = message(metadata, [2, 'subjects', listOf(subject)], [3, 'roleRef', roleRef]);

/** A list of strings is a message of its own where it is the value of a map. */
const extra = mapOf(readAs(message([1, 'items', '[]string']), ({ items }) => items ?? []));

const userInfo = message(
  [1, 'username', 'string'],
  [2, 'uid', 'string'],
  [3, 'groups', '[]string'],
  [4, 'extra', extra],
);

const requirements = listOf(
  message([1, 'key', 'string'], [2, 'operator', 'string'], [3, 'values', '[]string']),
);
const selector = message([1, 'rawSelector', 'string'], [2, 'requirements', requirements]);

const resourceAttributes = message(
  [1, 'namespace', 'string'],
  [2, 'verb', 'string'],
  [3, 'group', 'string'],
  [4, 'version', 'string'],
  [5, 'resource', 'string'],
  [6, 'subresource', 'string'],
  [7, 'name', 'string'],
  [8, 'fieldSelector', selector],
  [9, 'labelSelector', selector],
);

const access: FieldSpec[] = [
  [1, 'resourceAttributes', resourceAttributes],
  [2, 'nonResourceAttributes', message([1, 'path', 'string'], [2, 'verb', 'string'])],
];

const subjectAccess = message(
  ...access,
  [3, 'user', 'string'],
  [4, 'groups', '[]string'],
  [5, 'extra', extra],
  [6, 'uid', 'string'],
);

const accessStatus = message(
  [1, 'allowed', 'bool*'],
  [2, 'reason', 'string'],
  [3, 'evaluationError', 'string'],
  [4, 'denied', 'bool'],
);

const review = (spec: Message, status: Message): Message =>
  message(metadata, [2, 'spec', spec], [3, 'status', status]);

export const accessMessages: Readonly<Record<string, Message>> = {
  Role: message(...role),
  ClusterRole: message(...role, [
    3,
    'aggregationRule',
    message([1, 'clusterRoleSelectors', listOf(labelSelector)]),
  ]),
  RoleBinding: binding,
  ClusterRoleBinding: binding,
  SelfSubjectReview: message(metadata, [2, 'status', message([1, 'userInfo', userInfo])]),
  TokenReview: review(
    message([1, 'token', 'string'], [2, 'audiences', '[]string']),
    message(
      [1, 'authenticated', 'bool'],
      [2, 'user', userInfo],
      [3, 'error', 'string'],
      [4, 'audiences', '[]string'],
    ),
  ),
  TokenRequest: review(
    message(
      [1, 'audiences', '[]string'],
      [
        3,
        'boundObjectRef',
        message(
          [1, 'kind', 'string'],
          [2, 'apiVersion', 'string'],
          [3, 'name', 'string'],
          [4, 'uid', 'string'],
        ),
      ],
      [4, 'expirationSeconds', 'int*'],
    ),
    message([1, 'token', 'string'], [2, 'expirationTimestamp', 'time']),
  ),
  SelfSubjectAccessReview: review(message(...access), accessStatus),
  SubjectAccessReview: review(subjectAccess, accessStatus),
  LocalSubjectAccessReview: review(subjectAccess, accessStatus),
  SelfSubjectRulesReview: review(
    message([1, 'namespace', 'string']),
    message([3, 'incomplete', 'bool*'], [4, 'evaluationError', 'string']),
  ),
};
