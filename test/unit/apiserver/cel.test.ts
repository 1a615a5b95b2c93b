import { describe, expect, test } from '@jest/globals';
import { compileExpression, compileRe2, escapeField, optional } from '../../../src/cel/index.ts';

const evaluate = (rule: string, self: unknown = null, oldSelf: unknown = null) =>
  compileExpression(rule).evaluate({ self, oldSelf });

describe('the function libraries of Kubernetes', () => {
  test.each([
    // quantity
    [`quantity('1.5Gi').compareTo(quantity('1536Mi')) == 0`],
    [`quantity('100m').add(quantity('0.9')).isInteger()`],
    [`quantity('2k').asInteger() == 2000 && quantity('2k').sub(1).asInteger() == 1999`],
    [`quantity('-1').sign() == -1 && quantity('1e3') == quantity('1k')`],
    [`isQuantity('5Gi') && !isQuantity('5GiB') && !isQuantity('Gi') && !isQuantity('')`],
    [`quantity('0.1').asApproximateFloat() < 0.2`],
    // ip and cidr
    [
      `isIP('10.0.0.1') && !isIP('10.0.0.256') && !isIP('10.0.0.01') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')`,
    ],
    [`ip('10.0.0.1').family() == 4 && ip('2001:db8::1').family() == 6`],
    [`ip('127.1.2.3').isLoopback() && ip('::1').isLoopback() && ip('0.0.0.0').isUnspecified()`],
    [
      `ip('169.254.1.1').isLinkLocalUnicast() && ip('224.0.0.9').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast()`,
    ],
    [`ip('::1') == ip('0:0:0:0:0:0:0:1') && ip('10.0.0.1') != ip('10.0.0.2')`],
    [`ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::0:1')`],
    [`cidr('10.0.0.0/8').containsIP('10.255.0.1') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))`],
    [
      `cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))`,
    ],
    [`cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.2.3/8').prefixLength() == 8`],
    [
      `string(cidr('10.1.2.3/8').ip()) == '10.1.2.3' && string(ip('2001:db8:0:0:1:0:0:1')) == '2001:db8::1:0:0:1'`,
    ],
    [`isCIDR('fd00::/8') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0')`],
    // url
    [`isURL('https://x.example/a?b=c') && isURL('/path') && !isURL('not a url')`],
    [`url('https://u.example:8443/a%20b?k=v').getHost() == 'u.example:8443'`],
    [
      `url('https://u.example:8443/a%20b?k=v').getEscapedPath() == '/a%20b' && url('http://[::1]:80/').getHostname() == '::1'`,
    ],
    // strings and patterns
    [
      `'abc'.matches('^[a-c]+$') && 'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('[0-9]+') == ['1', '22']`,
    ],
    [
      `'AbC'.lowerAscii() == 'abc' && 'AbC'.upperAscii() == 'ABC' && ' a '.trim() == 'a' && 'abc'.reverse() == 'cba'`,
    ],
    [`'a,b,c'.split(',') == ['a', 'b', 'c'] && ['a', 'b'].join('-') == 'a-b' && 'abc'.charAt(1) == 'b'`],
    [
      `'a.b.c'.replace('.', '-') == 'a-b-c' && 'a.b.c'.replace('.', '-', 1) == 'a-b.c' && 'abcd'.substring(1, 3) == 'bc'`,
    ],
    [`'%s has %d of %.1f%%'.format(['x', 3, 2.5]) == 'x has 3 of 2.5%'`],
    // lists and sets
    [
      `[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [1, 2, 3].sum() == 6 && [3, 1].min() == 1 && ['a', 'b'].max() == 'b'`,
    ],
    [`['a', 'b', 'a'].indexOf('a') == 0 && ['a', 'b', 'a'].lastIndexOf('a') == 2 && [1].indexOf(2) == -1`],
    [`sets.contains(['a', 'b'], ['b']) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])`],
    // formats
    [`!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()`],
    [
      `format.dns1123Subdomain().validate('a..b').value().size() == 1 && !format.labelValue().validate('').hasValue()`,
    ],
    [
      `!format.qualifiedName().validate('example.com/My_Name').hasValue() && format.uuid().validate('x').hasValue()`,
    ],
    [`format.named('date').value().validate('2026-13-01').hasValue() && !format.named('none').hasValue()`],
    [`format.dns1035Label().validate('1a') != null`],
    // the language
    [
      `[1, 2, 3].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x == 1) && [1, 2].map(x, x * 2) == [2, 4]`,
    ],
    [`{'a': 1}.all(k, k == 'a') && 'a' in {'a': 1} && size('äöü') == 3 && duration('1h') > duration('59m')`],
    [`"a call of .matches( in a text" != 'sets.contains('`],
  ])('%s', (rule) => {
    expect(evaluate(rule)).toBe(true);
  });

  test.each([
    [`quantity('x')`, /"x" is not a quantity/],
    [`ip('x')`, /"x" is not an IP address/],
    [`self.missing`, /No such key: missing/],
    [`1 / 0`, /division by zero/i],
  ])('%s fails', (rule, message) => {
    expect(() => evaluate(rule, {})).toThrow(message);
  });
});

