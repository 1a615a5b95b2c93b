const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** In quotes as Go's `%q` has it, without control characters: fit for a header. */
export const goQuoted = (text: string): string => `"${text.replaceAll(/["\\\p{Cc}]/gu, escaped)}"`;

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  const hex = (digits: number): string => code.toString(16).padStart(digits, '0');
  return ESCAPES[character] ?? (code < 0x80 ? `\\x${hex(2)}` : `\\u${hex(4)}`);
}
