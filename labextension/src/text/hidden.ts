/** Characters that are invisible or that change how others look. They are written out, so that code reads as it runs. */
import { HIDDEN_CATEGORIES, HIDDEN_RANGES } from '../protocol/generated';

const NAMES: Readonly<Record<number, string>> = {
  0x00a0: 'no-break space',
  0x00ad: 'soft hyphen',
  0x061c: 'Arabic letter mark',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x2028: 'line separator',
  0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'pop directional formatting',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'pop directional isolate',
  0x3164: 'Hangul filler',
  0xfeff: 'byte order mark'
};

const CATEGORIES = HIDDEN_CATEGORIES.map(category => `\\p{${category}}`);
const RANGES = HIDDEN_RANGES.map(([first, last]) => `${escaped(first)}-${escaped(last)}`);

/** Matches one hidden character. Tab, line feed and the usual space are not hidden. */
export const HIDDEN = new RegExp(`(?![\\t\\n ])[${[...CATEGORIES, ...RANGES].join('')}]`, 'u');

function escaped(code: number): string {
  return `\\u{${code.toString(16)}}`;
}

/** Return how a hidden character is written out, e.g. "U+202E", and its name. */
export function describe(code: number): { mark: string; name: string } {
  const mark = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return { mark, name: NAMES[code] ?? 'hidden character' };
}

/** Return a text in pieces: each hidden character as a number, and the texts between them. */
export function pieces(text: string): (string | number)[] {
  const found: (string | number)[] = [];
  let from = 0;
  for (const match of text.matchAll(new RegExp(HIDDEN, 'gu'))) {
    if (match.index > from) {
      found.push(text.slice(from, match.index));
    }
    found.push(match[0].codePointAt(0) ?? 0);
    from = match.index + match[0].length;
  }
  return from < text.length ? [...found, text.slice(from)] : found;
}

/** Return a text with its hidden characters written out in it, e.g. as "⟨U+202E⟩". */
export function written(text: string): string {
  return text.replace(new RegExp(HIDDEN, 'gu'), found => `⟨${describe(found.codePointAt(0) ?? 0).mark}⟩`);
}
