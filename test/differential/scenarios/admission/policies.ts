import type { Step } from '../../scenario.ts';
import { apply, get, mergePatch, post, put, remove } from '../../scenario.ts';
import { GADGETS, SITES, gadget, site } from '../objects.ts';
import { DRY, HERE, REGISTRATION, rule, until } from './shared.ts';

const POLICIES = `${REGISTRATION}/validatingadmissionpolicies`;
const BINDINGS = `${REGISTRATION}/validatingadmissionpolicybindings`;

const policy = (name: string, spec: object): object => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name },
  spec: { matchConstraints: { resourceRules: [rule(['gadgets'])] }, ...spec },
});

const binding = (name: string, policyName: string, spec: object = {}): object => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name },
  spec: {
    policyName,
    validationActions: ['Deny'],
    matchResources: { namespaceSelector: HERE },
    ...spec,
  },
});

export const policies: Step[] = [
  post(
    'policy',
    POLICIES,
    policy('{ns}-big', {
      validations: [
        {
          expression: '!has(object.spec.replicas) || object.spec.replicas <= variables.most',
          messageExpression: "'at most ' + string(variables.most) + ' replicas'",
        },
        {
          expression: "object.metadata.name != 'forbidden'",
          reason: 'Forbidden',
          message: 'this name is taken',
        },
        { expression: "object.metadata.name != 'plain'" },
        { expression: "object.metadata.name != 'broken' || object.spec.nothing.at == 1" },
      ],
      variables: [{ name: 'most', expression: '5' }],
      matchConditions: [
        {
          name: 'not-exempt',
          expression: "!(has(object.metadata.labels) && 'exempt' in object.metadata.labels)",
        },
      ],
    }),
  ),
  post('binding', BINDINGS, binding('{ns}-big', '{ns}-big')),
  until('too big', gadget('big', { replicas: 6 }), 422),
  post('forbidden', `${GADGETS}${DRY}`, gadget('forbidden')),
  post('plain', `${GADGETS}${DRY}`, gadget('plain')),
  post('broken', `${GADGETS}${DRY}`, gadget('broken')),
  post('small', `${GADGETS}${DRY}`, gadget('small', { replicas: 5 })),
  post('exempt', `${GADGETS}${DRY}`, gadget('big', { replicas: 6 }, { labels: { exempt: '' } })),
  mergePatch('grown', `${GADGETS}/within`, { spec: { replicas: 7 } }),
  mergePatch('not the status', `${GADGETS}/within/status`, { status: { phase: 'x' } }),
  apply('m', 'applied too big', `${GADGETS}/applied`, gadget('applied', { replicas: 9 })),
  get('policy as stored', `${POLICIES}/{ns}-big`, { view: ({ spec }: { spec: unknown }) => spec }),
  remove('binding gone', `${BINDINGS}/{ns}-big`),
  remove('policy gone', `${POLICIES}/{ns}-big`),
  post(
    'policy with parameters',
    POLICIES,
    policy('{ns}-params', {
      paramKind: { apiVersion: 'diff.example.com/v1', kind: 'Site' },
      matchConstraints: { resourceRules: [rule(['gadgets'], ['CREATE', 'DELETE'])] },
      validations: [
        {
          expression: "request.operation == 'DELETE' || object.metadata.name.startsWith(params.spec.city)",
        },
        {
          expression: "request.operation != 'DELETE' || oldObject.metadata.name != 'within'",
          message: 'it stays',
        },
        {
          expression:
            "authorizer.group('').resource('configmaps').namespace('{ns}').check('create').allowed()",
        },
        { expression: "namespaceObject.metadata.name == '{ns}' && request.userInfo.username != ''" },
      ],
    }),
  ),
  post(
    'its binding',
    BINDINGS,
    binding('{ns}-params', '{ns}-params', {
      paramRef: { name: '{ns}-limits', parameterNotFoundAction: 'Deny' },
    }),
  ),
  until('no parameters', gadget('x'), 422),
  post('parameters', SITES, site('{ns}-limits', { city: 'good-' })),
  until('parameters found', gadget('good-one'), 201),
  post('not as parameters say', `${GADGETS}${DRY}`, gadget('bad-one')),
  remove('must stay', `${GADGETS}/within`),
  remove('must stay dry', `${GADGETS}/within${DRY}`),
  remove('must all stay', GADGETS),
  remove('parameters gone', `${SITES}/{ns}-limits`),
  remove('second binding gone', `${BINDINGS}/{ns}-params`),
  remove('second policy gone', `${POLICIES}/{ns}-params`),
  post(
    'policy of subresources',
    POLICIES,
    policy('{ns}-scale', {
      matchConstraints: { resourceRules: [rule(['gadgets/scale', 'gadgets/status', 'widgets'], ['*'])] },
      validations: [
        { expression: "object.kind != 'Scale' || object.spec.replicas <= 3" },
        { expression: "object.kind != 'Scale' || request.kind.kind == 'Scale'" },
        { expression: "request.subResource != 'status' || object.status.phase != 'Bad'" },
        { expression: "request.resource.resource == 'gadgets' && oldObject.metadata.name == request.name" },
      ],
    }),
  ),
  post('binding of subresources', BINDINGS, binding('{ns}-scale', '{ns}-scale')),
  mergePatch(
    'scaled too far',
    `${GADGETS}/within/scale${DRY}`,
    { spec: { replicas: 4 } },
    {
      until: ({ status }) => status === 422,
    },
  ),
  put('scaled too far by PUT', `${GADGETS}/within/scale`, {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'within', namespace: '{ns}' },
    spec: { replicas: 5 },
  }),
  mergePatch(
    'scaled',
    `${GADGETS}/within/scale${DRY}`,
    { spec: { replicas: 3 } },
    { view: ({ spec }: { spec: unknown }) => spec },
  ),
  mergePatch('bad status', `${GADGETS}/within/status`, { status: { phase: 'Bad' } }),
  mergePatch(
    'good status',
    `${GADGETS}/within/status${DRY}`,
    { status: { phase: 'Good' } },
    { view: ({ status }: { status: unknown }) => status },
  ),
  mergePatch(
    'not the object',
    `${GADGETS}/within${DRY}`,
    { spec: { replicas: 9 } },
    { view: ({ spec }: { spec: unknown }) => spec },
  ),
  remove('binding of subresources gone', `${BINDINGS}/{ns}-scale`),
  remove('policy of subresources gone', `${POLICIES}/{ns}-scale`),
  post(
    'warning policy',
    POLICIES,
    policy('{ns}-warn', { validations: [{ expression: 'false', message: 'think twice' }] }),
  ),
  post(
    'warning binding',
    BINDINGS,
    binding('{ns}-warn', '{ns}-warn', { validationActions: ['Warn', 'Audit'] }),
  ),
  post('warned', `${GADGETS}${DRY}`, gadget('warned'), {
    until: ({ headers }) => headers['warning'] !== undefined,
  }),
  remove('warning binding gone', `${BINDINGS}/{ns}-warn`),
  remove('warning policy gone', `${POLICIES}/{ns}-warn`),
  post('not warned', `${GADGETS}${DRY}`, gadget('warned'), {
    until: ({ headers }) => headers['warning'] === undefined,
  }),
];

