import type { Answer, Scenario, Step } from '../scenario.ts';
import { get, mergePatch, post, put, remove } from '../scenario.ts';
import { CONFIG_MAPS, GADGETS, SECRETS, SITES, configMap, gadget, site } from './objects.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/{ns}/roles`;
const BINDINGS = `${RBAC}/namespaces/{ns}/rolebindings`;
const CLUSTER_ROLES = `${RBAC}/clusterroles`;
const ACCOUNTS = '/api/v1/namespaces/{ns}/serviceaccounts';

type Rule = {
  apiGroups?: string[];
  resources?: string[];
  verbs: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
};

const role = (name: string, ...rules: Rule[]): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name },
  rules,
});
const clusterRole = (name: string, rules: Rule[], more: object = {}): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name },
  rules,
  ...more,
});
const binding = (name: string, roleName: string, user: string, kind = 'Role'): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name },
  subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
});

/** The same request by somebody else. */
const as = (user: string, step: Step, groups = ''): Step => ({
  ...step,
  headers: { ...step.headers, 'impersonate-user': user, ...(groups && { 'impersonate-group': groups }) },
});
const allowed = ({ status }: Answer): boolean => status === 200;

const WIDGETRY: Rule = {
  apiGroups: ['diff.example.com'],
  resources: ['gadgets'],
  verbs: ['get', 'list', 'watch', 'create', 'patch'],
};

