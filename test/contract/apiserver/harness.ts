import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { Agent, request } from 'undici';
import { startApiServer } from '../../../src/apiserver/index.ts';
import type { ApiServer, ApiServerOptions } from '../../../src/apiserver/index.ts';

export const FIXTURES = new URL('./fixtures', import.meta.url).pathname;
export const WIDGETS = '/apis/test.purlin.dev/v1alpha1/namespaces/default/widgets';

const quiet = {
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, message: string) => console.error(message, fields),
};

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // Test assertions walk into answers of every kind.
  body: Record<string, never> & { [field: string]: unknown };
}

/** A server of its own in a temporary directory, with ways to talk to it. */
export interface TestServer {
  server: ApiServer;
  dataDir: string;
  kubectl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** With YAML or JSON on standard input. */
  kubectlWith(input: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Follows a watch; events arrive in `events`. */
  watch(path: string): Promise<WatchedEvents>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface WatchEvent {
  type: string;
  object: { kind: string; metadata: Record<string, unknown>; [field: string]: unknown };
}

export interface WatchedEvents {
  next(): Promise<WatchEvent | undefined>;
  close(): void;
}

export async function startTestServer(
  crdsDir = FIXTURES,
  options: Partial<Omit<ApiServerOptions, 'dataDir' | 'listen' | 'crdsDir'>> = {},
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'purlin-apiserver-'));
  const start = (port: number) =>
    startApiServer({ dataDir, listen: { host: '127.0.0.1', port }, crdsDir, logger: quiet, ...options });
  let server = await start(0);
  const agent = new Agent({ connect: { ca: server.caPem }, bodyTimeout: 0 });
  const authorization = () => `Bearer ${server.loopbackToken}`;

  const kubectlWith = async (input: string, ...args: string[]) => {
    const env = {
      KUBECONFIG: server.kubeconfigPath,
      HOME: dataDir,
      PATH: process.env['PATH'] ?? '',
      ...editor(args),
    };
    const result = await execa(kubectlBinary(), args, { input, env, extendEnv: false, reject: false });
    return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
  };

  return {
    get server() {
      return server;
    },
    dataDir,
    kubectl: (...args) => kubectlWith('', ...args),
    kubectlWith,
    async call(method, path, body, headers = {}) {
      const json =
        body === undefined || typeof body === 'string' || body instanceof Uint8Array
          ? body
          : JSON.stringify(body);
      const response = await request(server.url + path, {
        method: method as 'GET',
        dispatcher: agent,
        headers: {
          authorization: authorization(),
          ...(json && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: (json as string | undefined) ?? null,
      });
      const text = await response.body.text();
      return {
        status: response.statusCode,
        headers: response.headers,
        body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Answer['body'],
      };
    },
    async watch(path) {
      const controller = new AbortController();
      const response = await request(server.url + path, {
        dispatcher: agent,
        headers: { authorization: authorization() },
        signal: controller.signal,
      });
      const lines = eventLines(response.body);
      return {
        next: async () => (await lines.next()).value as WatchEvent | undefined,
        close: () => controller.abort(),
      };
    },
    async restart() {
      const { port } = server;
      await server.close();
      server = await start(port);
    },
    async stop() {
      await agent.destroy();
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

async function* eventLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as WatchEvent;
  }
}

/** `kubectl edit` is driven by a sed script, given as `--sed=…`. */
function editor(args: string[]): Record<string, string> {
  const at = args.findIndex((arg) => arg.startsWith('--sed='));
  const [script] = at < 0 ? [] : args.splice(at, 1);
  return script ? { EDITOR: `sed -i ${script.slice('--sed='.length)}` } : {};
}

export function kubectlBinary(): string {
  const given = process.env['PURLIN_TEST_KUBECTL'];
  if (given) return given;
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'kubectl'))
    .find(existsSync);
  if (!found) throw new Error('kubectl is not on the PATH; set PURLIN_TEST_KUBECTL to one');
  return found;
}

export const widget = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name, ...metadata },
  spec: { color: 'red', ...spec },
});

export type Meta = { uid: string; resourceVersion: string; generation: number; [field: string]: unknown };
export const meta = ({ body }: Answer): Meta => body['metadata'] as unknown as Meta;

/** A new Widget, which must be let in. */
export async function createWidget(
  api: TestServer,
  name: string,
  spec?: object,
  metadata?: object,
): Promise<Answer> {
  const answer = await api.call('POST', WIDGETS, widget(name, spec, metadata));
  if (answer.status !== 201) throw new Error(`${name}: ${JSON.stringify(answer.body)}`);
  return answer;
}
