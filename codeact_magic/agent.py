"""The loop: think, decide, act, until the model answers (CodeAct: Wang et al., ICML 2024, arXiv:2402.01030)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from . import context, formats
from .context import repetition, wording
from .errors import CodeActError, EndpointError, LimitReachedError, StoppedError
from .formats import Reading
from .hints import GoOn, Hint, SetOption
from .session import Cell, Decision, Format, Json, Observation, Reply, Session, Step, ToolCall, Turn, Usage
from .text import clip, storable


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply as it is written; an empty one only shows that time passes.

    A `note` tells the user why the reply is requested again; the pieces so far are void.
    """

    text: str = ""
    reasoning: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a model.

    `enough` returns the length at which an unfinished reply may be cut (None: not yet). `whole` returns whether a reply
    is complete by its own syntax, for endings that nobody knows; its second argument asks for sentences to be complete
    too. If `cut_loops`, a reply that repeats itself is ended.
    """

    messages: tuple[Json, ...]
    stop: tuple[str, ...] = ()
    tools: tuple[Json, ...] = ()
    response_format: Json | None = None
    enough: Callable[[str], int | None] = field(default=lambda text: None, compare=False)
    whole: Callable[[Reply, bool], bool] = field(default=formats.is_whole, compare=False)
    cut_loops: bool = False


class Model(Protocol):
    """Writes replies. Raises EndpointError if it cannot."""

    name: str
    endpoint: str

    def reply(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        """Return the reply to `request`, passing each piece to `show` as it comes."""


class Approver(Protocol):
    """Decides whether an action may run."""

    mode: str

    def decide(self, number: int, reading: Reading) -> Decision:
        """Return the decision about the action of step `number`."""


class Executor(Protocol):
    """Runs actions."""

    def run(self, code: str) -> Observation:
        """Run `code` once. An exception of the code becomes part of the observation."""

    def summary(self) -> str:
        """Return an outline of the namespace."""

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that the user ran since the last call."""


class View(Protocol):
    """Shows a turn while it goes on."""

    def thinking(self, number: int, title: str = "") -> None:
        """Show that step `number` begins; `title` is its name if it is not "step"."""

    def show(self, delta: Delta) -> None:
        """Show a piece of the reply."""

    def proposed(self, number: int, reading: Reading) -> None:
        """Show the complete reply."""

    def finished(self, number: int, step: Step) -> None:
        """Show that the step is over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a turn."""

    steps: int = 20
    tokens: int = 200_000  # prompt and completion tokens of a turn together; 0: no limit
    cost: float = 0.0  # dollars of a turn; 0: no limit
    repeats: int = 2  # repetitions of the same code
    output: int = 8_000  # characters of the outputs in an observation message
    context: int = 0  # tokens of the conversation in a request; 0: no limit


