import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Agent } from '../agent';
import { Agents } from '../agents';
import { SETTLING } from '../pending';
import { FakeKernel, FakeSession, USAGE, bundle, newDraft } from './fakes';

interface Scene {
  kernel: FakeKernel;
  session: FakeSession;
  agent: Agent;
  /** Let time go by, and all that is due then happen. */
  pass: (milliseconds: number) => Promise<void>;
}

function scene(context: TestContext): Scene {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const kernel = new FakeKernel();
  const session = new FakeSession(kernel);
  const agent = new Agent(session.asSession, newDraft);
  context.after(() => {
    agent.dispose();
  });
  const pass = async (milliseconds: number): Promise<void> => {
    await settle();
    context.mock.timers.tick(milliseconds);
    await settle();
  };
  return { kernel, session, agent, pass };
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) {
    await Promise.resolve();
  }
}

/** The kernel waits for a step, and has told so. */
async function waiting(context: TestContext, code = 'print(1)'): Promise<Scene> {
  const made = scene(context);
  made.kernel.become({ agent: 'waiting', pending: bundle({ code }) });
  made.session.publish(bundle({ code }));
  await made.pass(0);
  await made.pass(SETTLING);
  return made;
}

test('a kernel is not asked before something is seen of an agent', async context => {
  const { kernel, session, pass } = scene(context);
  session.iopubMessage.emit({ header: { msg_type: 'stream' }, parent_header: {}, content: { text: 'x' } });
  session.connectionStatusChanged.emit('connected');
  session.endCell();
  await pass(60_000);
  assert.deepEqual(kernel.asked, []);
});

test('a kernel is asked once on connection where the notebook looks like having an agent', async context => {
  const { kernel, session, agent, pass } = scene(context);
  agent.mayHaveAgent = () => true;
  session.connectionStatusChanged.emit('connected');
  await pass(60_000);
  assert.equal(kernel.ops('state').length, 1);
});

test('silence means that there is no agent, and no more questions', async context => {
  const { kernel, agent, pass } = scene(context);
  kernel.answer = () => null;
  void agent.refresh();
  await pass(3000);
  await pass(60_000);
  assert.equal(agent.state, null);
  assert.equal(kernel.asked.length, 1);
});

test('a step that waits is greeted, and open to a decision after a moment', async context => {
  const { kernel, session, agent, pass } = scene(context);
  kernel.become({ agent: 'waiting', pending: bundle() });
  session.publish(bundle());
  await pass(0);
  assert.equal(agent.pending?.phase, 'new');
  const [first, second] = kernel.ops('hello') as { id?: string; page: string; key: string; quiet?: true }[];
  assert.deepEqual([first?.quiet, second?.id], [true, 'a-1']);
  assert.deepEqual([first?.page, first?.key], [second?.page, second?.key]);
  assert.equal(kernel.ops('hello').length, 2);
  await pass(SETTLING);
  assert.equal(agent.pending.phase, 'open');
});

test('what a notebook says is pending is not, unless the kernel says so', async context => {
  const { session, agent, pass } = scene(context);
  session.publish(bundle({ code: 'hostile()' }));
  await pass(0);
  assert.equal(agent.pending, null);
});

test('the kernel is asked again for a step that it does not tell of yet, but not for ever', async context => {
  const { kernel, session, agent, pass } = scene(context);
  session.publish(bundle());
  await pass(0);
  kernel.become({ agent: 'waiting', pending: bundle() });
  await pass(400);
  assert.equal(agent.pending?.step.id, 'a-1');

  kernel.become({ agent: 'idle', pending: null });
  session.publish(bundle({ id: 'ghost' }));
  for (let second = 0; second < 120; second++) {
    await pass(1000);
  }
  assert.ok(kernel.ops('state').length < 20);
});

test('the code of the kernel is shown, not that of the notebook', async context => {
  const { kernel, session, agent, pass } = scene(context);
  kernel.become({ agent: 'waiting', pending: bundle({ code: 'right()' }) });
  session.publish(bundle({ code: 'wrong()' }));
  await pass(0);
  assert.equal(agent.pending?.code, 'right()');
});

