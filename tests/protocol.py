"""What the kernel's side and the pages' side must agree on: written in Python, and handed to TypeScript.

`python -m tests.protocol` writes two files, and test_protocol.py fails when one of them is stale:

- `labextension/src/protocol/generated.ts`: the constants, which the pages import;
- `labextension/src/protocol/__tests__/records.ts`: messages and a saved session as the kernel makes them, which the
  TypeScript tests read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

from codeact_magic import session as sessions
from codeact_magic.formats import Reading
from codeact_magic.frontends import control_channel, host, lab_page
from codeact_magic.risk import hidden
from codeact_magic.session import (
    Action,
    Cell,
    Decision,
    Json,
    Observation,
    Reply,
    Session,
    Step,
    Turn,
    Usage,
)
from codeact_magic.sessions.saving import notebook
from codeact_magic.text import _HIDDEN_CATEGORIES, is_hidden

SOURCE = Path(__file__).parents[1] / "labextension" / "src" / "protocol"
CONSTANTS = SOURCE / "generated.ts"
RECORDS = SOURCE / "__tests__" / "records.ts"

_STYLE_SELECTORS = range(0xFE0E, 0xFE10)  # hidden in Python behind some characters only; pages always show them
_UNASSIGNED = "Cn"  # differs between versions of Unicode, and so between Python and a browser


def files() -> dict[Path, str]:
    """Return what each of the files must contain."""
    return {CONSTANTS: constants(), RECORDS: records()}


def constants() -> str:
    """Return generated.ts."""
    lines = [
        "/** What the Python side defines. Written by `python -m tests.protocol`: change it there. */",
        "",
        "/** The MIME types of a step, and of an offer of cells for the notebook. */",
        _constant("STEP_MIME", lab_page.MIME),
        _constant("INSERT_MIME", host.INSERT),
        "/** The type of a message with a request on the control channel. */",
        _constant("REQUEST_TYPE", control_channel.REQUEST),
        "/** The versions of the step record, and of the metadata of a session notebook. */",
        _constant("WIRE_VERSION", lab_page.VERSION),
        _constant("SESSION_VERSION", notebook.VERSION),
        "",
        "/** How a step stands, what it is of, and how the run of its code ended. */",
        _choices("STATUSES", lab_page.StepStatus),
        _choices("OF", sessions.Of),
        _choices("ENDED", lab_page.Ended),
        "/** What an agent does, and how a turn ended. */",
        _choices("ACTIVITIES", control_channel.Activity),
        _choices("OUTCOMES", sessions.Outcome),
        "/** What a page can decide, and what is recorded of a decision. */",
        f"{_constant('DECISIONS', list(control_channel.DECISIONS))[:-1]} as const;",
        _choices("VERDICTS", sessions.Verdict),
        _constant("VERDICT_WORDS", sessions.VERDICT_WORDS),
        "",
        "/** Characters that are shown as their code: Unicode categories, and ranges of further code points. */",
        _constant("HIDDEN_CATEGORIES", sorted(_HIDDEN_CATEGORIES - {_UNASSIGNED})),
        _constant("HIDDEN_RANGES", _ranges(), "readonly (readonly [number, number])[]"),
        "/** Letters of other scripts that look like an ASCII letter. */",
        _constant("LOOK_ALIKES", hidden.LOOK_ALIKES, "Readonly<Record<string, string>>"),
        "/** Code behind so many blanks, or below so many blank lines, is out of sight; so many places are reported. */",
        _constant("FAR_GAP", hidden.GAP),
        _constant("FAR_INDENT", hidden.INDENT),
        _constant("MANY_BLANK_LINES", hidden.BLANK_LINES),
        _constant("MOST_OUT_OF_SIGHT", hidden.MOST_OUT_OF_SIGHT),
    ]
    return "\n".join(lines) + "\n"


def records() -> str:
    """Return records.ts."""
    channel = Channel()
    channel.play()
    metadata, cells = saved_session()
    lines = [
        "/** Messages and a saved session as the kernel makes them. Written by `python -m tests.protocol`. */",
        "import type { Request } from '../requests';",
        "import type { IStep } from '../steps';",
        "",
        "type Json = Readonly<Record<string, unknown>>;",
        "",
        "/** Step records, each under what it shows. */",
        _constant("STEPS", channel.steps, "Readonly<Record<string, Json>>"),
        "",
        "/** Requests, each with the kernel's reply. */",
        _constant("REQUESTS", channel.requests, "readonly (readonly [Request, Json])[]"),
        "",
        "/** The metadata of a session notebook, and its cells. */",
        _constant("SESSION", metadata, "Json"),
        _constant("CELLS", cells, "readonly { readonly metadata: unknown; readonly source: string }[]"),
        "/** The steps in it: status, how each ended, and the decision. */",
        _constant("CELL_STEPS", _CELL_STEPS, "readonly (readonly [IStep['status'], IStep['ended'], IStep['decision']])[]"),
        "",
        "/** Code, and whether the kernel finds that it does not read as it runs. */",
        _constant("CODES", [[code, any(hidden.unseen(code))] for code in _CODES], "readonly (readonly [string, boolean])[]"),
    ]
    return "\n".join(lines) + "\n"


# -- step records and requests -----------------------------------------------------------------------------------------

_PROPOSED = Reading(thought="I look.", action=Action("x = 1"), reasoning="Hm.")
_REPLY = Reply("I look.", usage=Usage(812, 700, 45, True), seconds=1.5, model="m")
_APPROVED = Decision("approve", "x = 1", seconds=2.0, findings=("writes a.csv",))
_FINISHED = Step(_REPLY, "I look.", Action("x = 1"), _APPROVED, said="s", heard="h")
_FINAL = Step(_REPLY, "Done.")
_NO_MODEL = Step(Reply(""), "", Action("x = 1"), _APPROVED, heard="h")


class Channel:
    """A kernel that is at work, and a page that asks it. `steps` and `requests` are what went between them."""

    def __init__(self) -> None:
        self.steps: dict[str, Json] = {}
        self.requests: list[tuple[Json, Json]] = []
        self._channel = control_channel.ControlRoom(interrupt=lambda: None)
        self._channel._decisions = self  # type: ignore[assignment]
        self._records = lab_page.StepBoard(self._channel)
        self._decision: Json = {}
        self._sent: Json = {}

    def play(self) -> None:
        """Take a turn, a replay and a consent through every status that a step can have."""
        names = (bytes([number] * 8) for number in range(100))
        with (
            patch("os.urandom", lambda size: next(names)[:size]),
            patch("time.monotonic", lambda: 0.0),
        ):
            self._request({"op": "stop"})
            self._turn()
            self._replay()
            self._consent()
            state = self._request({"op": "state"})
            self._request({"op": "state", "since": state["revision"]})
            self._request({"op": "insert", "id": self._channel.offer([{"cell_type": "code", "source": "x = 1"}])})
            self._request({"op": "insert", "id": "gone"})

    def _turn(self) -> None:
        self._channel.settings = {"approve": "ask", "session": "codeact-sessions/a.ipynb"}
        self._records.begin("main", 1, "Look", "m", 1)
        self._records.thinking(1)
        self._keep("thinking")
        self._records.streaming("I lo", "H", ["again"])
        self._keep("streaming")
        self._request({"op": "say", "text": "a remark"})
        self._ask(1, {"op": "decide", "decision": "approve", "code": "x = 2", "all": False})
        self._finish(1, "ok", Observation("ok", seconds=0.1))
        self._ask(2, {"op": "decide", "decision": "approve", "code": "x = 1", "all": True})
        self._finish(2, "error", Observation("error", line="line 1: x"))
        self._ask(3, {"op": "stop"})
        self._finish(3, "interrupted", Observation("aborted", note="Stopped."))
        self._ask(4, {"op": "decide", "decision": "reject", "reason": "no"})
        self._records.finished(4, Step(_REPLY, "I look.", Action("x = 1"), Decision("reject", reason="no"), heard="h"))
        self._keep("rejected")
        self._propose(5)
        self._records.finished(5, Step(_REPLY, "I look.", Action("x = 1"), heard="The same code again."))
        self._keep("skipped")
        self._propose(6)
        self._records.broken_off()
        self._keep("stopped")
        self._records.thinking(7)
        self._records.proposed(Reading(thought="Done."))
        self._records.finished(7, _FINAL)
        self._keep("answer")
        self._records.end(Turn("Look", steps=(_FINISHED, _FINAL), outcome="answered", seconds=3.0))

    def _replay(self) -> None:
        self._records.begin("replay of Look", 1, "Look", "", 2, of="replay")
        self._records.thinking(1, "action 1")
        self._records.proposed(_PROPOSED)
        self._keep("replay")
        self._records.finished(1, _NO_MODEL)
        self._records.end(Turn("Look", steps=(_NO_MODEL,), outcome="failed"))

    def _consent(self) -> None:
        self._records.begin("main", 1, "This runs elsewhere.", "", 1, of="consent")
        self._records.thinking(1, "the session")
        self._ask(1, {"op": "decide", "decision": "approve", "code": "x = 1", "all": False}, begin=False)
        self._records.finished(1, _NO_MODEL)
        self._keep("consent")
        self._records.end(Turn("This runs elsewhere.", outcome="answered"))

    def _propose(self, number: int) -> None:
        self._records.thinking(number)
        self._records.proposed(_PROPOSED)

    def _ask(self, number: int, decision: Json, *, begin: bool = True) -> None:
        """Have the page answer a step with `decision`."""
        if begin:
            self._records.thinking(number)
        self._records.proposed(_PROPOSED)
        pending = self._records.pending(("writes a.csv",), "writes a.csv")
        self._keep(f"pending {pending['of']} {number}")
        names = {"id": pending["id"]} if decision["op"] == "decide" else {}
        self._sent = decision | names
        said = self._channel.ask(pending, patience=0.0, tick=0.0)
        assert said is not None
        self._records.decided(lab_page._decision(said, "x = 1"))
        self._keep(f"decided {pending['of']} {number}")

    # What the main thread waits on: the page looks at the state and decides.

    def empty(self) -> bool:
        return True

    def put(self, decision: Json) -> None:
        self._decision = decision

    def get(self, timeout: float) -> Json:
        pending = self._request({"op": "state"})["pending"]
        self._request({"op": "hello", "id": pending["id"]})
        self._request(self._sent)
        if self._sent["op"] == "decide":
            self._request(self._sent)
        return self._decision

    def _finish(self, number: int, ended: str, observation: Observation) -> None:
        decision = Decision("edit", "x = 2") if number == 1 else _APPROVED
        step = Step(_REPLY, "I look.", Action("x = 1"), decision, observation, heard="h")
        self._records.finished(number, step)
        self._keep(ended)

    def _keep(self, name: str) -> None:
        self.steps[name] = self._records.record

    def _request(self, content: Json) -> Json:
        reply = self._channel.answer(content)
        self.requests.append((content, json.loads(json.dumps(reply))))
        return reply


# -- a saved session ---------------------------------------------------------------------------------------------------

_CELL_STEPS = [
    ["done", "ok", "approve"],
    ["done", "error", "edit"],
    ["done", "interrupted", "approve"],
    ["rejected", None, "reject"],
    ["answer", None, ""],
]


def saved_session() -> tuple[Json, list[Json]]:
    """Return the metadata of a session notebook that has every kind of cell, and its cells."""
    rejected = Step(_REPLY, "No?", Action("x = 1"), Decision("reject", reason="no"), said="s", heard="h")
    steps = (
        _saved(_APPROVED, Observation("ok", seconds=0.1)),
        _saved(Decision("edit", "x = 2"), Observation("error", line="line 1: x")),
        _saved(_APPROVED, Observation("aborted", note="Stopped.")),
        rejected,
        _FINAL,
    )
    cells = (Cell("mine"), Cell("other", failed=True, earlier=True))
    turn = Turn("Look", cells=cells, steps=steps, outcome="answered", model="m", seconds=3.0)
    limit = Turn("Again", outcome="limit", note="At the limit.", model="m")
    session = Session("a1", started="2026-01-02T03:04:05+00:00", home="..", turns=(turn, limit))
    made = notebook.to_notebook(session)
    cells_json = [{"metadata": cell.metadata.get("codeact"), "source": cell.source} for cell in made.cells]
    return made.metadata["codeact"], cells_json


def _saved(decision: Decision, observation: Observation) -> Step:
    return Step(_REPLY, "I look.", Action("x = 1"), decision, observation, said="s", heard="h")


# -- code that does not read as it runs --------------------------------------------------------------------------------

_CODES = [
    "total = sum(values)  # fine",
    "x = 'a\u202eb'",
    "x\u200b = 1",
    "print('👩\u200d🔬')",
    "p\u0430yload = 1",
    "max_\u0430 = 1",
    "цена = Δx",
    "\uff45val(x)",
    f"x = 1{' ' * (hidden.GAP - 1)}; y = 2",
    f"x = 1{' ' * hidden.GAP}; y = 2",
    f"x = 1{' ' * hidden.GAP}# y = 2",
    f"if x:\n{' ' * (hidden.INDENT - 1)}y = 2",
    f"if x:\n{' ' * hidden.INDENT}y = 2",
    "x = 1" + "\n" * hidden.BLANK_LINES + "y = 2",
    "x = 1" + "\n" * (hidden.BLANK_LINES + 1) + "y = 2",
]


# -- TypeScript --------------------------------------------------------------------------------------------------------


def _ranges() -> list[tuple[int, int]]:
    """Return the ranges of hidden code points whose category does not tell."""
    found: list[tuple[int, int]] = []
    for point in _points():
        if found and found[-1][1] == point - 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return found


def _points() -> Iterator[int]:
    import unicodedata

    for point in range(0x110000):
        by_category = unicodedata.category(chr(point)) in _HIDDEN_CATEGORIES
        if point in _STYLE_SELECTORS or (is_hidden(point) and not by_category):
            yield point


def _choices(name: str, literal: Any) -> str:
    return f"export const {name} = {_typescript(list(get_args(literal)))} as const;"


def _constant(name: str, value: object, kind: str = "") -> str:
    declared = f"{name}: {kind}" if kind else name
    return f"export const {declared} = {_typescript(value)};"


def _typescript(value: object, depth: int = 0) -> str:
    """Return a value as TypeScript; what fits on a line is on one."""
    if isinstance(value, Mapping):
        parts = [f"{_key(name)}: {_typescript(item, depth + 1)}" for name, item in value.items()]
        return _enclosed("{}", parts, depth)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _enclosed("[]", [_typescript(item, depth + 1) for item in value], depth)
    if isinstance(value, str):
        inside = json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{inside}'"
    return json.dumps(value)


def _enclosed(brackets: str, parts: list[str], depth: int) -> str:
    first, last = brackets
    line = ", ".join(parts)
    if len(line) + 2 * depth < 80 and "\n" not in line:
        return f"{first} {line} {last}" if parts and first == "{" else f"{first}{line}{last}"
    inside = "  " * (depth + 1)
    return f"{first}\n{inside}" + f",\n{inside}".join(parts) + f"\n{'  ' * depth}{last}"


def _key(name: str) -> str:
    return name if name.isidentifier() else _typescript(name)


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
