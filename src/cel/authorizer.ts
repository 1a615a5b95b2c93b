/** `authorizer` of admission expressions: k8s.io/apiserver/pkg/cel/library/authz.go. */
import type { Environment } from '@marcbachmann/cel-js';

export type AccessToResource = Readonly<
  Record<'verb' | 'group' | 'resource', string> &
    Partial<Record<'subresource' | 'namespace' | 'name', string>>
>;

export interface AccessToPath {
  readonly verb: string;
  readonly path: string;
}

export interface AccessDecision {
  readonly allowed: boolean;
  readonly reason: string;
}

/** Who may do what. */
export interface AccessQuestions {
  ask(wanted: AccessToResource | AccessToPath): AccessDecision;
  /** The same for another: a ServiceAccount. */
  of(namespace: string, name: string): AccessQuestions;
}

export class Authorizer {
  readonly questions: AccessQuestions;
  readonly requestResource: ResourceCheck | null;

  /** `requested` is what the request itself is about. */
  constructor(questions: AccessQuestions, requested?: Omit<AccessToResource, 'verb'>) {
    this.questions = questions;
    this.requestResource = requested ? new ResourceCheck(questions, requested) : null;
  }
}

class PathCheck {
  readonly questions: AccessQuestions;
  readonly path: string;

  constructor(questions: AccessQuestions, path: string) {
    this.questions = questions;
    this.path = path;
  }
}

class GroupCheck {
  readonly questions: AccessQuestions;
  readonly group: string;

  constructor(questions: AccessQuestions, group: string) {
    this.questions = questions;
    this.group = group;
  }
}

class ResourceCheck {
  readonly questions: AccessQuestions;
  readonly wanted: Omit<AccessToResource, 'verb'>;

  constructor(questions: AccessQuestions, wanted: Omit<AccessToResource, 'verb'>) {
    this.questions = questions;
    this.wanted = wanted;
  }

  narrowed(more: Partial<AccessToResource>): ResourceCheck {
    return new ResourceCheck(this.questions, { ...this.wanted, ...more });
  }
}

class Decision {
  readonly allowed: boolean;
  readonly reason: string;

  constructor({ allowed, reason }: AccessDecision) {
    this.allowed = allowed;
    this.reason = reason;
  }
}

function given(text: string, what: string): string {
  if (text.trim() === '') throw new TypeError(`${what} must not be empty`);
  return text;
}

type Handler = (...values: never[]) => unknown;

const FUNCTIONS: Record<string, Handler> = {
  'Authorizer.path(string): PathCheck': ({ questions }: Authorizer, path: string) =>
    new PathCheck(questions, given(path, 'path')),
  'Authorizer.group(string): GroupCheck': ({ questions }: Authorizer, group: string) =>
    new GroupCheck(questions, group),
  'Authorizer.serviceAccount(string, string): Authorizer': (
    { questions }: Authorizer,
    namespace: string,
    name: string,
  ) => new Authorizer(questions.of(given(namespace, 'namespace'), given(name, 'name'))),
  'GroupCheck.resource(string): ResourceCheck': ({ questions, group }: GroupCheck, resource: string) =>
    new ResourceCheck(questions, { group, resource: given(resource, 'resource') }),
  'ResourceCheck.subresource(string): ResourceCheck': (check: ResourceCheck, subresource: string) =>
    check.narrowed({ subresource }),
  'ResourceCheck.namespace(string): ResourceCheck': (check: ResourceCheck, namespace: string) =>
    check.narrowed({ namespace }),
  'ResourceCheck.name(string): ResourceCheck': (check: ResourceCheck, name: string) =>
    check.narrowed({ name }),
  // Rules of RBAC know no selectors: whoever may read all may read some.
  'ResourceCheck.fieldSelector(string): ResourceCheck': (check: ResourceCheck) => check,
  'ResourceCheck.labelSelector(string): ResourceCheck': (check: ResourceCheck) => check,
  'ResourceCheck.check(string): Decision': ({ questions, wanted }: ResourceCheck, verb: string) =>
    new Decision(questions.ask({ ...known(wanted), verb })),
  'PathCheck.check(string): Decision': ({ questions, path }: PathCheck, verb: string) =>
    new Decision(questions.ask({ path: path.startsWith('/') ? path : `/${path}`, verb: verb.toLowerCase() })),
  'Decision.allowed(): bool': ({ allowed }: Decision) => allowed,
  'Decision.reason(): string': ({ reason }: Decision) => reason,
  'Decision.errored(): bool': () => false,
  'Decision.error(): string': () => '',
};

/** An empty name stands for none. */
const known = ({
  group,
  resource,
  ...narrower
}: Omit<AccessToResource, 'verb'>): Omit<AccessToResource, 'verb'> => ({
  group,
  resource,
  ...Object.fromEntries(Object.entries(narrower).filter(([, value]) => value !== '')),
});

export function registerAuthorizer(environment: Environment): void {
  environment.registerType('Decision', { ctor: Decision, fields: {} });
  environment.registerType('PathCheck', { ctor: PathCheck, fields: {} });
  environment.registerType('ResourceCheck', { ctor: ResourceCheck, fields: {} });
  environment.registerType('GroupCheck', { ctor: GroupCheck, fields: {} });
  environment.registerType('Authorizer', { ctor: Authorizer, fields: { requestResource: 'ResourceCheck' } });
  for (const [signature, handler] of Object.entries(FUNCTIONS)) {
    environment.registerFunction(signature, handler as (...values: unknown[]) => unknown);
  }
}
