import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './client.ts';
import type { Server } from './client.ts';
import { Normaliser } from './normalise.ts';
import { CRDS } from './scenarios/crds.ts';
import type { Answer, Scenario, Step } from './scenario.ts';

/** Normalised answers of one scenario, by the name of the step. */
export type Answers = Readonly<Record<string, Answer>>;

const PATIENCE_MS = 10_000;
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Plays all scenarios, each in a new namespace of its own, which it leaves behind with all that is in it. */
export async function play(server: Server, scenarios: readonly Scenario[]): Promise<Map<string, Answers>> {
  const client = new Client(server);
  try {
    await defineKinds(client);
    const answers = new Map<string, Answers>();
    for (const scenario of scenarios) answers.set(scenario.name, await playOne(client, scenario));
    return answers;
  } finally {
    await client.close();
  }
}

async function playOne(client: Client, { name: scenario, steps }: Scenario): Promise<Answers> {
  const ns = `diff-${scenario}-${randomBytes(3).toString('hex')}`;
  const made = await client.send({
    name: 'namespace',
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } },
  });
  if (made.status !== 201) throw new Error(`namespace ${ns}: ${JSON.stringify(made.body)}`);
  const raw: Record<string, unknown> = {};
  const normaliser = new Normaliser(ns);
  const answers: Record<string, Answer> = {};
  for (const step of steps) {
    if (step.name in answers) throw new Error(`${scenario} has two steps "${step.name}"`);
    const filled = fill(step, { ns, ...raw }, `${scenario}, ${step.name}`);
    const answer = await sendUntil(client, filled);
    raw[step.name] = answer.body;
    answers[step.name] = normaliser.normalise({
      ...answer,
      body: step.view ? step.view(answer.body as never) : answer.body,
    });
  }
  return answers;
}

async function sendUntil(client: Client, step: Step): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await client.send(step);
    if (!step.until || step.until(answer) || performance.now() > deadline) return answer;
    await delay(50);
  }
}

/** Every kind that scenarios use is served before the first begins. */
async function defineKinds(client: Client): Promise<void> {
  for (const definition of CRDS) {
    const { name } = definition.metadata;
    const made = await client.send({ name, method: 'POST', path: DEFINITIONS, body: definition });
    if (made.status !== 201 && made.status !== 409 && made.status !== 405)
      throw new Error(`definition ${name}: ${JSON.stringify(made.body)}`);
    const { group, names, scope, versions } = definition.spec;
    const where = scope === 'Namespaced' ? '/namespaces/default' : '';
    for (const version of versions) {
      const path = `/apis/${group}/${version.name}${where}/${names.plural}`;
      const listed = await sendUntil(client, {
        name,
        method: 'GET',
        path,
        until: ({ status }) => status === 200,
      });
      if (listed.status !== 200) throw new Error(`${path} is not served: ${JSON.stringify(listed.body)}`);
    }
  }
}

/** The step with its placeholders filled in. */
function fill(step: Step, values: Readonly<Record<string, unknown>>, where: string): Step {
  const text = (template: string): string =>
    template.replaceAll(/\{([a-z][\w-]*(?:\.[\w/-]+)*)\}/g, (_whole, path: string) => {
      const found = path
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], values);
      if (found === undefined) throw new Error(`${where}: there is no {${path}}`);
      return typeof found === 'string' ? found : JSON.stringify(found);
    });
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(deep);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), deep(item)]));
  };
  return {
    ...step,
    path: text(step.path),
    ...(step.headers && { headers: deep(step.headers) as Record<string, string> }),
    ...(step.body !== undefined && { body: deep(step.body) }),
  };
}
