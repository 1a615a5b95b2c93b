import fc from 'fast-check';

/** Texts that end a line, a value, a quotation or a comment in one of the languages that Purlin writes. */
const fragments = [
  '\n',
  '\r',
  '\r\n',
  '\0',
  '\t',
  ' ',
  '\u0085',
  '\u00a0',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\ud800',
  ',',
  ';',
  '"',
  "'",
  '`',
  '\\',
  '\\n',
  '#',
  '{',
  '}',
  '[',
  '@',
  '$',
  '*',
  '%',
  '=',
  '/',
  '..',
  ':',
  '<',
  '>',
  '&',
  ']]>',
  '-->',
  '&#10;',
  '"/><evil/>',
  'id:*',
  'set:evil',
  '\ndhcp-script=/bin/sh',
  '\nserver=192.0.2.66',
  '# ',
  '{ flush ruleset }',
  '"}}, {"flush": {"ruleset": null}}',
  'json:{"driver":"nbd"}',
] as const;

/** A good value in which something hostile was put, somewhere; or only that. */
export const spoilt = (good: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.oneof(
        fc.constantFrom<string>(...fragments),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
      ),
      fc.nat(good.length),
      fc.constantFrom('inserted', 'replacing', 'twice'),
    )
    .map(([fragment, at, how]) => {
      if (how === 'replacing') return fragment;
      const once = good.slice(0, at) + fragment + good.slice(at);
      return how === 'twice' ? fragment + once : once;
    });
