"""The loop: think, decide, act, until the model answers (CodeAct: Wang et al., ICML 2024, arXiv:2402.01030)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice, takewhile
from typing import Protocol

from . import context, formats
from .errors import CodeActError, EndpointError, LimitReachedError, StoppedError
from .formats import Reading
from .hints import GoOn, Hint, SetOption
from .session import Cell, Decision, Format, Json, Observation, Reply, Session, Step, ToolCall, Turn
from .text import storable


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply as it is written; an empty one only says that time passes.

    A `note` tells the user why the reply is asked for again: what came of it so far is void.
    """

    text: str = ""
    reasoning: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model. `enough` tells where a reply that is still being written may be cut (None: nowhere)."""

    messages: tuple[Json, ...]
    stop: tuple[str, ...] = ()
    tools: tuple[Json, ...] = ()
    response_format: Json | None = None
    enough: Callable[[str], int | None] = field(default=lambda text: None, compare=False)


class Model(Protocol):
    """What writes replies. Raises EndpointError where it cannot."""

    name: str
    endpoint: str

    def reply(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        """Return the reply to `request`, handing each piece to `show` as it comes."""


class Approver(Protocol):
    """Who decides whether an action may run."""

    mode: str

    def decide(self, number: int, reading: Reading) -> Decision:
        """Return the decision about the action that step `number` proposes."""


class Executor(Protocol):
    """Where actions run."""

    def run(self, code: str) -> Observation:
        """Run `code`, once; what it raises is part of the observation."""

    def summary(self) -> str:
        """Return the namespace in outline."""

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that the user ran since this was last asked."""


class View(Protocol):
    """Who shows the turn as it goes."""

    def thinking(self, number: int, title: str = "") -> None:
        """Step `number` begins; `title` is what it is called where "step" is not the word."""

    def show(self, delta: Delta) -> None:
        """A piece of the reply has come."""

    def proposed(self, number: int, reading: Reading) -> None:
        """The reply is complete."""

    def finished(self, number: int, step: Step) -> None:
        """The step is over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a turn ends, whatever the model wants."""

    steps: int = 20
    tokens: int = 200_000  # prompt and completion of a turn together; 0: no limit
    repeats: int = 2  # of the same code, one after the other
    output: int = 8_000  # characters of an observation that the model is told
    context: int = 0  # tokens of the conversation that the model is sent; 0: no limit


