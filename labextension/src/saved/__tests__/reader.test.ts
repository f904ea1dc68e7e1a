import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELLS, CELL_STEPS, SESSION } from '../../protocol/__tests__/records';
import { type ISavedCell, type Mark, readCells, readHead } from '../reader';

const cell = (metadata: unknown, source = ''): ISavedCell => ({ metadata, source: () => source });
const prompt = (text: string, turn: Record<string, unknown> = {}): ISavedCell => cell({ kind: 'prompt', text, turn });
const step = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({ reply: { text: '' }, ...fields });
const RAN = { action: {}, decision: { verdict: 'approve' }, observation: { status: 'ok' } };
const action = (fields: Record<string, unknown> = {}, source = 'x = 1'): ISavedCell =>
  cell({ kind: 'action', step: step({ ...RAN, ...fields }) }, source);
const marks = (...cells: ISavedCell[]): readonly (Mark | null)[] => readCells(cells).marks;

function stepOf(mark: Mark | null | undefined): Extract<Mark, { is: 'step' }>['step'] {
  assert.ok(mark?.is === 'step');
  return mark.step;
}

test('a notebook is a session only where it says so, in our version', () => {
  assert.deepEqual(readHead({ codeact: 1, started: '2026-01-02', home: '..' }), { started: '2026-01-02', home: '..' });
  for (const about of [undefined, null, 'x', [], {}, { codeact: 2 }, { codeact: '1' }, { codeact: 1, home: ['..'] }]) {
    assert.equal(readHead(about), null);
  }
});

test('a session is read as it is saved', () => {
  assert.deepEqual(readHead(SESSION), { started: SESSION.started, home: '..' });
  const cells = CELLS.map(({ metadata, source }) => cell(metadata, source));
  const saved = readCells(cells);
  assert.deepEqual(saved.turns.map(({ prompt, outcome, steps }) => [prompt, outcome, steps]), [
    ['Look', 'answered', CELL_STEPS.length],
    ['Again', 'limit', 0]
  ]);
  const ends = saved.marks.flatMap(mark => (mark?.is === 'step' && mark.ends ? [mark.step] : []));
  assert.deepEqual(ends.map(({ status, ended, decision }) => [status, ended, decision]), CELL_STEPS);
  const kinds = saved.marks.map(mark => mark?.is ?? null);
  assert.ok(['home', 'context', 'turn', 'step'].every(kind => kinds.includes(kind as (typeof kinds)[number])));
});

test('turns and steps are counted, each step in its turn, and tokens added up', () => {
  const usage = { prompt: 10, completion: 2 };
  const saved = readCells([
    prompt('one', { model: 'm', outcome: 'answered', seconds: 3 }),
    action({ reply: { text: '', usage } }),
    action({ reply: { text: '', usage } }),
    prompt('two'),
    action()
  ]);
  assert.deepEqual(saved.turns.map(turn => [turn.number, turn.prompt, turn.steps]), [[1, 'one', 2], [2, 'two', 1]]);
  assert.deepEqual(saved.turns[0]?.usage, { prompt: 20, cached: 0, completion: 4, estimated: false });
  assert.deepEqual(saved.turns.map(turn => turn.outcome), ['answered', 'open']);
  assert.equal(saved.marks[0], saved.turns[0]);
  assert.deepEqual([1, 2, 4].map(index => stepOf(saved.marks[index]).number), [1, 2, 1]);
});

test('the cell that goes to the folder of the code is told as that', () => {
  assert.deepEqual(marks(cell({ kind: 'home' })), [{ is: 'home' }]);
});

test('a thought begins the step that the next cell ends', () => {
  const [, thought, ran, answer] = marks(prompt('p'), cell({ kind: 'thought' }), action(), cell({ kind: 'answer', step: step() }));
  assert.ok(thought?.is === 'step' && ran?.is === 'step' && answer?.is === 'step');
  assert.deepEqual([thought.begins, thought.ends, ran.begins, ran.ends], [true, false, false, true]);
  assert.equal(thought.step, ran.step);
  assert.deepEqual([answer.begins, answer.ends, answer.step.status], [true, true, 'answer']);
});

test('a thought whose step is not there has no mark', () => {
  assert.deepEqual(marks(prompt('p'), cell({ kind: 'thought' }), cell(undefined), cell({ kind: 'thought' })).slice(1), [null, null, null]);
});

