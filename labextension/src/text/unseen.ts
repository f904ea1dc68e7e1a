/** Code that reads otherwise than it runs: characters that cannot be seen, code out of sight, names drawn like others. */
import { grouped } from './captions';
import { describe, pieces, HIDDEN } from './hidden';

/** Characters of a text that are gone through, and warnings that are given, at most. */
const MOST = 200_000;
const MOST_WARNINGS = 8;
const MOST_NAME = 60;
const MOST_LETTERS = 3;
const MOST_PLACES = 3;
const MOST_REST = 60;

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
// Where a window ends, before the code does. A comment there runs nothing; what looks like one in a string may end it.
const FAR = /(?:(?<=\S)[^\S\n]{41,}|^[^\S\n]{81,})(?:#[^\n'"]*$|(?<code>[^\s]))/gmu;
const BELOW = /^(?:[^\S\n]*\n){21,}[^\S\n]*/gmu;
const ASCII = /^[\0-\x7f]*$/u;

/** Return a line for each way in which `code` does not read as it runs. */
export function warnings(code: string): string[] {
  const text = code.slice(0, MOST);
  const inside = ASCII.test(text) && !HIDDEN.test(text) ? [] : [...hidden(text), ...names(text)];
  return [...outOfSight(text), ...inside].slice(0, MOST_WARNINGS);
}

function outOfSight(text: string): string[] {
  // A blank of Braille is no space to Python, and none to see.
  const laid = text.replaceAll('\r\n', '\n').replaceAll('\u2800', ' ').replaceAll('\t', '        ').trimEnd();
  const far: string[] = [];
  for (const match of laid.matchAll(FAR)) {
    if (match.groups?.code && far.push(`code far to the right: ${rest(laid, match.index + match[0].length - 1)}`) === MOST_PLACES) {
      break;
    }
  }
  const below: string[] = [];
  for (const match of laid.matchAll(BELOW)) {
    const blank = grouped(match[0].split('\n').length - 1);
    if (below.push(`code below ${blank} blank lines: ${rest(laid, match.index + match[0].length)}`) === MOST_PLACES) {
      break;
    }
  }
  return [...far, ...below];
}

/** Return the beginning of the line at `start`. */
function rest(text: string, start: number): string {
  const [line = ''] = text.slice(start, start + MOST_REST).split('\n');
  return line;
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
