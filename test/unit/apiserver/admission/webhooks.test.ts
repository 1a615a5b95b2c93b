import { describe, expect, test } from '@jest/globals';
import { compileWebhooks } from '../../../../src/apiserver/admission/webhook/compile.ts';
import type { CompiledWebhook } from '../../../../src/apiserver/admission/webhook/compile.ts';
import { mutate, validate } from '../../../../src/apiserver/admission/webhook/dispatch.ts';
import { readAnswer } from '../../../../src/apiserver/admission/webhook/review.ts';
import type { Webhook } from '../../../../src/apiserver/admission/spec.ts';
import { around, machine, nobody, request } from './requests.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const parts = { access: nobody, around, logger: silent };

interface Asked {
  request: { uid: string; object: { metadata: { labels: Record<string, string> } } };
}

/** A webhook whose other end answers with these fields of a response; its calls are noted by its letter. */
function webhook(
  letter: string,
  answer: (asked: Asked) => object | Promise<never>,
  more: Webhook = {},
  calls: string[] = [],
): CompiledWebhook {
  const [compiled] = compileWebhooks('configuration', [
    {
      name: `${letter}.hook.example.com`,
      sideEffects: 'None',
      rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['machines'] }],
      ...more,
    },
  ]);
  if (!compiled) throw new Error('it has rules');
  const call = async (review: object): Promise<unknown> => {
    const asked = review as Asked;
    calls.push(`${letter} sees ${Object.keys(asked.request.object.metadata.labels).join(' ') || 'nothing'}`);
    const response = await answer(asked);
    return {
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      response: { uid: asked.request.uid, ...response },
    };
  };
  return { ...compiled, client: { call, close: () => undefined, abort: () => undefined } };
}

const patched = (...operations: object[]): object => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const label = (name: string) => () => patched({ op: 'add', path: `/metadata/labels/${name}`, value: 'x' });
const allow = () => ({ allowed: true });

describe('mutating', () => {
  test.each<[string, [string, () => object, Webhook?][], string[]]>([
    [
      'once each',
      [
        ['a', label('a')],
        ['b', label('b')],
      ],
      ['a sees nothing', 'b sees a'],
    ],
    [
      'again for who asks for it',
      [
        ['a', label('a'), { reinvocationPolicy: 'IfNeeded' }],
        ['b', label('b')],
      ],
      ['a sees nothing', 'b sees a', 'a sees a b'],
    ],
    [
      'not again if nobody changed it afterwards',
      [
        ['a', label('a'), { reinvocationPolicy: 'IfNeeded' }],
        ['b', allow],
      ],
      ['a sees nothing', 'b sees a'],
    ],
    [
      'no third time',
      [
        ['a', label('a'), { reinvocationPolicy: 'IfNeeded' }],
        [
          'b',
          () => patched({ op: 'add', path: '/metadata/labels/b', value: String(Math.random()) }),
          { reinvocationPolicy: 'IfNeeded' },
        ],
        ['c', label('c')],
      ],
      ['a sees nothing', 'b sees a', 'c sees a b', 'a sees a b c', 'b sees a b c'],
    ],
    [
      'not who is not meant',
      [
        ['a', label('a'), { objectSelector: { matchLabels: { z: 'x' } } }],
        ['b', label('b')],
      ],
      ['b sees nothing'],
    ],
  ])('%s', async (_, webhooks, expected) => {
    const calls: string[] = [];
    await mutate(
      webhooks.map(([letter, answer, more]) => webhook(letter, answer, more, calls)),
      request(),
      parts,
    );
    expect(calls).toEqual(expected);
  });

  test('what changes nothing is the very same object', async () => {
    const asked = request();
    const remove = () => patched({ op: 'test', path: '/metadata/name', value: 'web' });
    expect(await mutate([webhook('a', remove)], asked, parts)).toBe(asked.object);
    expect(Object.entries(asked.writer.annotations)).toEqual([
      [
        'mutation.webhook.admission.k8s.io/round_0_index_0',
        '{"configuration":"configuration","webhook":"a.hook.example.com","mutated":false}',
      ],
    ]);
  });

  test('the object that was given is left alone', async () => {
    const asked = request();
    const next = await mutate([webhook('a', label('a'))], asked, parts);
    expect([next?.metadata.labels, asked.object?.metadata.labels]).toEqual([{ a: 'x' }, {}]);
  });

  test('a failure that does not matter is noted', async () => {
    const asked = request();
    const fail = () => Promise.reject(new Error('gone'));
    await mutate([webhook('a', fail, { failurePolicy: 'Ignore' })], asked, parts);
    expect(asked.writer.annotations['failed-open.mutation.webhook.admission.k8s.io/round_0_index_0']).toBe(
      'a.hook.example.com',
    );
    await expect(mutate([webhook('a', fail, { failurePolicy: 'Fail' })], asked, parts)).rejects.toMatchObject(
      {
        code: 500,
        message:
          'Internal error occurred: failed calling webhook "a.hook.example.com": failed to call webhook: gone',
      },
    );
  });

  test('a deletion has nothing to be changed', async () => {
    const asked = request({ operation: 'DELETE', object: undefined, old: machine('web') });
    const blind = { ...webhook('a', label('a')) };
    const call = async (review: object) => {
      const { uid } = (review as Asked).request;
      const response = { uid, ...label('a')() };
      return Promise.resolve({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response });
    };
    await expect(
      mutate([{ ...blind, client: { call, close: () => undefined, abort: () => undefined } }], asked, parts),
    ).rejects.toThrow('attempted to modify the object, which is not supported for this operation');
  });
});