class Agent:
    """Takes prompts to answers: `model` writes, `approver` decides, `executor` runs, `view` shows, `keep` saves.

    `draft` saves a step that is not complete, and `settle` waits, not for long, until what was saved outlives the
    process: code that ends it leaves its step behind. `remarks` returns what the user has said since it was last
    called.
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
        self.model, self.approver, self.executor, self.view, self.keep = model, approver, executor, view, keep
        self.draft, self.settle, self.limits, self.vision, self.remarks = draft, settle, limits, vision, remarks

    def run(self, prompt: str, *, format: Format = "fence", summarize: bool = True, fresh: bool = False) -> Turn:
        """Take `prompt` to its answer and return the turn; `fresh`: nothing of what the session made is there any more.

        Raises LimitReachedError, StoppedError or EndpointError if there is none; the session has all steps up to there.
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
        """Think, decide, act: one reply of the model and what comes of it."""
        self._check_limits()
        number = len(self.turn.steps) + 1
        reply, reading = self._think(number)
        step = Step(
            reply=reply, thought=reading.thought, action=reading.action, assistant_message=reading.assistant_message
        )
        if reading.fault:
            step = replace(step, observation_message=reading.fault)
        elif reading.action and (repeats := self._repeats(step)):
            step = replace(step, observation_message=context.repeated(self._before(step)))
            if repeats >= self.limits.repeats:
                self._add(number, step)
                raise LimitReachedError(
                    _TOO_OFTEN.format(times=repeats + 1),
                    GoOn(saying="what it should do instead"),
                    SetOption("max_repeats", to="raise the limit"),
                )
        elif reading.action:
            step = self._act(number, step, reading)
        step = self._with_remarks(step)
        self._add(number, step)
        if step.decision and step.decision.verdict == "stop":
            raise StoppedError(_STOPPED, GoOn())
        if step.observation and step.observation.status == "aborted":
            raise KeyboardInterrupt
        if not step.observation_message:
            note = _ANSWER_CUT if reply.finish == "length" else ""
            self._put(replace(self.turn, outcome="answered", note=note))

    @property
    def turn(self) -> Turn:
        """The turn under way, or the last one."""
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

    def _look(self, summarize: bool) -> None:
        """Take down what the user has: it travels with the prompt, and with the saved session."""
        summary = self.executor.summary() if summarize else ""
        self._put(replace(self.turn, context=summary, cells=self.executor.cells()))
        self.keep(self.session)

    def _think(self, number: int) -> tuple[Reply, Reading]:
        spec = formats.SPECS[self.turn.format]
        request = Request(
            messages=tuple(context.messages(self.session)),
            stop=spec.stop,
            tools=spec.tools,
            response_format=spec.response_format,
            enough=formats.enough,
        )
        self.view.thinking(number)
        self.settle()
        reply = _storable(self.model.reply(request, self.view.show))
        reading = formats.read(reply, self.turn.format)
        self.view.proposed(number, reading)
        return reply, reading

    def _act(self, number: int, step: Step, reading: Reading) -> Step:
        """Have the action decided about, and run where it may; a step that breaks off in this is kept all the same."""
        left = replace(step, observation_message=_UNDECIDED)
        observation = None
        try:
            self._draft(left)
            decision = self.approver.decide(number, reading)
            step = replace(step, decision=decision)
            if decision.runs:
                left = replace(step, observation_message=_NOT_BEGUN)
                self._draft(replace(step, observation_message=_BROKEN_OFF))
                self.settle()
                left = replace(step, observation_message=_BROKEN_OFF)
                observation = self.executor.run(decision.code)
            assert step.action
            heard = context.observation_text(step.action, decision, observation, self.limits.output)
        except BaseException:
            self._add(number, left)
            raise
        images = bool(self.vision and observation and context.has_images(observation))
        return replace(step, observation=observation, observation_message=heard, images=images)

    def _draft(self, step: Step) -> None:
        self.draft(self.session.updated(replace(self.turn, steps=(*self.turn.steps, step))))

    def _with_remarks(self, step: Step) -> Step:
        """Add what the user has said meanwhile to what the model hears; an answer is not the last word then."""
        remarks = [_REMARK.format(remark=storable(remark)) for remark in self.remarks()]
        return (
            replace(step, observation_message="\n\n".join(filter(None, [step.observation_message, *remarks])))
            if remarks
            else step
        )

    def _repeats(self, step: Step) -> int:
        """Return how many times the last steps came to this one before: at once, or round and round in a few steps."""
        return max(self._rounds(step, length) for length in range(1, _LONGEST_ROUND + 1))

    def _rounds(self, step: Step, length: int) -> int:
        """Return how many rounds of `length` steps, one like the other, end with this one."""
        later = chain([step], reversed(self.turn.steps))
        earlier = islice(reversed(self.turn.steps), length - 1, None)
        alike = takewhile(lambda pair: _is_again(*pair), zip(later, earlier, strict=False))
        return sum(1 for _ in alike) // length

    def _before(self, step: Step) -> str:
        """Return what the model heard when the code of a step was last decided about."""
        earlier = reversed(self.turn.steps)
        return next((other.observation_message for other in earlier if other.decision and _is_again(step, other)), "")

    def _check_limits(self) -> None:
        if len(self.turn.steps) >= self.limits.steps:
            raise LimitReachedError(
                _STEPS.format(limit=self.limits.steps), GoOn(), SetOption("max_steps", to="raise the limit")
            )
        usage = self.turn.usage
        if self.limits.tokens and usage.prompt + usage.completion >= self.limits.tokens:
            more = SetOption("max_tokens_per_turn", 2 * self.limits.tokens, to="raise the limit")
            raise LimitReachedError(_TOKENS.format(limit=self.limits.tokens), GoOn(), more)
        faults = self.turn.steps[-_MOST_FAULTS:]
        if len(faults) == _MOST_FAULTS and all(map(self._is_faulty, faults)):
            raise EndpointError(_UNUSABLE.format(times=_MOST_FAULTS), *_USABLE)

    def _is_faulty(self, step: Step) -> bool:
        return bool(formats.read(step.reply, self.turn.format).fault)

    def _add(self, number: int, step: Step) -> None:
        self._put(replace(self.turn, steps=(*self.turn.steps, step)))
        self.view.finished(number, step)
        self.keep(self.session)

    def _put(self, turn: Turn) -> None:
        self.session = self.session.updated(turn)

    def _end(self, outcome: str, note: str, began: float) -> None:
        seconds = round(time.monotonic() - began, 3)
        self._put(replace(self.turn, outcome=outcome, note=note, seconds=seconds))  # type: ignore[arg-type]
        self.keep(self.session)


def _is_again(later: Step, earlier: Step) -> bool:
    """Return whether a step is an earlier one again: the same code and, where that ran again, the same result."""
    if not (later.action and earlier.action and later.action.code.strip() == earlier.action.code.strip()):
        return False
    return later.observation is None or later.observation_message == earlier.observation_message


_OUTCOMES: dict[type[CodeActError], str] = {LimitReachedError: "limit", StoppedError: "stopped"}
_MOST_FAULTS = 3
_LONGEST_ROUND = 3  # steps that a model goes through again and again
_UNDECIDED = "The code was not run: nobody decided about it."
_NOT_BEGUN = "The code was not run: it was stopped before it began."
_BROKEN_OFF = "The run of the code broke off; how far it came is not known."
_REMARK = "The user remarks: {remark}"
_STOPPED = "You stopped the agent."
_TOO_OFTEN = "The model proposed the same code {times} times over, so the turn was ended."
_STEPS = "The turn reached its limit of {limit} steps."
_TOKENS = "The turn reached its limit of {limit:,} tokens."
_UNUSABLE = "The model's last {times} replies could not be used (empty, or cut off)."
_USABLE = (
    SetOption("model", to="try another model"),
    SetOption("format", to="try another format"),
    SetOption("max_tokens", to="allow longer replies"),
)
_ANSWER_CUT = "The answer was cut off at the model's limit of tokens."


def remedies(turn: Turn) -> tuple[Hint, ...]:
    """Return what can be done about the note of a turn that has an answer: the only one says that it was cut off."""
    return (SetOption("max_tokens", to="raise the limit"),) if turn.answer and turn.note else ()


def _storable(reply: Reply) -> Reply:
    """Return `reply` as it can be saved and sent: streams cut surrogate pairs in two."""
    calls = tuple(ToolCall(*map(storable, (call.id, call.name, call.arguments))) for call in reply.tool_calls)
    return replace(reply, text=storable(reply.text), reasoning=storable(reply.reasoning), tool_calls=calls)
