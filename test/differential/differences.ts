/** Where Purlin's server answers otherwise than a genuine one: on purpose, or not mended yet. */
interface Known {
  readonly scenario: string;
  readonly steps: readonly string[];
  /** The field that differs, and those below it; everything of the answer, if it is left out. */
  readonly path?: string;
  readonly reason: string;
}

const GO_WORDING =
  "a fault in what was sent is told in our words instead of those of Go's parsers or of its types";
const GO_ERRORS = 'a genuine server answers 500 to what is the fault of the client';

/** Meant to stay. */
export const DIFFERENCES: readonly Known[] = [
  { scenario: 'admission', steps: ['unbound syntax'], reason: GO_WORDING },
  {
    scenario: 'admission',
    steps: ['policy of nothing'],
    path: 'body.details.causes',
    reason: 'a fault is told once',
  },
  {
    scenario: 'admission',
    steps: ['must all stay'],
    reason: 'of a collection that is deleted, the message names the object that stays',
  },
  {
    scenario: 'apply',
    steps: ['no kind', 'wrong type', 'no yaml'],
    path: 'body.message',
    reason: GO_WORDING,
  },
  { scenario: 'apply', steps: ['unprintable manager'], reason: 'JSON has no \\a to quote a character with' },
  { scenario: 'apply', steps: ['other uid'], path: 'body.details.causes', reason: 'a fault is told once' },
  {
    scenario: 'apply-lists',
    steps: ['empty map'],
    reason: 'a genuine server makes null of a map that loses its last entry, and then refuses it',
  },
  {
    scenario: 'create',
    steps: ['other kind', 'no kind', 'no JSON', 'no object', 'empty', 'wrong type of a field'],
    path: 'body.message',
    reason: GO_WORDING,
  },
  {
    scenario: 'create',
    steps: ['other version'],
    path: 'headers.warning',
    reason: 'the object is refused as a whole; a genuine server warns of its fields besides',
  },
  { scenario: 'create', steps: ['with a uid and a version'], reason: GO_ERRORS },
  {
    scenario: 'definitions',
    steps: [
      'stored version goes',
      'no storage',
      'same version twice',
      'bad default',
      'bad pattern',
      'rule that does not compile',
      'rule of another type',
      'rule that is no condition',
    ],
    reason: GO_WORDING,
  },
  {
    scenario: 'definitions',
    steps: ['bad version name', 'two storage versions'],
    reason: 'what follows from one fault is not told as a second one',
  },
  {
    scenario: 'definitions',
    steps: ['webhook conversion'],
    reason: 'there are no conversion webhooks, and the message says what to do instead',
  },
  { scenario: 'deletion', steps: ['new finalizer'], reason: 'a fault is told once' },
  {
    scenario: 'deletion',
    steps: ['bad options', 'options of another kind'],
    path: 'body.message',
    reason: GO_WORDING,
  },
  {
    scenario: 'deletion',
    steps: ['collection of all namespaces'],
    reason: 'the path exists, and deleting is what it does not allow: 405 says so',
  },
  {
    scenario: 'discovery',
    steps: ['aggregated beta'],
    reason: 'clients of Kubernetes 1.26 to 1.29 know no other form of aggregated discovery',
  },
  {
    scenario: 'discovery',
    steps: ['acceptable is nothing'],
    path: 'body.message',
    reason: 'answers are JSON only',
  },
  {
    scenario: 'tables',
    steps: ['unknown shape', 'cbor'],
    path: 'body.message',
    reason: 'answers are JSON only',
  },
  {
    scenario: 'lists',
    steps: ['bad label selector', 'bad label key', 'bad token', 'bad version', 'bad limit'],
    path: 'body.message',
    reason: GO_WORDING,
  },
  { scenario: 'watches', steps: ['bad selector'], path: 'body.message', reason: GO_WORDING },
  { scenario: 'watches', steps: ['bad version'], reason: GO_ERRORS },
  {
    scenario: 'watches',
    steps: ['watch by its old path'],
    reason: 'deprecated since Kubernetes 1.11; no current client asks for it',
  },
  {
    scenario: 'openapi',
    steps: ['v3 of a group'],
    path: 'body.list.parameters',
    reason: 'shardSelector is an alpha feature',
  },
  {
    scenario: 'openapi',
    steps: ['v3 of a group'],
    path: 'body.operations.3.parameters',
    reason:
      'ignoreStoreReadErrorWithClusterBreakingPotential is an alpha feature, for a store of another kind',
  },
  {
    scenario: 'patch',
    steps: [
      'no object',
      'no JSON',
      'test fails',
      'remove what is not there',
      'bad index',
      'bad operation',
      'no list',
      'yaml as merge',
    ],
    path: 'body.message',
    reason: `${GO_WORDING}, and says what failed`,
  },
  { scenario: 'patch', steps: ['other uid'], path: 'body.details.causes', reason: 'a fault is told once' },
  { scenario: 'patch', steps: ['strategic of a bad directive'], reason: GO_ERRORS },
  { scenario: 'tables', steps: ['wrong shape'], reason: GO_ERRORS },
  { scenario: 'update', steps: ['other uid'], path: 'body.message', reason: 'there is no etcd to speak of' },
  { scenario: 'update', steps: ['bad version'], reason: GO_ERRORS },
  { scenario: 'validation', steps: ['fraction', 'secret of no base64'], reason: GO_WORDING },
  {
    scenario: 'reviews',
    steps: ['review of nothing', 'nobody'],
    reason: 'the message names the kind',
  },
  {
    scenario: 'authorization',
    steps: ['impersonates nobody'],
    path: 'body.message',
    reason: GO_WORDING,
  },
];

