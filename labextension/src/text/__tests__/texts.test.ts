import assert from 'node:assert/strict';
import { test } from 'node:test';
import { USAGE, bundle } from '../../protocol/__tests__/fakes';
import { type IStep, readStep } from '../../protocol/steps';
import { elapsed, progressWords, recordWords, statusWords, stepName, tokensShort } from '../captions';
import { diffLines } from '../diff';
import { HIDDEN, describe, pieces } from '../hidden';

const diff = (before: string, after: string): string[] =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: ' ', added: '+', removed: '-' }[kind]}${text}`);

test('a diff tells what was added, removed and kept, in order', () => {
  assert.deepEqual(diff('a\nb\nc', 'a\nx\nc\nd'), [' a', '-b', '+x', ' c', '+d']);
  assert.deepEqual(diff('a', 'a'), [' a']);
  assert.deepEqual(diff('', 'a'), ['-', '+a']);
});

test('both texts can be read from their diff', () => {
  const lines = ['a', 'b', '', 'c'];
  let seed = 7;
  const next = (most: number): number => (seed = (seed * 48271) % 2147483647) % most;
  const text = (): string => Array.from({ length: 1 + next(9) }, () => lines[next(4)]).join('\n');
  for (let round = 0; round < 500; round++) {
    const [before, after] = [text(), text()];
    const found = diffLines(before, after);
    const only = (other: string): string =>
      found.filter(line => line.kind !== other).map(line => line.text).join('\n');
    assert.equal(only('added'), before);
    assert.equal(only('removed'), after);
  }
});

test('a diff of long texts takes no table of all their lines', () => {
  const before = Array.from({ length: 20_000 }, (_, line) => `a${line}`).join('\n');
  const after = Array.from({ length: 20_000 }, (_, line) => `b${line}`).join('\n');
  assert.equal(diffLines(before, after).length, 40_000);
});

test('every character that hides or reorders is found', () => {
  const hiding = '\0\x07\r\x1b\x7f\x85\xa0\xad\u061c\u115f\u180e\u200b\u200d\u200f\u2028\u2029\u202a\u202e\u2066\u2069\u2800\u3164\ufe0f\ufeff\uffa0';
  for (const character of [...hiding.split(/(?:)/u), '\u{e0001}', '\u{e0041}', '\u{e0100}', '\ud800']) {
    assert.ok(HIDDEN.test(character), character.codePointAt(0)?.toString(16));
  }
});

test('ordinary text hides nothing', () => {
  for (const character of 'azAZ09 \t\n_()[]{}"\'äöüßéçñøλжщ中文日本語한국어עברית€≤→😀') {
    assert.ok(!HIDDEN.test(character), character);
  }
});

test('a text is taken apart at its hidden characters, and nothing is lost', () => {
  assert.deepEqual(pieces('a\u202eb\u{e0041}'), ['a', 0x202e, 'b', 0xe0041]);
  assert.deepEqual(describe(0x202e), { mark: 'U+202E', name: 'right-to-left override' });
});

test('a record says who decided, whether it was edited, and how long it took', () => {
  const step = readStep(
    bundle({ status: 'done', ok: true, decision: 'edit', by: 'user', seconds: { model: 1.24, decision: 12.4, run: 0.11 } })
  );
  assert.equal(recordWords(step), 'edited and approved by you · model 1.2 s · you 12 s · run 0.1 s');
});

test('a step is called what the kernel calls it, else by its number', () => {
  const name = (fields: Parameters<typeof bundle>[0]): string => stepName(readStep(bundle(fields)));
  assert.equal(name({ number: 3 }), 'Step 3');
  assert.equal(name({ number: 3, title: 'your own cell' }), 'Your own cell');
  assert.equal(name({ title: 'a\u202eb' }), 'A⟨U+202E⟩b');
  assert.equal(name({ title: 'x'.repeat(1_000) }).length, 80);
  assert.equal(name({ title: 'action 1', status: 'answer' }), 'Answer');
  assert.throws(() => name({ title: 7 as unknown as string }));
});

test('a turn is at a step of some number, or at what that is called', () => {
  const turn = { thread: 'main', turn: 1, prompt: '', step: 2, maxSteps: 9, usage: USAGE, seconds: 0 };
  assert.equal(progressWords(turn, null, ' of at most 9'), 'step 2 of at most 9');
  assert.equal(progressWords(turn, readStep(bundle({ title: 'action 1' })), ' of at most 9'), 'action 1');
  assert.equal(progressWords({ ...turn, step: 0 }, null), '');
  assert.equal(progressWords(null, null), '');
});

test('a rejection carries its reason', () => {
  const step = readStep(bundle({ status: 'rejected', decision: 'reject', by: 'user', reason: 'use numpy' }));
  assert.match(recordWords(step), /^rejected by you: use numpy/);
});

test('a step that was interrupted says so', () => {
  const step = (ended: IStep['ended']): string => statusWords(readStep(bundle({ status: 'done', ok: false, ended })), false);
  assert.equal(step('interrupted'), 'interrupted');
  assert.equal(step('error'), 'ran with an error');
  assert.equal(step('timed out'), 'timed out');
});

test('a step that was approved to run elsewhere does not say that it was not run', () => {
  const words = (fields: Record<string, unknown>): string => statusWords(readStep(bundle({ status: 'skipped', ...fields })), false);
  assert.equal(words({ decision: 'approve' }), 'approved');
  assert.equal(words({}), 'not run');
});

test('a step that a notebook shows as waiting is not, once its kernel does not wait', () => {
  assert.equal(statusWords(readStep(bundle()), true), 'waiting for you');
  assert.equal(statusWords(readStep(bundle()), false), 'was not decided');
});

test('times and tokens are short', () => {
  assert.equal(elapsed(3.9), '3 s');
  assert.equal(elapsed(75), '1:15 min');
  assert.equal(tokensShort({ prompt: 3_000, cached: 0, completion: 724, estimated: false, cost: null }), '3,724 tokens');
  assert.equal(tokensShort({ prompt: 12_000, cached: 0, completion: 345, estimated: false, cost: null }), '12.3k tokens');
  assert.equal(tokensShort({ prompt: 3_000, cached: 0, completion: 724, estimated: false, cost: 0.0213 }), '3,724 tokens, $0.0213');
  assert.equal(tokensShort({ prompt: 12_000, cached: 0, completion: 345, estimated: false, cost: 1234.5 }), '12.3k tokens, $1,234.50');
});
