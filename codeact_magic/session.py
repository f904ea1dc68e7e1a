"""What happened, as values: a Session has Turns (one `%%codeact` cell each), which have Steps.

Everything here is frozen and holds only strings, numbers, tuples and JSON: a session can be compared, saved and
loaded without loss (`saving/`), and rendered into chat messages without looking anything up (`context/`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Json = dict[str, Any]
Format = Literal["fence", "execute", "tools", "json"]
Verdict = Literal["approve", "edit", "reject", "stop"]
Occasion = Literal["turn", "replay", "consent"]  # what a step is part of; a consent is to code that runs elsewhere
Status = Literal["ok", "error", "aborted"]
Outcome = Literal["open", "answered", "limit", "stopped", "failed"]

VERDICT_WORDS: dict[Verdict, str] = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "stop": "stopped",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, or of many added up. `cached` is the part of `prompt` that the endpoint had cached."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    estimated: bool = False  # the endpoint did not say, so these were counted from the text

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call as the endpoint sent it; `arguments` is unparsed JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said, whole. `finish` is the endpoint's finish_reason, or "cut" where we closed the stream."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    usage: Usage = Usage()
    seconds: float = 0.0
    model: str = ""  # as the endpoint names it


@dataclass(frozen=True, slots=True)
class Action:
    """Code that the model wants to run, as it proposed it."""

    code: str
    format: Format = "fence"
    call_id: str = ""  # of the tool call that carried it


IMPORTED = "import"  # who decided, and which model it was, in a session from training data


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about an action, by whom ("user", "policy auto", ...), and the code that may run."""

    verdict: Verdict
    code: str = ""
    reason: str = ""
    by: str = "user"
    seconds: float = 0.0
    findings: tuple[str, ...] = ()  # what the action would touch, as it was shown

    @property
    def runs(self) -> bool:
        """Whether `code` is to be run."""
        return self.verdict in ("approve", "edit")


@dataclass(frozen=True, slots=True)
class Observation:
    """What running the code gave: nbformat outputs, and the variables it changed as (name, short repr)."""

    status: Status
    outputs: tuple[Json, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    execution_count: int | None = None
    line: str = ""  # the innermost line of the action that raised, as "line 3: total = df['age']"
    note: str = ""  # e.g. why it was interrupted


@dataclass(frozen=True, slots=True)
class Step:
    """One reply and what came of it.

    `assistant_message` and `observation_message` are the two chat messages that the step leaves in the conversation.
    They are fixed when the step ends, so that every later request repeats them byte for byte. A step without an
    `observation_message` ended the turn.
    """

    reply: Reply
    thought: str = ""
    action: Action | None = None
    decision: Decision | None = None
    observation: Observation | None = None
    assistant_message: str = ""
    observation_message: str = ""
    images: bool = False  # the images among the outputs went to the model with `observation_message`


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that the user ran before a turn: the session re-runs only with it."""

    code: str
    failed: bool = False
    earlier: bool = False  # it is an action of another session in the same kernel, which the user has not written


@dataclass(frozen=True, slots=True)
class Turn:
    """One prompt, taken to its answer. `context` is the namespace summary that travelled with the prompt."""

    prompt: str
    context: str = ""
    cells: tuple[Cell, ...] = ()
    steps: tuple[Step, ...] = ()
    outcome: Outcome = "open"
    note: str = ""  # the line that told the user why the turn ended, where it has no answer
    model: str = ""
    endpoint: str = ""  # without credentials
    format: Format = "fence"
    approve: str = "ask"
    started: str = ""  # ISO 8601, with the zone
    seconds: float = 0.0
    window: int = 0  # the first turn of the session that the model still sees
    fresh: bool = False  # it began in a kernel that had nothing of what the turns before it made

    @property
    def answer(self) -> str:
        """The final answer, empty where the turn has none."""
        return self.steps[-1].thought if self.outcome == "answered" and self.steps else ""

    @property
    def usage(self) -> Usage:
        """The tokens of all its replies."""
        return sum((step.reply.usage for step in self.steps), Usage())


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation, one saved notebook. `home` leads from the file's folder to the kernel's working directory."""

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
        """The tokens of all its turns."""
        return sum((turn.usage for turn in self.turns), Usage())


def joined(text: str | list[str] | None) -> str:
    """Return an nbformat multiline string as one string."""
    return "".join(text) if isinstance(text, list) else text or ""