export const authorization: Scenario = {
  name: 'authorization',
  covers: 'RBAC: who may do what, and what those learn who may not',
  steps: [
    post('gadget', GADGETS, gadget('one', { color: 'red', replicas: 1 })),
    post('role', ROLES, role('gadgetry', WIDGETRY)),
    as('jane', get('before it is bound', `${GADGETS}/one`)),
    post('binding', BINDINGS, binding('jane', 'gadgetry', 'jane')),
    as('jane', get('bound', `${GADGETS}/one`, { until: allowed })),
    as('jane', get('list', GADGETS, { view: ({ kind }: { kind: string }) => kind })),
    as('jane', get('list of all namespaces', '/apis/diff.example.com/v1/gadgets')),
    as('jane', get('other namespace', GADGETS.replace('{ns}', 'default'))),
    as('jane', get('missing in another namespace', `${GADGETS.replace('{ns}', 'default')}/missing`)),
    as('jane', get('no such namespace', `${GADGETS.replace('{ns}', 'nowhere')}/missing`)),
    as('jane', get('secret', `${SECRETS}/x`)),
    as('jane', get('no such resource', '/apis/diff.example.com/v1/namespaces/{ns}/nothings')),
    as('jane', get('no such group', '/apis/nowhere.example.com/v1/namespaces/{ns}/nothings')),
    as('jane', get('no such path', '/nowhere')),
    as('jane', get('subresource', `${GADGETS}/one/status`)),
    as('jane', mergePatch('subresource patched', `${GADGETS}/one/status`, { status: {} })),
    as('jane', mergePatch('patched', `${GADGETS}/one`, { spec: { color: 'blue' } })),
    as('jane', put('updated', `${GADGETS}/one`, gadget('one'))),
    as('jane', remove('deleted', `${GADGETS}/one`)),
    as('jane', remove('collection', GADGETS)),
    as('jane', post('created', GADGETS, gadget('two'))),
    as('jane', post('cluster scoped', SITES, site('{ns}', { city: 'x' }))),
    as('jane', get('discovery', '/apis/diff.example.com', { view: ({ kind }: { kind: string }) => kind })),
    as('jane', get('version', '/version', { view: () => 'any' })),
    as('jane', get('namespace', '/api/v1/namespaces/{ns}')),
    as('jane', get('namespaces', '/api/v1/namespaces')),
    as(
      'jane',
      get('impersonation', GADGETS, {
        headers: { 'impersonate-extra-scope': 'x' },
        view: ({ kind }: { kind: string }) => kind,
      }),
    ),
    post(
      'named',
      ROLES,
      role('named', {
        apiGroups: [''],
        resources: ['configmaps'],
        verbs: ['get', 'list', 'watch', 'update', 'delete'],
        resourceNames: ['mine'],
      }),
    ),
    post('named binding', BINDINGS, binding('kim', 'named', 'kim')),
    post('mine', CONFIG_MAPS, configMap('mine')),
    as('kim', get('mine got', `${CONFIG_MAPS}/mine`, { until: allowed })),
    as('kim', get('not mine', `${CONFIG_MAPS}/yours`)),
    as('kim', get('all', CONFIG_MAPS)),
    as(
      'kim',
      get('mine listed', `${CONFIG_MAPS}?fieldSelector=metadata.name%3Dmine`, {
        view: ({ kind }: { kind: string }) => kind,
      }),
    ),
    as('kim', post('create with a name', CONFIG_MAPS, configMap('mine'))),
    as('kim', remove('mine deleted', `${CONFIG_MAPS}/mine`)),
    as('lee', post('escalation', ROLES, role('more', WIDGETRY))),
    post(
      'role maker',
      ROLES,
      role('maker', {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings'],
        verbs: ['*'],
      }),
    ),
    post('maker binding', BINDINGS, binding('lee', 'maker', 'lee')),
    as('lee', get('maker bound', ROLES, { until: allowed, view: ({ kind }: { kind: string }) => kind })),
    as('lee', post('escalates', ROLES, role('more', WIDGETRY))),
    as('lee', post('escalates by binding', BINDINGS, binding('more', 'gadgetry', 'lee'))),
    as('lee', post('binds what there is not', BINDINGS, binding('more', 'nothing', 'lee'))),
    as(
      'lee',
      post(
        'within its means',
        ROLES,
        role('less', { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['get'] }),
      ),
    ),
    mergePatch('other role', `${BINDINGS}/jane`, { roleRef: { name: 'named' } }),
    post('bad verbs', ROLES, role('bad', { apiGroups: [''], resources: ['configmaps'], verbs: [] })),
    post('bad rule', ROLES, role('bad', { verbs: ['get'], nonResourceURLs: ['/x'] })),
    post('no resources', ROLES, role('bad', { apiGroups: [''], verbs: ['get'] })),
    post('bad subject', BINDINGS, {
      ...binding('bad', 'gadgetry', 'x'),
      subjects: [{ kind: 'Robot', name: 'x' }],
    }),
    post(
      'no verb',
      ROLES,
      role('bad', { apiGroups: [null as never], resources: [null as never], verbs: [null as never] }),
    ),
    post('bad role reference', BINDINGS, {
      ...binding('bad', 'gadgetry', 'x'),
      roleRef: { apiGroup: 'x', kind: 'Role', name: 'x' },
    }),
    post('account subject', BINDINGS, {
      ...binding('account', 'gadgetry', 'x'),
      subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: '{ns}' }],
    }),
    as(
      'system:serviceaccount:{ns}:robot',
      get('as an account', GADGETS, { until: allowed, view: ({ kind }: { kind: string }) => kind }),
    ),
    get('anonymous', '/api/v1', {
      headers: { authorization: '' },
      view: ({ kind }: { kind: string }) => kind,
    }),
    get('wrong token', '/api/v1', { headers: { authorization: 'Bearer wrong' } }),
    as('', get('impersonates nobody', '/api/v1', { headers: { 'impersonate-group': 'x' } })),
    remove('tidy', `${BINDINGS}/jane`),
    post(
      'aggregated',
      CLUSTER_ROLES,
      clusterRole('{ns}-sum', [], {
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { sum: '{ns}' } }] },
      }),
    ),
    post('part', CLUSTER_ROLES, {
      ...clusterRole('{ns}-part', [WIDGETRY]),
      metadata: { name: '{ns}-part', labels: { sum: '{ns}' } },
    }),
    get('sum', `${CLUSTER_ROLES}/{ns}-sum`, {
      until: ({ body }) => ((body as { rules?: object[] }).rules ?? []).length > 0,
    }),
    post(
      'paths',
      CLUSTER_ROLES,
      clusterRole('{ns}-paths', [{ nonResourceURLs: ['/metrics', '/x/*'], verbs: ['get'] }]),
    ),
  ],
};

