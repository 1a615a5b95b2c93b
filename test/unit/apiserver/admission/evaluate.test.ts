import { expect, test } from '@jest/globals';
import { valuesOf } from '../../../../src/apiserver/admission/expressions.ts';
import { compilePolicy } from '../../../../src/apiserver/admission/policy/compile.ts';
import { evaluatePolicy } from '../../../../src/apiserver/admission/policy/evaluate.ts';
import type { Verdict } from '../../../../src/apiserver/admission/policy/evaluate.ts';
import type { PolicySpec } from '../../../../src/apiserver/admission/spec.ts';
import { around, machine, machines, nobody, request } from './requests.ts';

const object = machine('web', { spec: { cpus: 4, ratio: 0.5, memory: '256Mi', list: ['a', 'b'] } });

function verdict(spec: PolicySpec, params: unknown = null): Verdict {
  const given = valuesOf(request({ object }), machines('v1'), {
    namespaceObject: around.namespace('tenant'),
    policy: nobody,
  });
  return evaluatePolicy(compilePolicy('p', spec), { ...given, params });
}

const validation = (expression: string) => ({ validations: [{ expression }] });

test.each([
  ['object.spec.cpus == 4'],
  ['object.spec.ratio < 1.0'],
  ["quantity(object.spec.memory).isLessThan(quantity('1Gi'))"],
  ["object.metadata.name == 'web' && oldObject == null && params == null"],
  ["request.operation == 'CREATE' && request.userInfo.username == 'jane' && !request.dryRun"],
  [
    "request.resource.resource == 'machines' && request.kind.kind == 'Machine' && request.namespace == 'tenant'",
  ],
  ["request.options.kind == 'CreateOptions' && !has(request.subResource)"],
  ["namespaceObject.metadata.labels.team == 'tenant'"],
  ["!authorizer.group('').resource('secrets').namespace('tenant').check('get').allowed()"],
  ["authorizer.serviceAccount('a', 'b').path('/healthz').check('GET').reason() == ''"],
  ["object.spec.list.all(x, x in ['a', 'b'])"],
])('holds: %s', (expression) => {
  expect(verdict(validation(expression)).failures).toEqual([]);
});

test.each<[string, PolicySpec, string]>([
  ['its expression', validation('object.spec.cpus > 4'), 'failed expression: object.spec.cpus > 4'],
  ['its message', { validations: [{ expression: 'false', message: ' no ' }] }, 'no'],
  [
    'what the expression makes',
    {
      validations: [
        { expression: 'false', message: 'no', messageExpression: "'cpus: ' + string(object.spec.cpus)" },
      ],
    },
    'cpus: 4',
  ],
  [
    'its message when that fails',
    { validations: [{ expression: 'false', message: 'no', messageExpression: 'string(object.spec.x)' }] },
    'no',
  ],
  [
    'its message when that has lines',
    { validations: [{ expression: 'false', message: 'no', messageExpression: "'a\\nb'" }] },
    'no',
  ],
  [
    'what went wrong',
    validation('object.spec.x == 1'),
    "expression 'object.spec.x == 1' resulted in error: no such key: x",
  ],
  [
    'what went wrong with a list',
    validation("object.spec.list[2] == 'c'"),
    "expression 'object.spec.list[2] == 'c'' resulted in error: index out of bounds: 2",
  ],
  [
    'what went wrong with a variable',
    { variables: [{ name: 'v', expression: 'object.spec.x' }], ...validation('variables.v == 1') },
    'expression \'variables.v == 1\' resulted in error: composited variable "v" fails to evaluate: no such key: x',
  ],
])('a failure tells %s', (_, spec, message) => {
  expect(verdict(spec).failures).toEqual([{ index: 0, message, reason: '' }]);
});

test('with Ignore, what cannot be told holds, and what does not hold still fails', () => {
  const validations = [{ expression: 'object.spec.x == 1' }, { expression: 'false', reason: 'Forbidden' }];
  expect(verdict({ failurePolicy: 'Ignore', validations }).failures).toEqual([
    { index: 1, message: 'failed expression: false', reason: 'Forbidden' },
  ]);
});

test.each([
  ['false decides', ['object.spec.x == 1', 'false'], []],
  [
    'a failure is one',
    ['true', 'object.spec.x == 1'],
    ["expression 'object.spec.x == 1' resulted in error: no such key: x"],
  ],
  ['all hold', ['true', 'true'], ['failed expression: false']],
])('conditions: %s', (_, conditions, messages) => {
  const matchConditions = conditions.map((expression, i) => ({ name: `c${i}`, expression }));
  const { failures } = verdict({ matchConditions, ...validation('false') });
  expect(failures.map(({ message }) => message)).toEqual(messages);
});

test('variables are made of each other, and parameters are seen', () => {
  const spec = {
    variables: [
      { name: 'most', expression: 'int(params.data.most)' },
      { name: 'over', expression: 'object.spec.cpus > variables.most' },
    ],
    ...validation('!variables.over'),
  };
  expect(verdict(spec, { data: { most: '4' } }).failures).toEqual([]);
  expect(verdict(spec, { data: { most: '3' } }).failures).toHaveLength(1);
});

test('annotations are texts, or left out', () => {
  const auditAnnotations = [
    { key: 'cpus', valueExpression: "'cpus ' + string(object.spec.cpus)" },
    { key: 'none', valueExpression: 'null' },
    { key: 'blank', valueExpression: "' '" },
    { key: 'broken', valueExpression: 'string(object.spec.x)' },
  ];
  const { annotations, annotationFaults } = verdict({ auditAnnotations });
  expect(annotations).toEqual([{ key: 'cpus', value: 'cpus 4' }]);
  expect(annotationFaults).toEqual(["expression 'string(object.spec.x)' resulted in error: no such key: x"]);
});

test('what costs too much ends the evaluation', () => {
  const list = Array.from({ length: 1000 }, (_, i) => i);
  const pairs = {
    validations: [
      { expression: 'params.list.all(a, params.list.all(b, a + b >= 0))' },
      { expression: 'true' },
    ],
  };
  expect(verdict(pairs, { list }).failures).toEqual([
    {
      index: 0,
      message: expect.stringMatching(/operation cancelled: actual cost limit exceeded$/) as never,
      reason: '',
    },
  ]);
  const longer = Array.from({ length: 3000 }, (_, i) => i);
  expect(verdict(pairs, { list: longer }).failures).toMatchObject([
    {
      message: 'validation failed due to running out of cost budget, no further validation rules will be run',
    },
  ]);
});