test('an approval sends what the editor shows, whole', async context => {
  const { kernel, agent } = await waiting(context);
  agent.pending?.draft.sharedModel.setSource('print(2)\n# é\u202e');
  await agent.pending?.approve();
  assert.deepEqual(kernel.ops('decide'), [
    { op: 'decide', id: 'a-1', decision: 'approve', code: 'print(2)\n# é\u202e', all: false }
  ]);
});

test('an approval of what nobody edited sends the proposal to the byte', async context => {
  const { kernel, agent } = await waiting(context, 'a\r\nb\rc\n');
  assert.equal(agent.pending?.draft.sharedModel.getSource(), 'a\nb\nc\n');
  assert.equal(agent.pending.edited, false);
  await agent.pending.approve(true);
  assert.deepEqual(kernel.ops('decide'), [
    { op: 'decide', id: 'a-1', decision: 'approve', code: 'a\r\nb\rc\n', all: true }
  ]);
});

test('a decision is sent once, however often it is asked for', async context => {
  const { kernel, agent } = await waiting(context);
  await Promise.all([agent.pending?.approve(), agent.pending?.approve(), agent.pending?.reject('no')]);
  assert.equal(kernel.ops('decide').length, 1);
});

test('no decision is taken in the moment in which a step comes up', async context => {
  const { kernel, session, agent, pass } = scene(context);
  kernel.become({ agent: 'waiting', pending: bundle() });
  session.publish(bundle());
  await pass(0);
  await agent.pending?.approve();
  assert.deepEqual(kernel.ops('decide'), []);
});

test('a decision that came too late says so, and the step is no longer open', async context => {
  const { kernel, agent } = await waiting(context);
  const pending = agent.pending;
  kernel.answer = request =>
    request.op === 'decide' ? { status: 'error', error: 'Decided already.', reason: 'late' } : kernel.reply();
  kernel.become({ agent: 'running', pending: null });
  await pending?.approve();
  await settle();
  assert.equal(pending?.error, 'Decided already.');
  assert.equal(pending.phase, 'over');
  assert.equal(pending.ours, false);
});

test('a decision that the kernel does not answer can be taken again', async context => {
  const { kernel, agent, pass } = await waiting(context);
  kernel.answer = () => null;
  const sent = agent.pending?.approve();
  await pass(3000);
  await sent;
  assert.equal(agent.pending?.error, 'The kernel does not answer.');
  assert.equal(agent.pending.phase, 'open');
});

test('an edit in progress outlives every new state', async context => {
  const { kernel, agent } = await waiting(context);
  agent.pending?.draft.sharedModel.setSource('mine');
  kernel.become({ agent: 'waiting', seconds: 9 });
  await agent.refresh();
  assert.equal(agent.pending?.code, 'mine');
});

test('a step that is decided elsewhere ends here, its edit kept', async context => {
  const { kernel, session, agent, pass } = await waiting(context);
  const pending = agent.pending;
  pending?.draft.sharedModel.setSource('mine');
  kernel.become({ agent: 'running', pending: null });
  session.publish(bundle({ status: 'running' }));
  await pass(0);
  assert.equal(agent.pending, null);
  assert.equal(pending?.phase, 'over');
  assert.equal(pending.code, 'mine');
});

test('the next step takes the place of the one before', async context => {
  const { kernel, session, agent, pass } = await waiting(context);
  const before = agent.pending;
  kernel.become({ pending: bundle({ id: 'a-2', number: 2 }) });
  session.publish(bundle({ id: 'a-2', number: 2 }));
  await pass(0);
  assert.equal(before?.phase, 'over');
  assert.equal(agent.pending?.step.number, 2);
});

for (const status of ['restarting', 'autorestarting', 'dead']) {
  test(`a kernel that is ${status} has no pending step and no agent`, async context => {
    const { session, agent } = await waiting(context);
    const pending = agent.pending;
    session.statusChanged.emit(status);
    assert.equal(pending?.phase, 'over');
    assert.equal(agent.pending, null);
    assert.equal(agent.state, null);
  });
}

