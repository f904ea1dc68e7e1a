/** Code that reads otherwise than it runs: characters that cannot be seen, and names drawn like other names. */
import { describe, pieces, HIDDEN } from './hidden';

/** Characters of a text that are gone through, and warnings that are given, at most. */
const MOST = 200_000;
const MOST_WARNINGS = 8;
const MOST_NAME = 60;
const MOST_LETTERS = 3;

/** Letters of other scripts that are drawn like an ASCII one. Formulas use Greek's small letters: only omicron is here. */
const DRAWN_LIKE: Readonly<Record<string, string>> = {
  A: '\u0410\u0391',
  B: '\u0412\u0392',
  C: '\u0421',
  E: '\u0415\u0395',
  G: '\u050c',
  H: '\u041d\u0397',
  I: '\u0406\u0399',
  J: '\u0408',
  K: '\u041a\u039a',
  M: '\u041c\u039c',
  N: '\u039d',
  O: '\u041e\u039f',
  P: '\u0420\u03a1',
  S: '\u0405',
  T: '\u0422\u03a4',
  X: '\u0425\u03a7',
  Y: '\u0423\u04ae\u03a5',
  Z: '\u0396',
  a: '\u0430\u0251',
  c: '\u0441',
  d: '\u0501',
  e: '\u0435',
  g: '\u0261',
  h: '\u04bb\u0570',
  i: '\u0456\u0131',
  j: '\u0458',
  l: '\u04cf',
  n: '\u0578',
  o: '\u043e\u03bf\u0585',
  p: '\u0440',
  q: '\u051b',
  s: '\u0455',
  u: '\u057d',
  w: '\u051d',
  x: '\u0445',
  y: '\u0443'
};
const LETTER = new Map(Object.entries(DRAWN_LIKE).flatMap(([ascii, others]) => letters(others).map(other => [other, ascii])));

/** Strings and comments, in which letters of any script may stand. */
const TEXT = /"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|#[^\n]*/gu;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}]*/gu;
const SCRIPTS = ['Cyrillic', 'Greek', 'Armenian'].map(name => ({ name, has: new RegExp(`\\p{Script=${name}}`, 'u') }));
// What shows in some texts, and is no deceit there: spaces of other widths, and what joins or styles an emoji.
const FINE =
  // eslint-disable-next-line no-misleading-character-class -- single characters are what is looked for
  /[\r\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\ufe0e\ufe0f]|(?<=[^\0-\x7f])[\u200c\u200d](?=[^\0-\x7f])/gu;
const ASCII = /^[\0-\x7f]*$/u;

/** Return a line for each way in which `code` does not read as it runs. */
export function warnings(code: string): string[] {
  const text = code.slice(0, MOST);
  return ASCII.test(text) && !HIDDEN.test(text) ? [] : [...hidden(text), ...names(text)].slice(0, MOST_WARNINGS);
}

function hidden(text: string): string[] {
  const points = pieces(text.replace(FINE, '')).filter(piece => typeof piece === 'number');
  return [...new Set(points)].map(point => {
    const { mark, name } = describe(point);
    return `${mark}: ${name}`;
  });
}

function names(text: string): string[] {
  const found = new Set(text.replace(TEXT, ' ').match(NAME));
  return [...found].filter(deceives).map(explained);
}

/** Whether a name reads as an ASCII name, whole or between two underscores, without being it. */
function deceives(name: string): boolean {
  return name.split('_').some(part => !ASCII.test(part) && ASCII.test(skeleton(part)));
}

function explained(name: string): string {
  const plain = name.normalize('NFKC');
  const shown = name.slice(0, MOST_NAME);
  if (ASCII.test(plain)) {
    return `“${shown}” is ${plain.slice(0, MOST_NAME)} to Python`;
  }
  const drawn = new Set(letters(plain).filter(letter => LETTER.has(letter)));
  const told = [...drawn].slice(0, MOST_LETTERS).map(letter => `${letter} is ${describe(letter.codePointAt(0) ?? 0).mark}${scriptOf(letter)}`);
  return `“${shown}” is not ${skeleton(name).slice(0, MOST_NAME)}: ${told.join(', ')}`;
}

function scriptOf(letter: string): string {
  const script = SCRIPTS.find(({ has }) => has.test(letter));
  return script ? ` (${script.name})` : '';
}

function skeleton(name: string): string {
  return letters(name.normalize('NFKC')).map(letter => LETTER.get(letter) ?? letter).join('');
}

function letters(text: string): string[] {
  return Array.from(text);
}
