import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IControlChannel, Refused, request } from '../requests';
import { readNewCells } from '../messages';
import { readState } from '../state';
import { readStep } from '../steps';
import { FakeKernel } from './fakes';
import { REQUESTS, STEPS } from './records';

/** The reader gives a title to steps that have none. */
const asRead = (record: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const { version, ...rest } = record;
  assert.equal(version, 1);
  return { title: '', ...rest };
};

for (const [name, record] of Object.entries(STEPS)) {
  test(`nothing is lost of a step as the kernel publishes it: ${name}`, () => {
    assert.deepEqual(readStep(record), asRead(record));
  });
}

REQUESTS.forEach(([content, reply], index) => {
  test(`the kernel's reply is read: ${index}, ${content.op}`, async () => {
    const kernel = new FakeKernel();
    kernel.answer = () => reply;
    const asked = request(kernel as unknown as IControlChannel, content);
    if (reply.status === 'error') {
      await assert.rejects(asked, (error: unknown) => error instanceof Refused && error.reason === reply.reason && error.message === reply.error);
    } else {
      assert.deepEqual(await asked, reply);
    }
  });
});

const states = REQUESTS.filter(([{ op }]) => op === 'state').map(([, reply]) => reply);

test('nothing is lost of a state with a pending step', () => {
  const [reply] = states;
  const read = readState(reply);
  assert.ok('threads' in read && read.pending && read.turn);
  const { status, pending, turn, threads, ...rest } = reply as { status: string; pending: object; turn: Record<string, unknown>; threads: unknown };
  assert.equal(status, 'ok');
  const { max_steps: maxSteps, ...ofTurn } = turn;
  assert.deepEqual(
    { ...read, pending: null, turn: null, threads: null },
    { ...rest, pending: null, turn: null, threads: null }
  );
  assert.deepEqual(read.pending, asRead(pending as Record<string, unknown>));
  assert.deepEqual(read.turn, { usage: read.turn.usage, ...ofTurn, maxSteps });
  assert.equal(read.threads.length, (threads as unknown[]).length);
});

test('nothing is lost of the turns of a state', () => {
  const reply = states.at(-2) as { threads: { name: string; turns: { steps: object[] }[] }[] };
  const read = readState(reply);
  assert.ok('threads' in read);
  const titled = reply.threads.map(({ name, turns }) => ({
    name,
    turns: turns.map(turn => ({ ...turn, steps: turn.steps.map(step => ({ title: '', ...step })) }))
  }));
  assert.deepEqual(read.threads, titled);
});

test('an unchanged state is read', () => {
  const reply = states.at(-1);
  assert.equal(reply?.unchanged, true);
  assert.deepEqual(readState(reply), { revision: reply.revision, agent: reply.agent, seconds: reply.seconds });
});

test('offered cells are read', () => {
  const [, reply] = REQUESTS.find(([{ op }]) => op === 'insert') ?? [];
  assert.deepEqual(readNewCells(reply ?? {}), [{ type: 'code', source: 'x = 1' }]);
});
