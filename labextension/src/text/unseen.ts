/** Finds code that does not read as it runs: hidden characters, code out of sight, and names that look like others. */
import { FAR_GAP, FAR_INDENT, LOOK_ALIKES, MANY_BLANK_LINES, MOST_OUT_OF_SIGHT } from '../protocol/generated';
import { grouped } from './captions';
import { HIDDEN, describe, pieces } from './hidden';

/** Characters of a text that are searched, and warnings that are given, at most. */
const MOST = 200_000;
const MOST_WARNINGS = 8;
const MOST_NAME = 60;
const MOST_LETTERS = 3;
const MOST_REST = 60;

const LETTER = new Map(Object.entries(LOOK_ALIKES).flatMap(([ascii, others]) => letters(others).map(other => [other, ascii])));

/** Strings and comments, in which letters of any script may stand. */
const TEXT = /"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|#[^\n]*/gu;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}]*/gu;
const SCRIPTS = ['Cyrillic', 'Greek', 'Armenian'].map(name => ({ name, has: new RegExp(`\\p{Script=${name}}`, 'u') }));
// Characters that deceive nobody in some texts: spaces of other widths, and what joins or styles an emoji.
const FINE =
  // eslint-disable-next-line no-misleading-character-class -- single characters are what is looked for
  /[\r\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\ufe0e\ufe0f]|(?<=[^\0-\x7f])[\u200c\u200d](?=[^\0-\x7f])/gu;
// Code beyond the edge of a window. A comment there runs nothing; text that looks like one in a string may end it.
const FAR = new RegExp(
  `(?:(?<=\\S)[^\\S\\n]{${FAR_GAP},}|^[^\\S\\n]{${FAR_INDENT},})(?:#[^\\n'"]*$|(?<code>[^\\s]))`,
  'gmu'
);
const BELOW = new RegExp(`^(?:[^\\S\\n]*\\n){${MANY_BLANK_LINES},}[^\\S\\n]*`, 'gmu');
const ASCII = /^[\0-\x7f]*$/u;

/** Return a line for each way in which `code` does not read as it runs. */
export function warnings(code: string): string[] {
  const text = code.slice(0, MOST);
  const inside = ASCII.test(text) && !HIDDEN.test(text) ? [] : [...hidden(text), ...names(text)];
  return [...outOfSight(text), ...inside].slice(0, MOST_WARNINGS);
}

function outOfSight(text: string): string[] {
  // The blank of Braille is not a space to Python, and invisible.
  const lines = text.replaceAll('\r\n', '\n').replaceAll('\u2800', ' ').replaceAll('\t', '        ').trimEnd();
  const far: string[] = [];
  for (const match of lines.matchAll(FAR)) {
    if (match.groups?.code) {
      far.push(`code far to the right: ${rest(lines, match.index + match[0].length - 1)}`);
    }
    if (far.length === MOST_OUT_OF_SIGHT) {
      break;
    }
  }
  const below: string[] = [];
  for (const match of lines.matchAll(BELOW)) {
    const blank = grouped(match[0].split('\n').length - 1);
    below.push(`code below ${blank} blank lines: ${rest(lines, match.index + match[0].length)}`);
    if (below.length === MOST_OUT_OF_SIGHT) {
      break;
    }
  }
  return [...far, ...below];
}

/** Return the beginning of the line that starts at `start`. */
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

/** Return whether a name, or a part of it between underscores, looks like an ASCII name and is another one. */
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
  const named = [...drawn]
    .slice(0, MOST_LETTERS)
    .map(letter => `${letter} is ${describe(letter.codePointAt(0) ?? 0).mark}${scriptOf(letter)}`);
  return `“${shown}” is not ${skeleton(name).slice(0, MOST_NAME)}: ${named.join(', ')}`;
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
