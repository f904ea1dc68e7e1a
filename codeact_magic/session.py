"""A session as values: a Session has Turns (one `%%codeact` cell each), which have Steps.

Everything here is frozen and holds only strings, numbers, tuples and JSON. So a session can be compared, saved and
loaded without loss (`sessions/saving/`), and rendered into chat messages without any lookup (`context/`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Json = dict[str, Any]
Format = Literal["fence", "execute", "tools", "json"]
Verdict = Literal["approve", "edit", "reject", "stop"]
Occasion = Literal["turn", "replay", "consent"]  # what a step is part of; a consent is to code that runs elsewhere
Status = Literal["ok", "error", "interrupted", "timed out", "kernel lost"]
Outcome = Literal["open", "answered", "limit", "stopped", "failed"]

VERDICT_WORDS: dict[Verdict, str] = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "stop": "stopped",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one reply, or of many added up. `cached` is the part of `prompt` that the endpoint had cached.

    `cost` is in dollars; None if it is not known, or if it is not known of all that was added up.
    """

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    estimated: bool = False  # the endpoint sent no usage, so the tokens were estimated from the text
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
            self.estimated or other.estimated,
            self._cost_with(other),
        )

    def _cost_with(self, other: Usage) -> float | None:
        if not self.tokens or not other.tokens:
            return self.cost if self.tokens else other.cost
        return None if self.cost is None or other.cost is None else self.cost + other.cost

    @property
    def tokens(self) -> int:
        """All tokens together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call as the endpoint sent it; `arguments` is unparsed JSON text.

    `extra` is the JSON text of the call's other fields, which some endpoints want back, such as a signature.
    """

    id: str
    name: str
    arguments: str
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply of the model.

    `finish` says how it ended: "stop", "tool_calls" or "length", or if the stream was closed here, "cut" (the rest was
    not needed) or "loop" (the model repeated itself).
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    usage: Usage = Usage()
    seconds: float = 0.0
    model: str = ""  # as the endpoint names it
    reasoning_field: str = ""  # what the endpoint calls the field of the reasoning
    extra: str = ""  # the JSON text of the message's other fields that some endpoints want back
    note: str = ""  # what the user is told about how it ended


@dataclass(frozen=True, slots=True)
class Action:
    """Code that the model wants to run, as it proposed it."""

    code: str
    format: Format = "fence"
    call_id: str = ""  # the id of the tool call that carried it


IMPORTED = "import"  # stands for the user who decided and for the model, in a session from training data


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about an action: by whom ("user", "policy auto", ...), and the code that may run."""

    verdict: Verdict
    code: str = ""
    reason: str = ""
    by: str = "user"
    seconds: float = 0.0
    findings: tuple[str, ...] = ()  # the findings about the action, as they were shown

    @property
    def runs(self) -> bool:
        """Whether `code` may run."""
        return self.verdict in ("approve", "edit")


DEAD_KERNEL = "DeadKernelError"  # the error name in the outputs of a run whose kernel died
CONNECTION_LOST = "ConnectionLostError"  # the same, if the kernel can no longer be reached


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of running code: how it ended, nbformat outputs, and the variables it changed as (name, short repr).

    `status` says how the run ended:

        ok           the code ran to its end
        error        the code raised an exception
        interrupted  the user stopped the code
        timed out    the code ran longer than allowed, and was interrupted
        kernel lost  the kernel died or became unreachable during the run
    """

    status: Status
    outputs: tuple[Json, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    execution_count: int | None = None
    line: str = ""  # the innermost line of the action that raised, as "line 3: total = df['age']"
    note: str = ""  # a sentence for the user and the model, e.g. why the code was interrupted
    fresh: bool = False  # the code ran in a new kernel: all variables from before it were gone
    lost: bool = False  # the kernel ended with the run: all variables are gone after it


@dataclass(frozen=True, slots=True)
class Step:
    """One reply and its result.

    `assistant_message` and `observation_message` are the two chat messages that the step leaves in the conversation.
    They are fixed when the step ends, so that every later request repeats them byte for byte. A step without an
    `observation_message` ended the turn.

    A step can stand alone (`standalone`): code that is replayed, or that the user is asked about. No model wrote it,
    and it is not part of a conversation.
    """

    reply: Reply
    thought: str = ""
    action: Action | None = None
    decision: Decision | None = None
    observation: Observation | None = None
    assistant_message: str = ""
    observation_message: str = ""
    images: bool = False  # the images among the outputs were sent to the model with `observation_message`
    stands_alone: bool = False

    @classmethod
    def standalone(cls, thought: str, code: str) -> Step:
        """Return a step that stands alone: `code`, with `thought` shown above it."""
        message = "(This step stands alone.)"
        return cls(Reply(""), thought, Action(code), observation_message=message, stands_alone=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that the user ran before a turn. The session needs it to run again."""

    code: str
    failed: bool = False
    earlier: bool = False  # the cell is an action of another session in the same kernel, not written by the user


@dataclass(frozen=True, slots=True)
class Turn:
    """One prompt, with its steps and its answer. `context` is the namespace summary that was sent with the prompt."""

    prompt: str
    context: str = ""
    cells: tuple[Cell, ...] = ()
    steps: tuple[Step, ...] = ()
    outcome: Outcome = "open"
    note: str = ""  # if the turn has no answer: the line that told the user why it ended
    model: str = ""
    endpoint: str = ""  # without credentials
    format: Format = "fence"
    approve: str = "ask"
    started: str = ""  # ISO 8601, with the zone
    seconds: float = 0.0
    window: int = 0  # the first turn of the session that the model still sees
    fresh: bool = False  # the turn began in a kernel without the variables of the turns before it

    @property
    def answer(self) -> str:
        """The final answer, empty if the turn has none."""
        return self.steps[-1].thought if self.outcome == "answered" and self.steps else ""

    @property
    def usage(self) -> Usage:
        """The tokens of all replies."""
        return sum((step.reply.usage for step in self.steps), Usage())


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation, saved as one notebook.

    `home` is the path from the notebook's folder to the kernel's working directory.
    """

    id: str
    thread: str = "main"
    started: str = ""
    home: str = ""
    turns: tuple[Turn, ...] = field(default=())

    def updated(self, turn: Turn) -> Session:
        """Return the session with its last turn replaced by `turn`."""
        return replace(self, turns=(*self.turns[:-1], turn))

    def begun(self, turn: Turn) -> Session:
        """Return the session with `turn` added."""
        return replace(self, turns=(*self.turns, turn))

    @property
    def usage(self) -> Usage:
        """The tokens of all turns."""
        return sum((turn.usage for turn in self.turns), Usage())


def joined(text: str | list[str] | None) -> str:
    """Return an nbformat multiline string as one string."""
    return "".join(text) if isinstance(text, list) else text or ""
