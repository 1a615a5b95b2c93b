/**
 * Imports go one way. Each folder of src/ may import itself and the folders named here, and nothing else of ours;
 * a folder that is not named here fails the check until somebody decides where it belongs.
 */
const mayImport = {
  values: [],
  clock: [],
  resources: ['values'],
  plan: ['resources', 'values'],
  store: ['resources', 'values'],
  schedule: ['plan', 'resources', 'values'],
  cel: ['values'],
  telemetry: ['values'],
  host: ['plan', 'resources', 'values', 'telemetry'],
  kinds: ['plan', 'resources', 'values', 'host', 'schedule'],
  queue: ['plan', 'resources', 'values', 'telemetry'],
  agent: ['clock', 'host', 'kinds', 'plan', 'queue', 'resources', 'values', 'telemetry'],
  reconcile: ['clock', 'plan', 'queue', 'resources', 'schedule', 'values', 'telemetry'],
  apiserver: ['cel', 'store', 'resources', 'values', 'telemetry'],
  simulation: [
    'agent',
    'apiserver',
    'clock',
    'host',
    'kinds',
    'plan',
    'queue',
    'reconcile',
    'resources',
    'schedule',
    'store',
    'telemetry',
    'values',
  ],
  compose: ['.*'],
  cli: ['compose', 'resources', 'values', 'telemetry'],
};

const folderRules = Object.entries(mayImport).map(([folder, others]) => ({
  name: `${folder}-imports-only-what-it-may`,
  comment: `src/${folder} may import: ${others.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
}));

/** The files of src/kinds that run on a host rather than plan: executors, and a Machine's domain for libvirt. */
const executing = ['^src/kinds/execut', '^src/kinds/[^/]+/(execute|domain)'];

/** What a host must be able to do; libvirt's port stands beside its real implementation. */
const ports = ['^src/host/ports/', '^src/host/libvirt/(hypervisor-port|domain-spec)'];

export default {
  forbidden: [
    ...folderRules,
    {
      name: 'every-folder-has-its-place',
      comment: 'name the folder in .dependency-cruiser.js, with what it may import',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(mayImport).join('|')})/` },
      to: {},
    },
    {
      name: 'main-calls-the-cli',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/', pathNot: '^src/cli/' },
    },
    {
      name: 'planning-is-pure',
      comment: 'planners see no npm package and no node: module, so no clock, no randomness and no I/O',
      severity: 'error',
      from: { path: '^src/(plan|schedule|kinds)/', pathNot: executing },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'] },
    },
    {
      name: 'only-executors-touch-the-host',
      severity: 'error',
      from: { path: '^src/kinds/', pathNot: executing },
      to: { path: '^src/host/' },
    },
    {
      name: 'executors-know-ports-only',
      comment: 'an executor gets its adapters from compose',
      severity: 'error',
      from: { path: '^src/kinds/' },
      to: { path: '^src/host/', pathNot: ports },
    },
    {
      name: 'kinds-know-no-other-kind',
      comment: 'a Machine sees a Disk through its API object',
      severity: 'error',
      from: { path: '^src/kinds/([^/]+)/' },
      to: { path: '^src/kinds/[^/]+/', pathNot: '^src/kinds/$1/' },
    },
    {
      name: 'the-agent-knows-no-kind-by-name',
      comment: 'it finds executors in their registry',
      severity: 'error',
      from: { path: '^src/agent/' },
      to: { path: '^src/kinds/[^/]+/' },
    },
    {
      name: 'no-cycles',
      comment: 'types may refer to each other in a circle; code that runs may not',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'imports-exist',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'the-product-needs-no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
    {
      name: 'the-product-knows-no-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
