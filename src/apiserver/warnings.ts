/** `Warning` headers: https://www.rfc-editor.org/rfc/rfc7234#section-5.5, cut as k8s.io/apiserver cuts them. */

/** Clients give up on answers with very many headers: Node's at 128. */
const MAX_WARNINGS = 100;
/** What all of them may have before each is cut, and what each may have then. */
const MAX_CHARACTERS = 4096;
const MAX_CHARACTERS_WHEN_CUT = 256;

/** As Go counts them. */
const charactersOf = (text: string): string[] => Array.from(text);

/** One for each text that can be sent, in their order. */
export function warningHeaders(warnings: readonly string[]): string[] {
  const texts = [...new Set(warnings)].filter((text) => text !== '' && !/\p{Cc}/u.test(text));
  const total = texts.reduce((sum, text) => sum + charactersOf(text).length, 0);
  if (total <= MAX_CHARACTERS) return texts.slice(0, MAX_WARNINGS).map(header);
  const cut = texts.map((text) => charactersOf(text).slice(0, MAX_CHARACTERS_WHEN_CUT));
  let sent = 0;
  const fitting = cut.filter(({ length }) => (sent += length) - length < MAX_CHARACTERS);
  return fitting.slice(0, MAX_WARNINGS).map((characters) => header(characters.join('')));
}

/** UTF-8 goes over the wire as it is, which Node wants spelled as Latin-1. */
function header(text: string): string {
  const quoted = `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
  return `299 - ${Buffer.from(quoted).toString('latin1')}`;
}