export const badPolicies: Step[] = [
  post('unbound syntax', POLICIES, policy('{ns}-bad', { validations: [{ expression: 'object.spec.(' }] })),
  post('unknown variable', POLICIES, policy('{ns}-bad', { validations: [{ expression: 'params.x == 1' }] })),
  post(
    'unknown composed variable',
    POLICIES,
    policy('{ns}-bad', {
      variables: [{ name: 'a', expression: '1' }],
      validations: [{ expression: 'variables.b == 1' }],
    }),
  ),
  post('no bool', POLICIES, policy('{ns}-bad', { validations: [{ expression: "'text'" }] })),
  post(
    'no request field',
    POLICIES,
    policy('{ns}-bad', { validations: [{ expression: "request.nothing == 'x'" }] }),
  ),
  post(
    'no string',
    POLICIES,
    policy('{ns}-bad', { validations: [{ expression: 'true', messageExpression: '1' }] }),
  ),
  post('no validations', POLICIES, policy('{ns}-bad', {})),
  post('no constraints', POLICIES, {
    ...policy('{ns}-bad', { validations: [{ expression: 'true' }], matchConstraints: undefined }),
  }),
  post(
    'no rules',
    POLICIES,
    policy('{ns}-bad', { validations: [{ expression: 'true' }], matchConstraints: { resourceRules: [] } }),
  ),
  post(
    'bad rule',
    POLICIES,
    policy('{ns}-bad', {
      validations: [{ expression: 'true' }],
      matchConstraints: {
        resourceRules: [
          { apiGroups: ['*', 'a'], apiVersions: [''], operations: ['READ'], resources: ['*/*', 'x'] },
        ],
      },
    }),
  ),
  post(
    'bad reason',
    POLICIES,
    policy('{ns}-bad', { validations: [{ expression: 'true', reason: 'Because' }] }),
  ),
  post(
    'bad failure policy',
    POLICIES,
    policy('{ns}-bad', { failurePolicy: 'Perhaps', validations: [{ expression: 'true' }] }),
  ),
  post(
    'bad variable',
    POLICIES,
    policy('{ns}-bad', {
      variables: [{ name: 'a-b', expression: '1' }],
      validations: [{ expression: 'true' }],
    }),
  ),
  post(
    'bad condition',
    POLICIES,
    policy('{ns}-bad', {
      matchConditions: [{ name: '', expression: '1' }],
      validations: [{ expression: 'true' }],
    }),
  ),
  post(
    'bad annotation',
    POLICIES,
    policy('{ns}-bad', { auditAnnotations: [{ key: 'a', valueExpression: '1' }] }),
  ),
  post(
    'policy of nothing',
    POLICIES,
    policy('{ns}-bad', {
      validations: [{}],
      variables: [{}],
      auditAnnotations: [{}],
      matchConditions: [{}],
      paramKind: {},
    }),
  ),
  post('binding of nothing', BINDINGS, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: '{ns}-bad' },
  }),
  post('bad binding', BINDINGS, binding('{ns}-bad', '', { validationActions: [], paramRef: {} })),
  post(
    'contradictory binding',
    BINDINGS,
    binding('{ns}-bad', 'x', {
      validationActions: ['Deny', 'Warn', 'Shout'],
      paramRef: { name: 'a', selector: {}, parameterNotFoundAction: 'Maybe' },
    }),
  ),
];
