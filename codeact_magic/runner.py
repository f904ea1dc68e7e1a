"""The composition root: brings together everything that takes a prompt to its answer, and keeps it between turns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from . import policy
from .agent import Agent, Limits, remedies
from .approval import Gate
from .errors import StoppedError, UsageError
from .formats import Reading
from .frontends.captions import turn_line
from .frontends.front_end import TurnListener, TurnView
from .frontends.host import Host
from .hints import Hint, RestartKernel
from .kernels.interpreter import InterpreterOptions
from .model import OpenAIModel
from .model.endpoints import Endpoints, secrets
from .options import Options
from .policy import Policy
from .secrets import Masker, Secrets
from .session import Action, Format, Occasion, Outcome, Session, Step, Turn
from .sessions.code_blocks import CodeBlock, made
from .sessions.threads import Thread, Threads, near
from .text import one_line

if TYPE_CHECKING:
    from .verify.replay import Replayed

_AT_ONCE = 0.5  # seconds that Stop waits for the disk; saving goes on in the background
_STUCK = "Stop does not get through: the code is still{where}. It is interrupted again and again, and ends if it can."
NESTED = "A %%codeact cell is running already, and cannot run another inside itself."


class Runner:
    """Takes prompts to their answers in one host.

    `options` are those of the turn under way, or of the last one.
    """

    def __init__(self, host: Host, options: Options) -> None:
        self.host = host
        self.options = options
        self.known_secrets = Secrets()
        self.interpreter = host.interpreter
        self.interpreter.configure(self._masking(InterpreterOptions()))
        self.threads = Threads(self.secrets, self._tell)
        self.endpoints = Endpoints(self._tell, lambda line: self.view.waiting(line), self._check)
        self._policy: Policy | None = None
        self._told: dict[str, object] = {}  # what the user has been told of that the administrator limits
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
            self._configure_interpreter(session.id, gate)
            from .verify.replay import Replay  # a turn does not need it

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
        options = self.allowed(options)
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
        self.known_secrets.learn(secrets(self.options))
        return self.known_secrets.values()

    def mask(self, text: str) -> str:
        """Return a text of the user's without secrets."""
        masker = Masker(self.secrets(), self.known_secrets.lifted())
        hidden = masker.text(text)
        self.known_secrets.note(masker.masked)
        return hidden

    def lift(self, number: int) -> str:
        """Show the secret with that number from now on, and return its name. Raises UsageError, IndexError."""
        if self._busy:  # it is the user who lifts a mask, not an action
            raise UsageError("A turn is under way: lift the mask when it is over.")
        return self.known_secrets.lift(number)

    @property
    def policy(self) -> Policy:
        """What the administrator allows. Raises UsageError if that cannot be told."""
        if self._policy is None:
            self._policy = policy.read(self._tell)
        return self._policy

    def allowed(self, options: Options) -> Options:
        """Return `options` as far as the administrator allows them, and tell the user of each other value, once."""
        options, changed = self.policy.applied(options)
        for name, value in changed.items():
            if self._told.get(name) != value:
                self._tell(f"{name} is {one_line(value, 80)}: {policy.LIMITED}.")
        self._told |= changed
        return options

    def _check(self, endpoint: str, model: str) -> None:
        self.policy.check(endpoint, model)

    def close(self) -> None:
        """Save the sessions, and end the servers that were started."""
        self.threads.close()
        self.endpoints.close()

    def _tell(self, line: str, *hints: Hint) -> None:
        """Show the user a line, and the remedies."""
        self.view.tell(self.host.advice.line(line, hints))

    def _tell_stuck(self, line: str) -> None:
        """Tell the user, who has stopped an action, that it goes on; `line` is the line that it is in."""
        thread = self.threads.get(self.options.thread)
        session = near(thread.path) if thread and thread.path else ""
        self._tell(_STUCK.format(where=f" in {line}" if line else ""), RestartKernel(session))

    @contextmanager
    def _at_work(self, options: Options) -> Iterator[None]:
        """Allow one turn at a time, and give it a view of its own. Raises UsageError if one is under way."""
        if self._busy:
            raise UsageError(NESTED)
        self._busy = True
        try:
            self._capabilities = self.host.front_end.capabilities()
            self.options = self.allowed(options)
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
        prompt = self.mask(prompt)
        self._begin_records(thread, model, prompt)
        begun = len(agent.session.turns)
        try:
            fresh = self._is_fresh(thread)
            return agent.run(prompt, format=_format(options), summarize=options.summary, fresh=fresh)
        finally:
            self.view.close()
            has_turn = len(agent.session.turns) > begun  # else it was stopped even before it began
            self.records.end(agent.turn if has_turn else Turn(prompt, outcome="stopped"))
            if has_turn:
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
            intruders=self._capabilities.intruders,
        )

    def _configure_interpreter(self, session: str, gate: Gate) -> None:
        interpreter_options = InterpreterOptions(
            timeout=self.options.action_timeout,
            summary_limit=self.options.max_summary,
            values=self.options.values == "new" and self.options.summary,
            keep_cells=self.options.save_cells,
            session=session,
            cleared=self.view.restore,
            stuck=self._tell_stuck,
            guarded=(gate,),
            active_outputs=self.options.active_outputs,
            tell=self._tell,
        )
        self.interpreter.configure(self._masking(interpreter_options))

    def _masking(self, options: InterpreterOptions) -> InterpreterOptions:
        """Return options of an interpreter with all that masks secrets."""
        known = self.known_secrets
        return replace(options, secrets=self.secrets, lifted=known.lifted, learn=known.learn, masked=known.note)

    def _agent(self, thread: Thread, model: OpenAIModel, gate: Gate) -> Agent:
        options = self.options
        self._configure_interpreter(thread.session.id, gate)
        limits = Limits(
            steps=options.max_steps,
            tokens=options.max_tokens_per_turn,
            cost=options.max_cost_per_turn,
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
            self.view.tell(f"{turn_line(turn)}{_where(thread) if saved else _unsaved(thread)}")


def _format(options: Options) -> Format:
    return "fence" if options.format == "auto" else cast(Format, options.format)


def _unsaved(thread: Thread) -> str:
    return " · the session is not saved" if thread.failure else ""


def _where(thread: Thread) -> str:
    """Return the path of the session as the end of a line, once per session; "" after that."""
    if thread.path_shown or thread.path is None:
        return ""
    thread.path_shown = True
    return f" · saved in {near(thread.path)}"