test('of several refusals the first by name counts, and the warnings of all', async () => {
  const asked = request();
  const deny = (message: string) => () => ({ allowed: false, status: { message }, warnings: [message] });
  const slow = async (): Promise<never> => {
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('slow');
  };
  await expect(
    validate([webhook('a', slow), webhook('b', deny('b')), webhook('c', deny('c'))], asked, parts),
  ).rejects.toThrow('failed calling webhook "a.hook.example.com": failed to call webhook: slow');
  expect(asked.writer.warnings).toEqual(['b', 'c']);
});

test('conditions that cannot be told refuse, or do not count', async () => {
  const matchConditions = [{ name: 'c', expression: 'object.spec.x == 1' }];
  const calls: string[] = [];
  await expect(validate([webhook('a', allow, { matchConditions }, calls)], request(), parts)).rejects.toThrow(
    'machines.purlin.dev "web" is forbidden: expression \'object.spec.x == 1\' resulted in error: no such key: spec',
  );
  await validate(
    [webhook('a', allow, { matchConditions, failurePolicy: 'Ignore' }, calls)],
    request(),
    parts,
  );
  expect(calls).toEqual([]);
});

test.each([
  ['a code that is none', { code: 99_999, reason: 'X', message: 'm' }, { code: 400, reason: 'X' }],
  ['a text as code', { code: 'x', reason: 7 }, { code: 400, reason: '' }],
  ['success', { code: 200, reason: 'Success' }, { code: 400, reason: 'Success' }],
])('a refusal with %s', async (_, status, expected) => {
  const deny = () => ({ allowed: false, status });
  await expect(validate([webhook('a', deny)], request(), parts)).rejects.toMatchObject(expected);
});

test.each<[string, unknown, string]>([
  ['nothing', null, 'webhook response was absent'],
  ['a list', [], 'webhook response was absent'],
  ['no response', {}, 'webhook response was absent'],
  ['another uid', { response: { uid: 'x' } }, 'expected response.uid="u", got "x"'],
  [
    'another kind',
    { kind: 'X', apiVersion: 'v1', response: { uid: 'u' } },
    'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got v1, Kind=X',
  ],
  [
    'a merge patch',
    answer({ patch: 'e30=', patchType: 'MergePatch' }),
    'unsupported patch type "MergePatch"',
  ],
  ['a type without patch', answer({ patchType: 'JSONPatch' }), 'response.patchType but not response.patch'],
  ['an undecodable patch', answer({ patch: '!!', patchType: 'JSONPatch' }), 'received undecodable patch'],
  [
    'a patch that is no list',
    answer({ patch: 'e30=', patchType: 'JSONPatch' }),
    'received undecodable patch',
  ],
])('no answer: %s', (_, given, why) => {
  expect(() => readAnswer(given, 'u', 'mutating')).toThrow(why);
});

function answer(response: object): object {
  return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: 'u', ...response } };
}
