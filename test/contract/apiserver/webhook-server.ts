/** A webhook of a test: an HTTPS server that answers as the test says, and remembers what it was asked. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPki } from '../../../src/apiserver/pki.ts';

export interface Review {
  readonly kind: string;
  readonly apiVersion: string;
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly [field: string]: unknown;
    readonly object: { metadata: Record<string, unknown>; spec: Record<string, unknown> } | null;
    readonly oldObject: { metadata: Record<string, unknown>; spec: Record<string, unknown> } | null;
  };
}

/** A response to wrap, a whole body as it is, a status without a body, or nothing at all. */
export type Reply = { response: object } | { body: string } | { status: number } | 'silence';

type Answering = (review: Review) => Reply | Promise<Reply>;

export interface WebhookServer {
  readonly url: string;
  /** As a configuration has it. */
  readonly caBundle: string;
  readonly asked: Review[];
  /** What every path answers that no other answer was given for. */
  reply(path: string, reply: Answering): void;
  /** Until a caller hangs up before it is answered. */
  hungUp(): Promise<void>;
  close(): Promise<void>;
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-webhook-'));
  const pki = await loadPki(directory, ['127.0.0.1']);
  const replies = new Map<string, Answering>();
  const asked: Review[] = [];
  const server = createServer(
    { key: pki.server.keyPem, cert: pki.server.certificatePem },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('close', () => response.writableFinished || server.emit('hungUp'));
      const answer = async (): Promise<void> => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
        asked.push(review);
        const reply = (await replies.get(new URL(request.url ?? '', 'https://x').pathname)?.(review)) ?? {
          response: { allowed: true },
        };
        if (reply === 'silence') return;
        if ('status' in reply) response.writeHead(reply.status).end();
        else response.end('body' in reply ? reply.body : JSON.stringify(wrapped(review, reply.response)));
      };
      request.on('end', () => void answer());
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caBundle: Buffer.from(pki.caPem).toString('base64'),
    asked,
    hungUp: () => new Promise((resolve) => server.once('hungUp', resolve)),
    reply: (path, reply) => void replies.set(path, reply),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

const wrapped = ({ request: { uid } }: Review, response: object): object => ({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  response: { uid, ...response },
});

export const patchReply = (operations: object[]): Reply => ({
  response: {
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  },
});

export type Kind = 'mutating' | 'validating';

export interface Wanted {
  readonly name?: string;
  readonly url?: string;
  readonly [field: string]: unknown;
}

/** A configuration with one webhook, which is asked about Widgets. */
export const configurationOf = (
  { url: server, caBundle }: WebhookServer,
  kind: Kind,
  { name = 'a', url = `/${name}`, ...more }: Wanted = {},
) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind === 'mutating' ? 'Mutating' : 'Validating'}WebhookConfiguration`,
  metadata: { name },
  webhooks: [
    {
      name: `${name}.hook.example.com`,
      clientConfig: { url: server + url, caBundle },
      rules: [
        { apiGroups: ['test.purlin.dev'], apiVersions: ['*'], operations: ['*'], resources: ['widgets'] },
      ],
      sideEffects: 'None',
      timeoutSeconds: 1,
      admissionReviewVersions: ['v1'],
      ...more,
    },
  ],
});