/** To be mended. */
export const OPEN: readonly Known[] = [
  {
    scenario: 'definitions',
    steps: ['status'],
    reason: 'PUT of a status without a version is accepted',
  },
  {
    scenario: 'namespaces',
    steps: ['dotted name', 'long name', 'deleted', 'let go'],
    reason: 'names of labels, the grace period of a namespace, and one write too many',
  },
  {
    scenario: 'openapi',
    steps: ['v3 index', 'v3 of a group', 'v2 as protobuf', 'v3 of nothing'],
    reason: 'headers of the documents',
  },
  { scenario: 'tables', steps: ['yaml'], reason: 'no answers in YAML' },
  {
    scenario: 'validation',
    steps: ['secret of a known type'],
    reason: 'Secrets of known types are not checked',
  },
  {
    scenario: 'reviews',
    steps: ['may admin', 'may jane', 'may not jane', 'paths of jane', 'other', 'local'],
    path: 'body.metadata.managedFields',
    reason: 'reviews do not say who manages their fields',
  },
  {
    scenario: 'authorization',
    steps: ['aggregated', 'sum'],
    reason: 'who manages the rules that were aggregated',
  },
  {
    scenario: 'subresources',
    steps: [
      'negative',
      'scale to nothing',
      'replicas seen',
      'scale seen',
      'object',
      'other kind',
      'scale cannot be deleted',
      'nor created',
      'status',
      'status patched',
      'status invalid',
      'same status',
      'status cannot be deleted',
    ],
    reason: 'an unset number of replicas, who manages it, and the wording of refusals',
  },
  {
    scenario: 'events-and-leases',
    steps: [
      'event',
      'by its object',
      'in the other group',
      'new event',
      'in the old group',
      'event of another namespace',
      'lease of no time',
      'lease taken',
      'lease read',
    ],
    reason: 'Events in events.k8s.io and the checks of Leases are missing',
  },
  {
    scenario: 'apply-lists',
    steps: [
      'empty lists',
      'empty again',
      'int or string',
      'order',
      'order of another',
      'order changed',
      'deep',
    ],
    reason: 'follows from the step "empty map"',
  },
  {
    scenario: 'apply-lists',
    steps: ['deep of another', 'deep given up', 'at last'],
    reason: 'follows from the step "empty map"',
  },
  {
    scenario: 'deletion',
    steps: ['finalizer removed'],
    reason: 'one write more: of what the deletion changed besides',
  },
];

/** Whether it is of this that somebody knows. */
export const covers = (known: Known, scenario: string, step: string, path: string): boolean =>
  known.scenario === scenario &&
  known.steps.includes(step) &&
  (known.path === undefined || path === known.path || path.startsWith(`${known.path}.`));

/** What is known to differ there, if anything is. */
export const knownDifference = (scenario: string, step: string, path: string): Known | undefined =>
  [...DIFFERENCES, ...OPEN].find((known) => covers(known, scenario, step, path));
