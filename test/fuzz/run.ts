/** Sends requests to a server of this process, and looks after each whether what must always hold still holds. */
import { Agent, request } from 'undici';
import { withEmbeddedServer } from '../differential/embedded.ts';
import type { Server } from '../differential/client.ts';
import { witness } from './consistency.ts';
import { diceOf, requestOf } from './requests.ts';
import type { FuzzRequest } from './requests.ts';

export interface Finding {
  readonly seed: number;
  readonly why: string;
  readonly request: FuzzRequest;
}

const MAX_MS = 1000;
/** Answers of 500 and above that a genuine server gives too, word for word. */
const GENUINE: readonly RegExp[] = [
  /Too large resource version/,
  /"message":"failed to create typed patch object /,
  /the spec replicas field \\"[^"]*\\" does not exist/,
];

/** One request for each seed. Those that break a rule, each tried again alone on a new server. */
export async function fuzz(firstSeed: number, count: number): Promise<Finding[]> {
  const findings = await sendAll(Array.from({ length: count }, (_, i) => firstSeed + i));
  const shrunk: Finding[] = [];
  for (const finding of findings) {
    const [alone] = await sendAll([finding.seed]);
    shrunk.push(alone ?? { ...finding, why: `${finding.why} (only after the ones before it)` });
  }
  return shrunk;
}

const sendAll = (seeds: readonly number[]): Promise<Finding[]> =>
  withEmbeddedServer(async (server) => {
    const agent = new Agent({ connect: { ca: server.caPem } });
    const findings: Finding[] = [];
    const watched = await witness(server, agent);
    for (const seed of seeds) {
      const sent = requestOf(diceOf(seed));
      const why = await fault(server, agent, sent);
      if (why) findings.push({ seed, why, request: sent });
    }
    const end = await fault(server, agent, { method: 'GET', path: '/readyz', headers: {}, body: undefined });
    if (end) throw new Error(`the server is not ready any more: ${end}`);
    const untrue = await watched.disagreement();
    if (untrue) throw new Error(untrue);
    await agent.destroy();
    return findings;
  });

async function fault(server: Server, agent: Agent, sent: FuzzRequest): Promise<string | undefined> {
  const lag = longestTurn();
  try {
    const { statusCode, body } = await request(server.url + sent.path, {
      method: sent.method as 'GET',
      dispatcher: agent,
      headers: { authorization: `Bearer ${server.token ?? ''}`, ...sent.headers },
      body: sent.body ?? null,
    });
    const text = await body.text();
    // It tells nothing but its code; whether that is right shows in the words of a GET.
    if (sent.method === 'HEAD' && statusCode >= 500)
      return await fault(server, agent, { ...sent, method: 'GET' });
    if (statusCode >= 500 && !GENUINE.some((one) => one.test(text)))
      return `answered ${statusCode}: ${text.slice(0, 300)}`;
    // Of a document that there is not, a genuine server says nothing either.
    if (statusCode === 404 && text === '' && sent.path.startsWith('/openapi/v3/')) return undefined;
    if (statusCode >= 400 && sent.method !== 'HEAD') return notStatus(statusCode, text);
  } catch (error) {
    return `no answer: ${String(error)}`;
  } finally {
    lag.stop();
  }
  return lag.ms() > MAX_MS ? `the server was busy for ${lag.ms()} ms` : undefined;
}

/** Pages that are not found are told as text outside the API, as by a genuine server. */
function notStatus(code: number, text: string): string | undefined {
  if (text === '404 page not found\n' && code === 404) return undefined;
  try {
    const status = JSON.parse(text) as { kind?: string; code?: number };
    return status.kind === 'Status' && status.code === code
      ? undefined
      : `${code} is no Status: ${text.slice(0, 200)}`;
  } catch {
    return `${code} is no Status: ${text.slice(0, 200)}`;
  }
}

function longestTurn(): { ms(): number; stop(): void } {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 20);
  return {
    ms: () => Math.round(Math.max(longest, performance.now() - last)),
    stop: () => clearInterval(timer),
  };
}