class Agent:
    """Takes prompts to answers.

    Args:
        session: the session to continue.
        model: writes the replies.
        approver: decides about the actions.
        executor: runs them.
        view: shows the steps.
        keep: saves the session after each step.
        draft: saves the session with a step that is not complete.
        settle: waits briefly until the last save would survive the end of the process, since an action may end it.
        limits: see `Limits`.
        vision: whether the model is sent images.
        remarks: returns the user's remarks since its last call.
    """

    def __init__(
        self,
        session: Session,
        model: Model,
        approver: Approver,
        executor: Executor,
        *,
        view: View,
        keep: Callable[[Session], None],
        draft: Callable[[Session], None] = lambda session: None,
        settle: Callable[[], None] = lambda: None,
        limits: Limits = Limits(),
        vision: bool = False,
        remarks: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.session = session
        self.model = model
        self.approver = approver
        self.executor = executor
        self.view = view
        self.keep = keep
        self.draft = draft
        self.settle = settle
        self.limits = limits
        self.vision = vision
        self.remarks = remarks
        self._messages = context.TurnMessages()
        self._used = Usage()  # by the current turn

    def run(self, prompt: str, *, format: Format = "fence", summarize: bool = True, fresh: bool = False) -> Turn:
        """Take `prompt` to its answer and return the turn; `fresh`: the variables of earlier turns are gone.

        Raises LimitReachedError, StoppedError or EndpointError if there is no answer; the session keeps all steps.
        """
        began = time.monotonic()
        self._begin(prompt, format, fresh)
        try:
            self._look(summarize)
            while self.turn.outcome == "open":
                self.step()
            self._end("answered", self.turn.note, began)
        except KeyboardInterrupt:
            self._end("stopped", _STOPPED, began)
            raise StoppedError(_STOPPED, GoOn()) from None
        except CodeActError as error:
            self._end(_OUTCOMES.get(type(error), "failed"), error.fact, began)
            raise
        except BaseException as error:
            self._end("failed", f"{type(error).__name__}: {error}", began)
            raise
        return self.turn

    def step(self) -> None:
        """Think, decide, act: request one reply, and run its action if that is approved."""
        self._check_limits()
        number = len(self.turn.steps) + 1
        reply, reading = self._think(number)
        step = Step(
            reply=reply, thought=reading.thought, action=reading.action, assistant_message=reading.assistant_message
        )
        if reading.fault:
            step = replace(step, observation_message=reading.fault)
        elif reading.action and (times := repetition.repeats(self.turn.steps, step)):
            step = replace(step, observation_message=context.repeated(repetition.earlier(self.turn.steps, step)))
            if times >= self.limits.repeats:
                self._add(number, step)
                raise LimitReachedError(
                    _TOO_OFTEN.format(times=times + 1),
                    GoOn(saying="what it should do instead"),
                    SetOption("max_repeats", to="raise the limit"),
                )
        elif reading.action:
            step = self._act(number, step, reading)
        step = self._with_remarks(step)
        self._add(number, step)
        if step.decision and step.decision.verdict == "stop":
            raise StoppedError(_STOPPED, GoOn())
        if step.observation and step.observation.status == "interrupted":
            raise KeyboardInterrupt
        if not step.observation_message:
            note = " ".join(self._notes(reply))
            self._put(replace(self.turn, outcome="answered", note=note))

    @property
    def turn(self) -> Turn:
        """The current turn, or the last one."""
        return self.session.turns[-1]

    def _begin(self, prompt: str, format: Format, fresh: bool) -> None:
        turn = Turn(
            prompt=prompt,
            model=self.model.name,
            endpoint=self.model.endpoint,
            format=format,
            approve=self.approver.mode,
            started=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
            window=context.window(self.session, self.limits.context),
            fresh=fresh,
        )
        self.session = self.session.begun(turn)
        self._messages = context.TurnMessages()
        self._used = Usage()

    def _look(self, summarize: bool) -> None:
        """Add the user's variables and cells to the turn: the prompt needs the former, the saved session both."""
        summary = self.executor.summary() if summarize else ""
        self._put(replace(self.turn, context=summary, cells=self.executor.cells()))
        self.keep(self.session)

    def _think(self, number: int) -> tuple[Reply, Reading]:
        spec = formats.SPECS[self.turn.format]
        request = Request(
            messages=self._messages.of(self.session),
            stop=spec.stop,
            tools=spec.tools,
            response_format=spec.response_format,
            enough=formats.enough,
            cut_loops=True,
        )
        self.view.thinking(number)
        self.settle()
        reply = _storable(self.model.reply(request, self.view.show))
        reading = formats.read(reply, self.turn.format)
        if reply.finish == "loop" and not reading.action:
            begun = clip(reading.assistant_message, _MOST_REPEATED)
            reading = Reading(begun, assistant_message=begun, reasoning=reading.reasoning, fault=_LOOPED)
        self.view.proposed(number, reading)
        return reply, reading

    def _act(self, number: int, step: Step, reading: Reading) -> Step:
        """Return the step with the decision about its action, and the observation if it ran.

        The session keeps the step even if an exception breaks it off; its observation message says how far it came.
        """
        broken_off = replace(step, observation_message=wording.UNDECIDED)
        observation = None
        try:
            self._draft(broken_off)
            if self.approver.mode != "auto":  # then the user may be asked, and may take long
                self.settle()
            decision = self.approver.decide(number, reading)
            step = replace(step, decision=decision)
            if decision.runs:
                broken_off = replace(step, observation_message=wording.NOT_BEGUN)
                self._draft(replace(step, observation_message=wording.BROKEN_OFF))
                self.settle()
                broken_off = replace(step, observation_message=wording.BROKEN_OFF)
                observation = self.executor.run(decision.code)
            assert step.action
            message = context.observation_text(step.action, decision, observation, self.limits.output)
        except BaseException:
            self._add(number, broken_off)
            raise
        images = bool(self.vision and observation and context.has_images(observation))
        return replace(step, observation=observation, observation_message=message, images=images)

    def _draft(self, step: Step) -> None:
        self.draft(self.session.updated(replace(self.turn, steps=(*self.turn.steps, step))))

    def _with_remarks(self, step: Step) -> Step:
        """Add the user's remarks to the observation message. After an answer, the turn then goes on."""
        remarks = [_REMARK.format(remark=storable(remark)) for remark in self.remarks()]
        if not remarks:
            return step
        return replace(step, observation_message="\n\n".join(filter(None, [step.observation_message, *remarks])))

    def _check_limits(self) -> None:
        if len(self.turn.steps) >= self.limits.steps:
            raise LimitReachedError(
                _STEPS.format(limit=self.limits.steps), GoOn(), SetOption("max_steps", to="raise the limit")
            )
        if self.limits.tokens and _spent(self.turn.steps) >= self.limits.tokens:
            more = SetOption("max_tokens_per_turn", 2 * self.limits.tokens, to="raise the limit")
            raise LimitReachedError(_TOKENS.format(limit=self.limits.tokens), GoOn(), more)
        if self.limits.cost and self._used.tokens:
            self._check_cost()
        faults = self.turn.steps[-_MOST_FAULTS:]
        if len(faults) == _MOST_FAULTS and all(map(self._is_faulty, faults)):
            raise EndpointError(_UNUSABLE.format(times=_MOST_FAULTS, what=_what_came(faults)), *_USABLE)

    def _check_cost(self) -> None:
        cost = self._used.cost
        if cost is None:
            fact = _NO_PRICES.format(model=self.model.name, limit=self.limits.cost)
            raise LimitReachedError(
                fact,
                SetOption("prices", to="give them"),
                SetOption("max_cost_per_turn", 0, to="set no limit"),
            )
        if cost >= self.limits.cost:
            more = SetOption("max_cost_per_turn", 2 * self.limits.cost, to="raise the limit")
            raise LimitReachedError(_COST.format(limit=self.limits.cost), GoOn(), more)

    def _is_faulty(self, step: Step) -> bool:
        return step.observation_message.startswith(_LOOPED) or bool(formats.read(step.reply, self.turn.format).fault)

    def _notes(self, reply: Reply) -> list[str]:
        """Return what the user is told about the endings of the turn's replies, the last of which is `reply`."""
        notes = [step.reply.note for step in self.turn.steps if step.reply.note]
        if reply.finish == "length" and not reply.note:
            notes.append(_ANSWER_CUT)
        return list(dict.fromkeys(notes))

    def _add(self, number: int, step: Step) -> None:
        self._put(replace(self.turn, steps=(*self.turn.steps, step)))
        self._used += step.reply.usage
        self.view.finished(number, step)
        self.keep(self.session)

    def _put(self, turn: Turn) -> None:
        self.session = self.session.updated(turn)

    def _end(self, outcome: str, note: str, began: float) -> None:
        seconds = round(time.monotonic() - began, 3)
        self._put(replace(self.turn, outcome=outcome, note=note, seconds=seconds))  # type: ignore[arg-type]
        self.keep(self.session)


_MOST_CHARACTERS = 16  # of a token


def _spent(steps: Sequence[Step]) -> int:
    """Return the tokens of `steps`. An endpoint that reports fewer than the texts must have is not believed."""
    spent = 0
    before = 0  # characters of the steps so far: they are part of each request that follows
    for step in steps:
        written = len(step.assistant_message)
        usage = step.reply.usage
        spent += max(usage.prompt + usage.completion, (before + written) // _MOST_CHARACTERS)
        before += written + len(step.observation_message)
    return spent


_OUTCOMES: dict[type[CodeActError], str] = {LimitReachedError: "limit", StoppedError: "stopped"}
_MOST_FAULTS = 3
_REMARK = "The user remarks: {remark}"
_STOPPED = "You stopped the agent."
_TOO_OFTEN = "The model proposed the same code {times} times over, so the turn was ended."
_STEPS = "The turn reached its limit of {limit} steps."
_TOKENS = "The turn reached its limit of {limit:,} tokens."
_COST = "The turn reached its limit of ${limit:g}."
_NO_PRICES = "The prices of {model} are not known, so the turn cannot be kept below ${limit:g}."
_UNUSABLE = "The model's last {times} replies could not be used ({what})."
_MOST_REPEATED = 500  # characters of a reply that repeated itself: more of it would invite the model to go on
_LOOPED = (
    "Your reply repeated itself over and over, so it was cut off there, and nothing was run. Write it anew, without "
    "repeating yourself: either code to run, or an answer in words."
)
_USABLE = (
    SetOption("model", to="try another model"),
    SetOption("format", to="try another format"),
    SetOption("max_tokens", to="allow longer replies"),
)
_ANSWER_CUT = "The answer was cut off at the model's limit of tokens."


def remedies(turn: Turn) -> tuple[Hint, ...]:
    """Return the remedies for the note of a turn that has an answer: a limit that cut it off can be raised."""
    return (SetOption("max_tokens", to="raise the limit"),) if turn.answer and _ANSWER_CUT in turn.note else ()


def _what_came(steps: Sequence[Step]) -> str:
    """Return what replies that could not be used consisted of."""
    replies = [step.reply for step in steps]
    if all(reply.finish == "loop" for reply in replies):
        return "the model repeated itself over and over"
    if all(reply.reasoning.strip() and not reply.text.strip() and not reply.tool_calls for reply in replies):
        return "all that came was reasoning, without an answer"
    return "empty, or cut off"


def _storable(reply: Reply) -> Reply:
    """Return `reply` in a form that can be saved and sent: streams may cut a surrogate pair in two."""
    calls = tuple(
        ToolCall(*map(storable, (call.id, call.name, call.arguments, call.extra))) for call in reply.tool_calls
    )
    return replace(reply, text=storable(reply.text), reasoning=storable(reply.reasoning), tool_calls=calls)