const review = (kind: string, spec: object): object => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind,
  spec,
});
const REVIEWS = '/apis/authorization.k8s.io/v1';
const access = (verb: string, resource: string, more: object = {}): object => ({
  resourceAttributes: { namespace: '{ns}', verb, group: 'diff.example.com', resource, ...more },
});

export const reviews: Scenario = {
  name: 'reviews',
  covers: 'self-reviews, subject reviews, token requests and reviews',
  steps: [
    post('role', ROLES, role('gadgetry', WIDGETRY)),
    post('binding', BINDINGS, binding('jane', 'gadgetry', 'jane')),
    post(
      'may admin',
      `${REVIEWS}/selfsubjectaccessreviews`,
      review('SelfSubjectAccessReview', access('get', 'gadgets')),
    ),
    {
      ...as(
        'jane',
        post(
          'may jane',
          `${REVIEWS}/selfsubjectaccessreviews`,
          review('SelfSubjectAccessReview', access('get', 'gadgets')),
        ),
      ),
      until: ({ body }) => (body as { status?: { allowed?: boolean } }).status?.allowed === true,
    },
    as(
      'jane',
      post(
        'may not jane',
        `${REVIEWS}/selfsubjectaccessreviews`,
        review('SelfSubjectAccessReview', access('delete', 'gadgets')),
      ),
    ),
    as(
      'jane',
      post(
        'paths of jane',
        `${REVIEWS}/selfsubjectaccessreviews`,
        review('SelfSubjectAccessReview', { nonResourceAttributes: { path: '/metrics', verb: 'get' } }),
      ),
    ),
    as(
      'jane',
      post('review of nothing', `${REVIEWS}/selfsubjectaccessreviews`, review('SelfSubjectAccessReview', {})),
    ),
    as(
      'jane',
      post(
        'rules of jane',
        `${REVIEWS}/selfsubjectrulesreviews`,
        review('SelfSubjectRulesReview', { namespace: '{ns}' }),
        {
          view: ({
            kind,
            status,
          }: {
            kind: string;
            status: { resourceRules: { resources: string[] }[] };
          }) => ({
            kind,
            gadgets: status.resourceRules.filter(({ resources }) => resources.includes('gadgets')),
          }),
        },
      ),
    ),
    as(
      'jane',
      post(
        'others',
        `${REVIEWS}/subjectaccessreviews`,
        review('SubjectAccessReview', { user: 'kim', ...access('get', 'gadgets') }),
      ),
    ),
    post(
      'other',
      `${REVIEWS}/subjectaccessreviews`,
      review('SubjectAccessReview', { user: 'jane', ...access('list', 'gadgets') }),
    ),
    post(
      'nobody',
      `${REVIEWS}/subjectaccessreviews`,
      review('SubjectAccessReview', access('list', 'gadgets')),
    ),
    post('local', `${REVIEWS}/namespaces/{ns}/localsubjectaccessreviews`, {
      ...review('LocalSubjectAccessReview', { user: 'jane', ...access('list', 'gadgets') }),
      metadata: { namespace: '{ns}' },
    }),
    as(
      'jane',
      post('who am I', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
      }),
      'devs',
    ),
    get('reviews cannot be listed', `${REVIEWS}/selfsubjectaccessreviews`),
    post('account', ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } }),
    post(
      'token',
      `${ACCOUNTS}/robot/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } },
      {
        view: ({ kind, spec, status }: { kind: string; spec: object; status: { token: string } }) => ({
          kind,
          spec,
          parts: status?.token?.split('.').length,
        }),
      },
    ),
    post('short token', `${ACCOUNTS}/robot/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 10 },
    }),
    post('token of nobody', `${ACCOUNTS}/nobody/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {},
    }),
    post(
      'wrong token',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'wrong' } },
      {
        view: ({ kind, status }: { kind: string; status: { authenticated?: boolean } }) => ({
          kind,
          authenticated: status.authenticated ?? false,
        }),
      },
    ),
  ],
};
