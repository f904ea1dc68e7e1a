"""The composition root: brings together everything that takes a prompt to its answer, and keeps it between turns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from .agent import Agent, Limits, remedies
from .approval import Gate
from .errors import StoppedError, UsageError
from .formats import Reading
from .frontends.captions import turn_line
from .frontends.front_end import TurnListener, TurnView
from .frontends.host import Host
from .hints import Hint
from .kernels.interpreter import InterpreterOptions
from .model import OpenAIModel
from .model.endpoints import Endpoints, secrets
from .options import Options
from .session import Action, Format, Occasion, Outcome, Session, Step, Turn
from .sessions.code_blocks import CodeBlock, made
from .sessions.threads import Thread, Threads, near
from .text import mask, one_line
from .verify.replay import Replay, Replayed

_AT_ONCE = 0.5  # seconds that Stop waits for the disk; saving goes on in the background
NESTED = "A %%codeact cell is running already, and cannot run another inside itself."


class Runner:
    """Takes prompts to their answers in one host.

    `options` are those of the turn under way, or of the last one.
    """

    def __init__(self, host: Host, options: Options) -> None:
        self.host = host
        self.options = options
        self.interpreter = host.interpreter
        self.interpreter.configure(InterpreterOptions(secrets=self.secrets))
        self.threads = Threads(self.secrets, self._tell)
        self.endpoints = Endpoints(self._tell, lambda line: self.view.waiting(line))
        self._capabilities = host.front_end.capabilities()
        self._busy = False

    @property
    def view(self) -> TurnView:
        """The view of the turn under way, or of the last one."""
        return self._capabilities.view

    @property
    def records(self) -> TurnListener:
        """The listener that follows the turn from outside its cell."""
        return self._capabilities.listener

    def take(self, options: Options, prompt: str, *, new: bool) -> Turn:
        """Take `prompt` to its answer, and sum up the turn in a line. Raises CodeActError, after saving the session."""
        with self._at_work(options):
            return self._take(prompt, new)

    def replay(self, options: Options, session: Session, blocks: Sequence[CodeBlock], announcement: str) -> Replayed:
        """Show `announcement`, then run `blocks` of `session`, each one approved as `options` say.

        Raises CodeActError.
        """
        with self._at_work(options):
            gate = self._gate("replay")
            self.view.tell(announcement)
            self._configure_interpreter(session.id)
            replay = Replay(gate, self.interpreter, self.view, self.view.tell)
            prompt = one_line(session.turns[0].prompt if session.turns else "", 200)
            self.records.begin(f"replay of {prompt}"[:80], 1, prompt, "", len(blocks), of="replay")
            outcome: Outcome = "failed"
            try:
                replayed = replay.run(blocks)
                outcome = "answered"
            finally:
                self.view.close()
                self.records.end(Turn(prompt, steps=tuple(replay.steps), outcome=outcome))
            return replayed

    def consent(self, options: Options, thought: str, parts: Sequence[tuple[str, str]]) -> None:
        """Ask the user about the named `parts` of code, which will run one by one elsewhere, in a single step.

        Raises StoppedError if they may not run.
        """
        if options.approve == "auto":
            return
        code = "\n\n".join(f"# %% {name}\n{part}" for name, part in parts)
        with self._at_work(options):
            gate = self._gate("consent", names=tuple)  # the code runs elsewhere, without the user's names
            reading = Reading(thought=thought, action=Action(code))
            step = Step.standalone(thought, code)
            self.records.begin(options.thread, 1, thought, "", 1, of="consent")
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
        """Return the texts that must never be shown, saved or sent."""
        return secrets(self.options)

    def close(self) -> None:
        """Save the sessions, and end the servers that were started."""
        self.threads.close()
        self.endpoints.close()

    def _tell(self, line: str, *hints: Hint) -> None:
        """Show the user a line, and the remedies."""
        self.view.tell(self.host.advice.line(line, hints))

    @contextmanager
    def _at_work(self, options: Options) -> Iterator[None]:
        """Allow one turn at a time, and give it a view of its own. Raises UsageError if one is under way."""
        if self._busy:
            raise UsageError(NESTED)
        self._busy = True
        try:
            self.options = options
            self._capabilities = self.host.front_end.capabilities()
            yield
        finally:
            self._busy = False

    def _take(self, prompt: str, new: bool) -> Turn:
        options = self.options
        gate = self._gate()
        model = self.endpoints.model(options)
        thread = self.threads.get(options.thread)
        if new or thread is None:
            thread = self.threads.begin(options, prompt)
        agent = self._agent(thread, model, gate)
        prompt = mask(prompt, self.secrets())
        self._begin_records(thread, model, prompt)
        try:
            fresh = self._is_fresh(thread)
            return agent.run(prompt, format=_format(options), summarize=options.summary, fresh=fresh)
        finally:
            self.view.close()
            self.records.end(agent.turn)
            self._wind_up(thread)

    def _is_fresh(self, thread: Thread) -> bool:
        """Return whether a session from a file goes on in a kernel that has none of its variables."""
        adopted = thread.adopted
        thread.adopted = False
        names = made(thread.session) if adopted else []
        return bool(names) and not self.interpreter.defined(names)

    def _begin_records(self, thread: Thread, model: OpenAIModel, prompt: str) -> None:
        options = self.options
        turn = len(thread.session.turns) + 1
        path = near(thread.path) if thread.path else ""
        self.records.configure(options.approve, path)
        self.records.begin(options.thread, turn, prompt, model.name, options.max_steps)

    def _gate(self, occasion: Occasion = "turn", names: Callable[[], Collection[str]] | None = None) -> Gate:
        return Gate(
            self.options.approve,
            self.view,
            ask=self._capabilities.ask,
            edit=self._capabilities.edit,
            names=names or self.interpreter.user_names,
            buttons=self._capabilities.buttons,
            occasion=occasion,
        )

    def _configure_interpreter(self, session: str) -> None:
        interpreter_options = InterpreterOptions(
            timeout=self.options.action_timeout,
            summary_limit=self.options.max_summary,
            values=self.options.values == "new" and self.options.summary,
            keep_cells=self.options.save_cells,
            session=session,
            secrets=self.secrets,
            cleared=self.view.restore,
        )
        self.interpreter.configure(interpreter_options)

    def _agent(self, thread: Thread, model: OpenAIModel, gate: Gate) -> Agent:
        options = self.options
        self._configure_interpreter(thread.session.id)
        limits = Limits(
            steps=options.max_steps,
            tokens=options.max_tokens_per_turn,
            repeats=options.max_repeats,
            output=options.max_output,
            context=options.context_tokens or self.endpoints.window(model),
        )
        return Agent(
            thread.session,
            model,
            gate,
            self.interpreter,
            view=self.view,
            keep=thread.keep,
            draft=thread.draft,
            settle=thread.settle,
            limits=limits,
            vision=options.vision,
            remarks=self.records.remarks,
        )

    def _wind_up(self, thread: Thread) -> None:
        """Wait until the session is saved, and show a line that sums up the turn."""
        turn = thread.session.turns[-1]
        if turn.outcome == "stopped":  # the user who stopped it does not want to wait, nor to read more
            thread.saved(_AT_ONCE)
            return
        saved = thread.saved()
        if turn.steps:
            if turn.outcome == "answered" and turn.note:
                self._tell(turn.note, *remedies(turn))
            self.view.tell(f"{turn_line(turn)}{_where(thread) if saved else ''}")


def _format(options: Options) -> Format:
    return "fence" if options.format == "auto" else cast(Format, options.format)


def _where(thread: Thread) -> str:
    """Return the path of the session as the end of a line, once per session; "" after that."""
    if thread.path_shown or thread.path is None:
        return ""
    thread.path_shown = True
    return f" · saved in {near(thread.path)}"
