import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IControlChannel, Refused, Silence, request } from '../requests';
import { Malformed } from '../shapes';
import { type ITurn, isAlone, readState } from '../state';
import { type IStep, readStep } from '../steps';
import { FakeKernel, USAGE, bundle } from './fakes';

const asChannel = (kernel: FakeKernel): IControlChannel => kernel as unknown as IControlChannel;

test('a step is read as it was published', () => {
  const { version, ...step } = bundle({ thought: 'x', findings: ['writes a.csv'] });
  assert.equal(version, 1);
  assert.deepEqual(readStep(bundle({ thought: 'x', findings: ['writes a.csv'] })), step);
});

test('what is missing in a step is empty', () => {
  const step = readStep({ version: 1, id: 'a', status: 'done' });
  assert.equal(step.code, '');
  assert.deepEqual(step.findings, []);
  assert.deepEqual(step.usage, USAGE);
});

test('a record from before it told what it is of, and how it ended, says so by whether it was ok', () => {
  const old = (ok: boolean | null): unknown => {
    const { of, ended, ...rest } = bundle({ status: 'done', ok, footer: 'step 1 · interrupted' });
    assert.deepEqual([of, ended], ['turn', null]);
    return rest;
  };
  assert.deepEqual(
    [true, false, null].map(ok => readStep(old(ok))).map(({ of, ended }) => [of, ended]),
    [
      ['turn', 'ok'],
      ['turn', 'error'],
      ['turn', null]
    ]
  );
});

test('the only step of a turn is not alone: the turn may end before its limit or at it', () => {
  const turn = (maxSteps: number): ITurn => ({ thread: 'main', turn: 1, prompt: '', step: 1, maxSteps, usage: USAGE, seconds: 0 });
  const step = (of: IStep['of']): IStep => readStep(bundle({ of }));
  assert.deepEqual([isAlone(step('turn'), turn(1)), isAlone(step('turn'), turn(20))], [false, false]);
  assert.deepEqual([isAlone(step('replay'), turn(1)), isAlone(step('replay'), turn(2))], [true, false]);
  assert.deepEqual([isAlone(step('consent'), turn(1)), isAlone(step('consent'), null)], [true, true]);
});

const hostile: [string, unknown][] = [
  ['null', null],
  ['a text', 'x'],
  ['a list', [bundle()]],
  ['another version', { ...bundle(), version: 2 }],
  ['no id', { ...bundle(), id: '' }],
  ['a long id', { ...bundle(), id: 'x'.repeat(1000) }],
  ['an id that is an object', { ...bundle(), id: { toString: () => 'a' } }],
  ['an unknown status', { ...bundle(), status: 'constructor' }],
  ['code that is a list', { ...bundle(), code: ['print(1)'] }],
  ['findings that are objects', { ...bundle(), findings: [{ html: '<b>' }] }],
  ['findings that are a text', { ...bundle(), findings: 'abc' }],
  ['a number that is none', { ...bundle(), turn: 'NaN' }],
  ['an infinite number', { ...bundle(), turn: Infinity }],
  ['a negative number', { ...bundle(), number: -1 }],
  ['usage that is a text', { ...bundle(), usage: '1' }],
  ['a cost that is a text', { ...bundle(), usage: { ...USAGE, cost: '1' } }],
  ['ok that is a text', { ...bundle(), ok: 'false' }],
  ['of something unknown', { ...bundle(), of: 'walk' }],
  ['an unknown end', { ...bundle(), ended: 'well' }],
  ['an end that is an object', { ...bundle(), ended: {} }],
  ['an unknown decision', { ...bundle(), decision: 'maybe' }]
];
for (const [what, value] of hostile) {
  test(`a step that is ${what} is refused`, () => {
    assert.throws(() => readStep(value), Malformed);
  });
}

test('a state is read with all it holds', () => {
  const line = { id: 'a-1', number: 1, title: '', status: 'done', ok: true, label: 'look' };
  const turn = { turn: 1, prompt: 'p', outcome: 'answered', note: '', seconds: 2, usage: USAGE, steps: [line] };
  const now = { thread: 'main', turn: 1, prompt: 'p', step: 1, max_steps: 20, usage: USAGE, seconds: 1 };
  const state = readState({
    revision: 3,
    agent: 'waiting',
    seconds: 1.5,
    pending: bundle(),
    turn: now,
    threads: [{ name: 'main', turns: [turn] }],
    approve: 'ask',
    session: 's.ipynb'
  });
  assert.ok('threads' in state);
  assert.equal(state.pending?.id, 'a-1');
  assert.equal(state.turn?.maxSteps, 20);
  assert.deepEqual(state.threads[0]?.turns[0]?.steps[0], line);
});

test('an unchanged state is told apart', () => {
  assert.deepEqual(readState({ revision: 3, agent: 'idle', seconds: 1, unchanged: true }), {
    revision: 3,
    agent: 'idle',
    seconds: 1
  });
});

test('a state with a malformed pending step is refused as a whole', () => {
  assert.throws(() => readState({ revision: 1, agent: 'waiting', seconds: 0, pending: { id: 'a' } }), Malformed);
});

test('a request goes out as it is, and its reply comes back', async () => {
  const kernel = new FakeKernel();
  const reply = await request(asChannel(kernel), { op: 'stop' });
  assert.deepEqual(kernel.asked, [{ op: 'stop' }]);
  assert.equal(reply.status, 'ok');
});

test('a refusal carries the line for the user and the reason', async () => {
  const kernel = new FakeKernel();
  kernel.answer = () => ({ status: 'error', error: 'Too late.', reason: 'late' });
  await assert.rejects(request(asChannel(kernel), { op: 'stop' }), (error: unknown) => {
    assert.ok(error instanceof Refused);
    assert.equal(error.message, 'Too late.');
    assert.equal(error.reason, 'late');
    return true;
  });
});

test('a reply without status is refused', async () => {
  const kernel = new FakeKernel();
  kernel.answer = () => ({ agent: 'idle' });
  await assert.rejects(request(asChannel(kernel), { op: 'state' }), Malformed);
});

test('a kernel that says nothing is given up', async () => {
  const kernel = new FakeKernel();
  kernel.answer = () => null;
  await assert.rejects(request(asChannel(kernel), { op: 'state' }, 1), Silence);
});
