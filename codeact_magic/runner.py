"""The composition root: puts together what takes a prompt to its answer, and keeps what outlives a turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from .agent import Agent, Limits, remedies
from .approval import Gate, Of
from .errors import StoppedError, UsageError
from .formats import Reading
from .frontends.captions import turn_line
from .frontends.host import Host
from .hints import Hint
from .model import OpenAIModel
from .model.endpoints import Endpoints, secrets
from .options import Options
from .session import Action, Format, Outcome, Reply, Session, Step, Turn
from .sessions.code_blocks import CodeBlock, made
from .sessions.threads import Thread, Threads, near
from .text import mask, one_line
from .verify.replay import Replay, Replayed

_AT_ONCE = 0.5  # seconds that Stop waits for the disk; saving goes on in its thread
NESTED = "A %%codeact cell is running already, and cannot run another inside itself."


class Runner:
    """Takes prompts to their answers in one host. `options` are those of the turn under way, or of the last one."""

    def __init__(self, host: Host, options: Options) -> None:
        self.host, self.options = host, options
        self.records, self.interpreter = host.records, host.interpreter
        self.interpreter.secrets = self.secrets
        self.threads = Threads(self.secrets, self._tell)
        self.endpoints = Endpoints(self._tell, lambda line: self.view.waiting(line))
        self.view = host.view()
        self._busy = False

    def take(self, options: Options, prompt: str, *, new: bool) -> Turn:
        """Take `prompt` to its answer, and tell how it went. Raises CodeActError; what was done is saved first."""
        with self._at_work(options):
            return self._take(prompt, new)

    def replay(self, options: Options, session: Session, pieces: Sequence[CodeBlock], told: str) -> Replayed:
        """Run `pieces` of `session`, of which the user is `told`, each one approved as `options` say.

        Raises CodeActError.
        """
        with self._at_work(options):
            gate = self._gate("replay")
            self.view.tell(told)
            self._set_interpreter(session.id)
            replay = Replay(gate, self.interpreter, self.view, self.view.tell)
            prompt = one_line(session.turns[0].prompt if session.turns else "", 200)
            self.records.begin(f"replay of {prompt}"[:80], 1, prompt, "", len(pieces))
            outcome: Outcome = "failed"
            try:
                replayed = replay.run(pieces)
                outcome = "answered"
            finally:
                self.view.close()
                self.records.end(Turn(prompt, steps=tuple(replay.steps), outcome=outcome))
            return replayed

    def consent(self, options: Options, thought: str, parts: Sequence[tuple[str, str]]) -> None:
        """Have the user look at the named `parts` of code, which will run one by one elsewhere, as at one step.

        Raises StoppedError where they may not.
        """
        if options.approve == "auto":
            return
        code = "\n\n".join(f"# %% {name}\n{part}" for name, part in parts)
        with self._at_work(options):
            gate = self._gate("whole", names=tuple)  # it has none of the user's names to overwrite
            reading = Reading(thought=thought, action=Action(code))
            step = Step(Reply(""), thought=thought, action=reading.action, observation_message="approved")
            self.records.begin(options.thread, 1, thought, "", 1)
            try:
                self.view.thinking(1, "the session")
                self.view.proposed(1, reading)
                step = replace(step, decision=gate.decide(1, reading, [part for _, part in parts]))
            finally:
                self.view.finished(1, step)
                self.view.close()
                self.records.end(Turn(thought, steps=(step,), outcome="answered"))
        if not step.decision or not step.decision.runs:
            raise StoppedError("Nothing was run.")
        if step.decision.code != code:
            raise StoppedError("Nothing was run: this runs as it is, or not at all.")

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be shown, saved or sent."""
        return secrets(self.options)

    def close(self) -> None:
        """Save what is not yet saved, and end what was started."""
        self.threads.close()
        self.endpoints.close()

    def _tell(self, line: str, *hints: Hint) -> None:
        """Show the user a line, and what can be done about it."""
        self.view.tell(self.host.advice.line(line, hints))

    @contextmanager
    def _at_work(self, options: Options) -> Iterator[None]:
        """One turn at a time, shown on a view of its own."""
        if self._busy:
            raise UsageError(NESTED)
        self._busy = True
        try:
            self.options, self.view = options, self.host.view()
            yield
        finally:
            self._busy = False

    def _take(self, prompt: str, new: bool) -> Turn:
        options = self.options
        gate = self._gate()
        model = self.endpoints.model(options)
        conversation = self.threads.get(options.thread)
        if new or conversation is None:
            conversation = self.threads.begin(options, prompt)
        agent = self._agent(conversation, model, gate)
        prompt = mask(prompt, self.secrets())
        self._begin_records(conversation, model, prompt)
        try:
            fresh = self._is_fresh(conversation)
            return agent.run(prompt, format=_format(options), summarize=options.summary, fresh=fresh)
        finally:
            self.view.close()
            self.records.end(agent.turn)
            self._wind_up(conversation)

    def _is_fresh(self, conversation: Thread) -> bool:
        """Return whether a session from a file goes on in a kernel that has nothing of what it made."""
        adopted, conversation.adopted = conversation.adopted, False
        names = made(conversation.session) if adopted else []
        return bool(names) and not self.interpreter.defined(names)

    def _begin_records(self, conversation: Thread, model: OpenAIModel, prompt: str) -> None:
        options, turn = self.options, len(conversation.session.turns) + 1
        path = near(conversation.path) if conversation.path else ""
        self.records.channel.settings = {"approve": options.approve, "session": path}
        self.records.begin(options.thread, turn, prompt, model.name, options.max_steps)

    def _gate(self, of: Of = "turn", names: Callable[[], Collection[str]] | None = None) -> Gate:
        return Gate(
            self.options.approve,
            self.view,
            ask=self.host.asker(),
            edit=self.host.editor(),
            names=names or self.interpreter.user_names,
            page=self.host.page(self.view),
            of=of,
        )

    def _set_interpreter(self, conversation: str) -> None:
        options, interpreter = self.options, self.interpreter
        interpreter.timeout, interpreter.limit = options.action_timeout, options.max_summary
        interpreter.keep_cells, interpreter.conversation = options.save_cells, conversation
        interpreter.cleared = self.view.restore

    def _agent(self, conversation: Thread, model: OpenAIModel, gate: Gate) -> Agent:
        options = self.options
        self._set_interpreter(conversation.session.id)
        limits = Limits(
            steps=options.max_steps,
            tokens=options.max_tokens_per_turn,
            repeats=options.max_repeats,
            output=options.max_output,
            context=options.context_tokens or self.endpoints.window(model),
        )
        return Agent(
            conversation.session,
            model,
            gate,
            self.interpreter,
            view=self.view,
            keep=conversation.keep,
            draft=conversation.draft,
            settle=conversation.settle,
            limits=limits,
            vision=options.vision,
            remarks=self.records.channel.remarks,
        )

    def _wind_up(self, conversation: Thread) -> None:
        """Wait for the session to be saved, and sum the turn up in a line."""
        turn = conversation.session.turns[-1]
        if turn.outcome == "stopped":  # who stopped it does not want to wait, and is told just that
            conversation.saved(_AT_ONCE)
            return
        saved = conversation.saved()
        if turn.steps:
            if turn.outcome == "answered" and turn.note:
                self._tell(turn.note, *remedies(turn))
            self.view.tell(f"{turn_line(turn)}{_where(conversation) if saved else ''}")


def _format(options: Options) -> Format:
    return "fence" if options.format == "auto" else cast(Format, options.format)


def _where(conversation: Thread) -> str:
    """Return where the session is saved, for the end of a line; said once a session."""
    if conversation.told or conversation.path is None:
        return ""
    conversation.told = True
    return f" · saved in {near(conversation.path)}"
