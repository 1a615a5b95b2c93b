import { describe, expect, test } from '@jest/globals';
import { compileWebhooks } from '../../../../src/apiserver/admission/webhook/compile.ts';
import type { CompiledWebhook } from '../../../../src/apiserver/admission/webhook/compile.ts';
import { mutate, validate } from '../../../../src/apiserver/admission/webhook/dispatch.ts';
import {
  decodeAnswer,
  operationsOf,
  verifiedAnswer,
} from '../../../../src/apiserver/admission/webhook/review.ts';
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
  [
    'a long text',
    { message: 'm'.repeat(100_000), reason: 'R'.repeat(1000) },
    {
      message: `admission webhook "a.hook.example.com" denied the request: ${'m'.repeat(32 * 1024)}`,
      reason: 'R'.repeat(256),
    },
  ],
  [
    'details',
    { details: { name: 'n', retryAfterSeconds: 3, causes: [{ field: 'f', x: 1 }], extra: {} } },
    { details: { name: 'n', retryAfterSeconds: 3, causes: [{ field: 'f' }] } },
  ],
  [
    'long details',
    { details: { causes: Array.from({ length: 5000 }, () => ({ message: 'again' })) } },
    { details: undefined },
  ],
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
    answer({ patch: 'W3t9XQ==', patchType: 'MergePatch' }),
    'unsupported patch type "MergePatch"',
  ],
  ['a type without patch', answer({ patchType: 'JSONPatch' }), 'response.patchType but not response.patch'],
  [
    'an undecodable patch',
    answer({ patch: '!!', patchType: 'JSONPatch' }),
    'illegal base64 data at input byte 0',
  ],
  [
    'a patch that is no list',
    answer({ patch: 'e30=', patchType: 'JSONPatch' }),
    'received undecodable patch',
  ],
  [
    'a patch of no operations',
    answer({ patch: 'WzFd', patchType: 'JSONPatch' }),
    'an operation is no object',
  ],
])('no answer: %s', (_, given, why) => {
  expect(() => operationsOf(verifiedAnswer(given, decodeAnswer(given), 'u', 'mutating'))).toThrow(why);
});

test.each<[object, string]>([
  [{ warnings: [1] }, 'number into Go struct field AdmissionResponse.response.warnings of type string'],
  [{ warnings: 'a' }, 'string into Go struct field AdmissionResponse.response.warnings of type []string'],
  [
    { auditAnnotations: { a: 1 } },
    'number into Go struct field AdmissionResponse.response.auditAnnotations of type string',
  ],
  [
    { auditAnnotations: [] },
    'array into Go struct field AdmissionResponse.response.auditAnnotations of type map[string]string',
  ],
  [{ allowed: 'true' }, 'string into Go struct field AdmissionResponse.response.allowed of type bool'],
  [{ status: true }, 'bool into Go struct field AdmissionResponse.response.status of type v1.Status'],
  [{ status: { code: '403' } }, 'string into Go struct field Status.response.status.code of type int32'],
  [{ status: { code: 1.5 } }, 'number 1.5 into Go struct field Status.response.status.code of type int32'],
  [
    { status: { code: 9999999999 } },
    'number 9999999999 into Go struct field Status.response.status.code of type int32',
  ],
  [
    { status: { details: [] } },
    'array into Go struct field Status.response.status.details of type v1.StatusDetails',
  ],
  [
    { status: { details: { retryAfterSeconds: '1' } } },
    'string into Go struct field StatusDetails.response.status.details.retryAfterSeconds of type int32',
  ],
  [
    { status: { details: { causes: ['a'] } } },
    'string into Go struct field StatusDetails.response.status.details.causes of type v1.StatusCause',
  ],
  [{ patch: 1 }, 'number into Go struct field AdmissionResponse.response.patch of type []uint8'],
])('no answer, since its fields are of other types: %j', (response, why) => {
  expect(() => decodeAnswer(answer(response))).toThrow(`json: cannot unmarshal ${why}`);
});

test('what is null is absent', () => {
  const nothing = { allowed: null, warnings: null, auditAnnotations: null, status: { details: null } };
  expect(decodeAnswer(answer(nothing))).toEqual({ uid: 'u', status: {} });
  expect(decodeAnswer(answer({ warnings: [null], auditAnnotations: { a: null } }))).toEqual({
    uid: 'u',
    warnings: [''],
    auditAnnotations: { a: '' },
  });
});

test('what a webhook has to say is taken as far as there is room', async () => {
  const asked = request();
  const long = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key-${i}`, 'v'.repeat(1000)]));
  const say = () => ({
    allowed: true,
    warnings: Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(20_000, 'w')),
    auditAnnotations: { '/no/key': 'x', first: 'wins', big: 'b'.repeat(100_000), ...long },
  });
  const later = () => ({ allowed: true, auditAnnotations: { first: 'does not' } });
  await mutate([webhook('a', say), { ...webhook('a', later) }], asked, parts);
  const { warnings, annotations } = asked.writer;
  expect([warnings.length, warnings[0]?.length]).toEqual([100, 8192]);
  expect(Object.keys(annotations)).toHaveLength(256);
  expect(annotations['a.hook.example.com/first']).toBe('wins');
  expect(annotations['a.hook.example.com/big']).toHaveLength(64 * 1024);
  expect(Object.keys(annotations)).not.toContain('a.hook.example.com//no/key');
});

describe('a patch is no way around what a client may do', () => {
  const big = { op: 'add', path: '/spec', value: { big: 'x'.repeat(1000) } };
  const copies = Array.from({ length: 4000 }, (_, i) => ({
    op: 'copy',
    from: '/spec/big',
    path: `/spec/c${i}`,
  }));
  const wide = Array.from({ length: 100 }, () => 1);
  test.each<[string, object[], string]>([
    [
      'too many operations',
      Array.from({ length: 10_001 }, () => big),
      'maximum operations in a JSON patch is 10000',
    ],
    ['too many copies', [big, ...copies], 'the accumulated size increase of copy is'],
    ['a deep path', [{ op: 'add', path: '/a'.repeat(300), value: 1 }], '300 levels deep: limit is 200'],
    [
      'many values',
      Array.from({ length: 700 }, () => ({ op: 'add', path: '/a', value: wide })),
      'fields and items',
    ],
    ['a path that is not there', [{ op: 'remove', path: '/none' }], 'there is no "none"'],
    ['no object left', [{ op: 'replace', path: '', value: 1 }], 'leaves no object'],
    ['metadata that are none', [{ op: 'replace', path: '/metadata', value: 'x' }], 'no object as metadata'],
  ])('%s', async (_, operations, why) => {
    const hostile = webhook('a', () => patched(...operations), { failurePolicy: 'Ignore' });
    await expect(mutate([hostile], request(), parts)).rejects.toMatchObject({
      code: 500,
      message: expect.stringMatching(new RegExp(`^Internal error occurred: .*${why}`)) as never,
    });
  });

  test('one that cannot be read may be ignored', async () => {
    const broken = () => ({ allowed: true, patchType: 'JSONPatch', patch: 'e30=' });
    const asked = request();
    expect(await mutate([webhook('a', broken, { failurePolicy: 'Ignore' })], asked, parts)).toBe(
      asked.object,
    );
    await expect(mutate([webhook('a', broken)], asked, parts)).rejects.toThrow(
      'Internal error occurred: failed calling webhook "a.hook.example.com": received undecodable patch in webhook response: ',
    );
  });
});

function answer(response: object): object {
  return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: 'u', ...response } };
}
