import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES } from '../../protocol/__tests__/records';
import { warnings } from '../unseen';

CODES.forEach(([code, isFound], index) => {
  test(`a warning is given as the kernel would give it: ${index}`, () => {
    assert.equal(warnings(code).length > 0, isFound);
  });
});

test('code in plain letters raises no warning', () => {
  assert.deepEqual(warnings('total = sum(values)  # fine\nprint(f"{total:>8}\\t")'), []);
});

test('a name that mixes other letters in is named, with what it is not', () => {
  assert.deepEqual(warnings('p\u0430yload = 1'), ['“p\u0430yload” is not payload: \u0430 is U+0430 (Cyrillic)']);
});

test('a name wholly in letters drawn like others is named', () => {
  assert.deepEqual(warnings('\u0441\u043e\u0440 = 1'), ['“\u0441\u043e\u0440” is not cop: \u0441 is U+0441 (Cyrillic), \u043e is U+043E (Cyrillic), \u0440 is U+0440 (Cyrillic)']);
});

test('a part of a name between underscores is enough', () => {
  assert.equal(warnings('max_\u0430 = 1').length, 1);
});

test('letters that Python takes for others are named', () => {
  assert.deepEqual(warnings('\uff45\uff56\uff41\uff4c(x)'), ['“\uff45\uff56\uff41\uff4c” is eval to Python']);
});

test('names of formulas and of other languages are fine', () => {
  assert.deepEqual(warnings('Δx = σ_max + λ1 * größe\nцена = 中文 = 1\nµ = π'), []);
});

test('strings and comments may hold any letters', () => {
  assert.deepEqual(warnings(`print('с', "а \\" о", '''сор\n'''  )  # о сор\n"""а"""`), []);
});

test('hidden characters are named once each, wherever they stand', () => {
  assert.deepEqual(warnings('x = "a\u202eb\u202ec"  # \u200b'), ['U+202E: right-to-left override', 'U+200B: zero-width space']);
});

test('emoji, their joiners, and other spaces in texts are fine', () => {
  assert.deepEqual(warnings("print('👩\u200d🔬 ❤\ufe0f 10\xa0km')\r\n"), []);
});

test('code far to the right is named, and a comment there is not', () => {
  const far = ' '.repeat(400);
  assert.deepEqual(warnings(`x = 1${far}; y = 2`), ['code far to the right: ; y = 2']);
  assert.deepEqual(warnings(`x = 1${'\t'.repeat(50)}; y = 2`), ['code far to the right: ; y = 2']);
  assert.deepEqual(warnings(`if True:\n${far}y = 2`), ['code far to the right: y = 2']);
  assert.deepEqual(warnings(`x = '''${far}# '''; y = 2`), ["code far to the right: # '''; y = 2"]);
  assert.deepEqual(warnings(`x = 1${far}# why\ny = call(a,\n${' '.repeat(60)}b)${far}`), []);
});

test('code below blank lines is named', () => {
  assert.deepEqual(warnings(`x = 1${'\n'.repeat(401)}y = 2`), ['code below 400 blank lines: y = 2']);
  assert.deepEqual(warnings(`x = 1${'\r\n \t'.repeat(400)}\ny = 2`), ['code below 400 blank lines: y = 2']);
  assert.deepEqual(warnings(`x = 1${'\n'.repeat(15)}y = 2${'\n'.repeat(400)}`), []);
});

test('long and tangled code is gone through in no time', () => {
  const began = performance.now();
  for (const piece of ['"', "'''", 'а', '\\', '"\\', '\u202e', 'p\u0430_', '#', ' ', '\n', '\t', ' \n', ' '.repeat(50) + '#', ' '.repeat(50) + 'x']) {
    assert.ok(warnings(piece.repeat(1_000_000)).length <= 8);
  }
  assert.ok(performance.now() - began < 5_000);
});