test('an answer from before a restart is not believed', async context => {
  const { kernel, session, agent, pass } = scene(context);
  kernel.become({ agent: 'waiting', pending: bundle() });
  const asked = agent.refresh();
  session.statusChanged.emit('restarting');
  await asked;
  await pass(0);
  assert.equal(agent.pending, null);
});

test('another kernel is asked anew', async context => {
  const { session, agent, pass } = await waiting(context);
  const other = new FakeKernel();
  session.session.kernel = other;
  agent.mayHaveAgent = () => true;
  session.kernelChanged.emit(null);
  await pass(0);
  assert.equal(agent.pending, null);
  assert.equal(agent.state?.agent, 'idle');
  assert.equal(other.ops('state').length, 1);
});

test('a connection that was lost finds the pending step again, edited as it was', async context => {
  const { session, agent, pass } = await waiting(context);
  agent.pending?.draft.sharedModel.setSource('mine');
  session.connectionStatusChanged.emit('connected');
  await pass(0);
  assert.equal(agent.pending?.code, 'mine');
});

test('an agent at work is looked after, and an idle one is left alone', async context => {
  const { kernel, session, pass } = await waiting(context);
  const before = kernel.ops('state').length;
  await pass(5000);
  assert.equal(kernel.ops('state').length, before + 1);
  kernel.become({ agent: 'idle', pending: null });
  session.publish(bundle({ status: 'answer' }));
  session.endCell();
  await pass(0);
  const idle = kernel.ops('state').length;
  await pass(60_000);
  assert.equal(kernel.ops('state').length, idle);
});

test('a growing reply is not asked about with each piece', async context => {
  const { kernel, session, pass } = scene(context);
  kernel.become({ agent: 'thinking' });
  for (let piece = 0; piece < 40; piece++) {
    session.publish(bundle({ status: 'thinking', thought: 'x'.repeat(piece) }));
    await pass(50);
  }
  assert.ok(kernel.ops('state').length <= 4);
});

test('an unchanged state keeps what was known', async context => {
  const { kernel, agent } = await waiting(context);
  kernel.answer = () => ({ status: 'ok', revision: kernel.revision, unchanged: true, agent: 'waiting', seconds: 7 });
  await agent.refresh();
  assert.equal(agent.pending?.step.id, 'a-1');
  assert.equal(agent.state?.seconds, 7);
});

test('a malformed state changes nothing', async context => {
  const { kernel, agent } = await waiting(context);
  kernel.answer = () => ({ status: 'ok', revision: 9, agent: 'waiting', seconds: 0, pending: { id: 'x', code: 7 } });
  await agent.refresh();
  assert.equal(agent.pending?.step.id, 'a-1');
});

test('the agent is at a step that it published, and at none after a restart', async context => {
  const { kernel, session, agent, pass } = scene(context);
  const turn = { thread: 'main', turn: 1, prompt: '', step: 1, max_steps: 9, usage: USAGE, seconds: 0 };
  kernel.become({ agent: 'running', turn });
  const step = { ...bundle({ status: 'running' }) };
  session.publish(step);
  await pass(0);
  const last = { ...step, status: 'running' } as unknown as Parameters<Agent['isAt']>[0];
  assert.equal(agent.isAt(last), true);
  session.statusChanged.emit('restarting');
  assert.equal(agent.isAt(last), false);
});

test('stop and say tell why they did nothing', async context => {
  const { kernel, agent } = scene(context);
  kernel.answer = request => (request.op === 'state' ? kernel.reply() : { status: 'error', error: 'Not at work.' });
  assert.equal(await agent.stop(), 'Not at work.');
  assert.equal(await agent.remark('x'), 'Not at work.');
});

test('without a kernel there is a line that says so', async context => {
  const { session, agent } = scene(context);
  session.session.kernel = null;
  assert.equal(await agent.stop(), 'There is no kernel.');
});

test('a notebook has one agent, however many views it has', () => {
  const agents = new Agents(newDraft);
  const session = new FakeSession(new FakeKernel());
  assert.equal(agents.of(session.asSession), agents.of(session.asSession));
  session.disposed.emit();
  assert.equal(agents.of(session.asSession).isDisposed, false);
});
