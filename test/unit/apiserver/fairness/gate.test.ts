/** What a request holds is given back, also when its client has gone before anything was sent. */
import { expect, test } from '@jest/globals';
import type { Attributes } from '../../../../src/apiserver/authz/attributes.ts';
import { Gate } from '../../../../src/apiserver/fairness/gate.ts';
import type { ApiResponse, UserRequest } from '../../../../src/apiserver/http.ts';

const jane = { name: 'jane', groups: ['system:authenticated'] };

async function entered(verb: 'watch' | 'list') {
  const gate = new Gate(() => 0);
  const client = new AbortController();
  const asked = {
    user: jane,
    query: new URLSearchParams(),
    bodyBytesAtMost: 0,
    gone: client.signal,
  } as unknown as UserRequest;
  const wanted = { verb, group: '', resource: 'configmaps', namespace: 'default' } as unknown as Attributes;
  return { gate, client, pass: await gate.enter(asked, wanted) };
}

const held = ({ seats, watches }: Gate['load']) => ({ seats, watches });
const pieces = (async function* () {})() as AsyncIterable<string>;

test.each<['watch' | 'list', string, ApiResponse]>([
  ['watch', 'a stream that is never begun', { status: 200, stream: () => Promise.resolve() }],
  ['list', 'a long body', { status: 200, body: 'x'.repeat(100_000) }],
  ['list', 'a body in pieces', { status: 200, body: pieces }],
])('a %s: %s', async (verb, _, answer) => {
  const late = await entered(verb);
  late.pass.leaveWith(answer);
  expect(late.gate.load.seats).toBe(1);
  late.client.abort();
  expect(held(late.gate.load)).toEqual({ seats: 0, watches: 0 });
  const early = await entered(verb);
  early.client.abort();
  early.pass.leaveWith(answer);
  expect(held(early.gate.load)).toEqual({ seats: 0, watches: 0 });
});
