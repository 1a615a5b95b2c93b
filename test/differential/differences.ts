/** Where Purlin's server answers otherwise than a genuine one: on purpose, or not mended yet. */
export interface Known {
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
    scenario: 'subresources',
    steps: ['other kind'],
    path: 'body.message',
    reason: GO_WORDING,
  },
  {
    scenario: 'subresources',
    steps: ['status invalid'],
    path: 'body.details.causes.2.message',
    reason: 'the message names the whole path, as it does in writes of the object itself',
  },
  {
    scenario: 'authorization',
    steps: ['aggregated'],
    path: 'body.metadata.managedFields.0.fieldsV1.f:rules',
    reason: 'an empty list is as good as none, and nobody manages it',
  },
  {
    scenario: 'authorization',
    steps: ['impersonates nobody'],
    path: 'body.message',
    reason: GO_WORDING,
  },
];

/** To be mended. */
export const OPEN: readonly Known[] = [];

/** Whether it is of this that somebody knows. */
export const covers = (known: Known, scenario: string, step: string, path: string): boolean =>
  known.scenario === scenario &&
  known.steps.includes(step) &&
  (known.path === undefined || path === known.path || path.startsWith(`${known.path}.`));

/** What is known to differ there, if anything is. */
export const knownDifference = (scenario: string, step: string, path: string): Known | undefined =>
  [...DIFFERENCES, ...OPEN].find((known) => covers(known, scenario, step, path));
