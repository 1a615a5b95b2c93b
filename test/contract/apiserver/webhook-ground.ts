/** A server whose Widgets webhooks are asked about, for the tests of one file. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { WIDGETS, startTestServer } from './harness.ts';
import type { Answer, TestServer } from './harness.ts';
import { configurationOf, startWebhookServer } from './webhook-server.ts';
import type { Kind, Wanted, WebhookServer } from './webhook-server.ts';

export const configurations = (kind: Kind): string =>
  `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;

export const widget = (name: string, spec: object = {}): object => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name },
  spec: { color: 'red', ...spec },
});

export interface WebhookGround {
  readonly api: TestServer;
  readonly hook: WebhookServer;
  /** One configuration with one webhook, which is asked about Widgets until the test ends. */
  configure(kind: Kind, wanted?: Wanted): Promise<void>;
  /** Deletes what was configured last. */
  unconfigure(): Promise<Answer>;
  /** Creates a Widget. */
  create(name: string, query?: string): Promise<Answer>;
}

/** Stands before the first test of the file and goes after the last. */
export function webhookGround(): WebhookGround {
  let api: TestServer;
  let hook: WebhookServer;
  const configured: string[] = [];
  beforeAll(async () => {
    [api, hook] = await Promise.all([startTestServer(), startWebhookServer()]);
  });
  afterAll(() => Promise.all([api.stop(), hook.close()]));
  beforeEach(() => void hook.asked.splice(0));
  afterEach(async () => {
    for (const one of configured.splice(0)) await api.call('DELETE', one);
  });
  return {
    get api() {
      return api;
    },
    get hook() {
      return hook;
    },
    configure: async (kind, wanted = {}) => {
      const configuration = configurationOf(hook, kind, wanted);
      const { status, body } = await api.call('POST', configurations(kind), configuration);
      expect({ status, body }).toMatchObject({ status: 201 });
      configured.push(`${configurations(kind)}/${configuration.metadata.name}`);
    },
    unconfigure: () => api.call('DELETE', configured.pop() ?? ''),
    create: (name, query = '') => api.call('POST', `${WIDGETS}?fieldManager=me${query}`, widget(name)),
  };
}