test('an edited step knows what was proposed, and what ran', () => {
  const [, mark] = marks(prompt('p'), action({ action: { code: 'x = 0' }, decision: { verdict: 'edit' } }, 'x = 1'));
  const { code, ran, decision, by } = stepOf(mark);
  assert.deepEqual([code, ran, decision, by], ['x = 0', 'x = 1', 'edit', 'user']);
});

test('the source of a step that ran as proposed is not read', () => {
  const source = (): never => assert.fail('read');
  marks(prompt('p'), { metadata: { kind: 'action', step: step(RAN) }, source });
});

test('how a step stands is told of each that did not simply run', () => {
  const proposal = (fields: Record<string, unknown>): ISavedCell => cell({ kind: 'proposal', step: step({ action: { code: 'x' }, ...fields }) });
  const found = marks(
    prompt('p'),
    action({ observation: { status: 'error', line: 'line 1: x' } }),
    action({ observation: { status: 'interrupted', note: 'Stopped.' } }),
    action({ observation: { status: 'aborted' } }),
    action({ observation: { status: 'timed out' } }),
    proposal({ decision: { verdict: 'reject', reason: 'no' }, heard: 'h' }),
    proposal({ decision: { verdict: 'stop' } }),
    proposal({ heard: 'nobody decided' }),
    proposal({ decision: { verdict: 'approve', code: 'x' }, heard: 'broke off' })
  ).slice(1);
  assert.deepEqual(
    found.map(mark => stepOf(mark)).map(({ status, ok, ended, reason, notes }) => [status, ok, ended, reason, ...notes]),
    [
      ['done', false, 'error', '', 'line 1: x'],
      ['done', false, 'interrupted', '', 'Stopped.'],
      ['done', false, 'interrupted', ''],
      ['done', false, 'timed out', ''],
      ['rejected', null, null, 'no'],
      ['stopped', null, null, ''],
      ['skipped', null, null, ''],
      ['running', null, null, '']
    ]
  );
});

test('whatever a cell says, it gets a mark or none, and the others keep theirs', () => {
  const wrong: unknown[] = [
    'x', 7, true, [], {}, { kind: 'won' }, { kind: ['action'] }, { kind: '__proto__' }, { kind: 'prompt' },
    { kind: 'prompt', turn: [] }, { kind: 'prompt', text: 7, turn: {} }, { kind: 'prompt', turn: { seconds: 'x' } },
    { kind: 'prompt', turn: { outcome: 'won' } }, { kind: 'action' }, { kind: 'action', step: null }, { kind: 'action', step: {} },
    { kind: 'action', step: { ...RAN, observation: { status: 'x' } } }, { kind: 'action', step: { ...RAN, decision: [] } },
    { kind: 'action', step: { ...RAN, reply: 'x' } }, { kind: 'action', step: { ...RAN, reply: { usage: { prompt: -1 } } } },
    { kind: 'proposal', step: { decision: { verdict: 'approved' } } }, { kind: 'proposal', step: { decision: { findings: [7] } } }
  ];
  for (const about of wrong) {
    const [turn, broken, fine] = marks(prompt('p'), cell(about), action());
    assert.ok(turn?.is === 'turn', JSON.stringify(about));
    assert.equal(broken, null, JSON.stringify(about));
    assert.equal(stepOf(fine).number, 1);
  }
});

test('a step before any prompt has no mark', () => {
  assert.deepEqual(marks(action(), cell({ kind: 'cell', failed: true })), [null, { is: 'context', failed: true, earlier: false }]);
  assert.deepEqual(marks(cell({ kind: 'cell', earlier: true })), [{ is: 'context', failed: false, earlier: true }]);
});

test('what is shown of a long text is short', () => {
  const long = 'x'.repeat(1_000_000);
  const saved = readCells([
    prompt(long, { model: long }),
    action({ decision: { verdict: 'approve', reason: long, by: long, findings: Array(9_000).fill(long.slice(0, 5_000)) } })
  ]);
  const { turns, marks } = saved;
  assert.ok(JSON.stringify(turns).length < 5_000);
  assert.ok(JSON.stringify(marks).length < 60_000);
});

test('five hundred cells are read at once', () => {
  const began = performance.now();
  const cells = Array.from({ length: 500 }, (_, index) => (index % 10 ? action() : prompt('p')));
  assert.equal(readCells(cells).turns.length, 50);
  assert.ok(performance.now() - began < 1_000);
});