describe('has()', () => {
  const self = { list: [{ a: { b: 1 } }, {}], map: { k: { b: 2 } }, none: null };
  test.each<[string, boolean]>([
    ['has(self.list)', true],
    ['has(self.gone)', false],
    ['has(self.list[0].a)', true],
    ['has(self.list[1].a)', false],
    ['has(self.list[0].a.b)', true],
    ["has(self.map['k'].b)", true],
    ['self.list.exists_one(one, has(one.a) && has(one.a.b))', true],
    ['has(self.?gone.b)', false],
    ['"has(self" == "has(" + "self"', true],
  ])('%s is %s', (rule, expected) => {
    expect(evaluate(rule, self)).toBe(expected);
  });

  test('on the way everything must be there, and only fields can be asked for', () => {
    expect(() => evaluate('has(self.gone.b)', self)).toThrow(/No such key: gone/);
    expect(() => evaluate('has(self.list.b.c)', self)).toThrow();
    expect(() => compileExpression('has(self)')).toThrow(/invalid argument to has\(\) macro/);
  });
});

test('a transition rule is known by its use of oldSelf, not by a text that mentions it', () => {
  expect(compileExpression('self == oldSelf').usesOldSelf).toBe(true);
  expect(compileExpression(`self == 'oldSelf'`).usesOldSelf).toBe(false);
});

test('an optional oldSelf', () => {
  const rule = `oldSelf.hasValue() ? oldSelf.value() == self : self == 'first'`;
  expect(evaluate(rule, 'first', optional(undefined))).toBe(true);
  expect(evaluate(rule, 'other', optional('other'))).toBe(true);
  expect(evaluate(`oldSelf.orValue('none')`, 'x', optional(undefined))).toBe('none');
});

/** Each would take longer than anybody waits in an engine that backtracks. */
test.each(['^(a+)+$', '^(a+){20}$', '^([a-z]{0,61}a?){0,15}$', '^(a|a)*$', '^(.*?,){11}P$'])(
  'the pattern %s takes linear time',
  (pattern) => {
    expect(evaluate(`self.matches('${pattern}')`, `${'a'.repeat(5000)}!`)).toBe(false);
  },
);

test('RE2 spellings are understood, and what RE2 lacks is refused', () => {
  expect(compileRe2('(?i)^ab\\z').test('AB')).toBe(true);
  expect(compileRe2('^[[:alpha:]]{2,30}$').test('ab')).toBe(true);
  expect(() => compileRe2('(?=x)')).toThrow('invalid or unsupported Perl syntax: `(?=`');
  expect(() => compileRe2('(a)\\1')).toThrow('invalid escape sequence: `\\1`');
  expect(() => compileRe2('a{1001}')).toThrow('invalid repeat count: `{1001}`');
});

test('names that are no identifiers are escaped', () => {
  expect(['namespace', 'a-b', 'x.y/z', 'a__b', 'plain'].map(escapeField)).toEqual([
    '__namespace__',
    'a__dash__b',
    'x__dot__y__slash__z',
    'a__underscores__b',
    'plain',
  ]);
});
