"""A notebook as a session: the cells that to_notebook.py makes, read back and checked.

validation.py checks the content of each cell of the session; this module checks the order of the cells.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...errors import SessionError
from ...session import Cell, Json, Session, Step, Turn
from ...text import one_line, storable
from .earlier import migrated
from .to_notebook import VERSION, known_texts


def parsed(data: bytes) -> Any:
    """Return the JSON of the bytes of a notebook. Raises SessionError."""
    try:
        text = data.decode("utf-8-sig")
        if not text.strip():
            raise SessionError("the file is empty: its session ended before anything was saved; delete it")
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SessionError(f"the file is damaged, or not a notebook ({one_line(error)}); choose another") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def from_notebook(notebook: Any) -> Session:
    """Return the session in `notebook` (a NotebookNode, or the JSON of one).

    Cells that are not the session's are passed over. Raises SessionError if there is no session, or a broken one.
    """
    try:
        return _session(notebook)
    except RecursionError:
        raise SessionError("the notebook is nested too deeply to be a session") from None


def has_other_cells(cells: Sequence[Json]) -> bool:
    """Return whether any of the cells is not the session's, and not blank."""
    return any(cell["metadata"].get("codeact") is None and not _is_blank(cell.get("source")) for cell in cells)


def _is_blank(source: Any) -> bool:
    lines = source if isinstance(source, list) else [source or ""]
    return not any(str(line).strip() for line in lines)


def _session(notebook: Any) -> Session:
    from .validation import checked

    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise SessionError("this is not a notebook of nbformat 4; choose another file")
    about = _table(notebook.get("metadata"), "metadata").get("codeact")
    if about is None:
        raise SessionError("this notebook holds no codeact session; choose another file")
    head = _table(about, "metadata: codeact")
    version = head.pop("codeact", None)
    if version != VERSION:
        raise SessionError(f"its session is of format {reprlib.repr(version)}, not {VERSION}; upgrade codeact_magic")
    session = checked(Session, {**head, "turns": []}, "metadata: codeact")
    return replace(session, turns=_turns(notebook["cells"]))


def _turns(cells: list[Any]) -> tuple[Turn, ...]:
    reader = _Reader()
    for number, cell in enumerate(cells, 1):
        location = f"cell {number}"
        about = _table(_table(cell, location).get("metadata"), location).get("codeact")
        if about is not None:
            reader.read(cell, _table(about, location), location)
    return reader.finish()


class _Reader:
    """Puts the turns of a session together, cell by cell."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.steps: list[Step] = []  # of the last turn
        self.cells: list[Cell] = []  # the user's, whose prompt is still to come
        self.thought = ""  # whose action is still to come

    def read(self, cell: Json, about: Json, location: str) -> None:
        """Add one of the session's cells; `about` is its metadata. Raises SessionError."""
        kind = about.get("kind")
        self._check_order(kind, location)
        match kind:
            case "cell":
                self.cells.append(_user_cell(cell, about, location))
            case "prompt":
                self._begin_turn(cell, about, location)
            case "thought" | "answer" if "step" not in about:
                self.thought = _text(cell, about, location)
            case "thought" | "answer":
                self.steps.append(_step(cell, about, _text(cell, about, location), location))
            case "action" | "proposal":
                self.steps.append(_step(cell, about, self.thought, location))
                self.thought = ""
            case "note":
                self.turns[-1] = replace(self.turns[-1], note=_text(cell, about, location))

    def _check_order(self, kind: Any, location: str) -> None:
        if kind not in ("home", "cell", "prompt", "thought", "answer", "action", "proposal", "note"):
            raise SessionError(f"{location} is of the unknown kind {reprlib.repr(kind)}")
        if self.thought and kind not in ("action", "proposal"):
            raise SessionError(f"{location} stands where the action of a thought should")
        if self.cells and kind not in ("cell", "prompt"):
            raise SessionError(f"{location} stands where a prompt should")
        if not self.turns and kind not in ("home", "cell", "prompt"):
            raise SessionError(f"{location} has no prompt before it")

    def _begin_turn(self, cell: Json, about: Json, location: str) -> None:
        from .validation import checked

        given = _table(about.get("turn"), location)
        turn = checked(Turn, {**given, "prompt": _text(cell, about, location)}, location)
        self._end_turn()
        self.turns.append(replace(turn, cells=tuple(self.cells), steps=()))
        self.cells = []

    def _end_turn(self) -> None:
        if self.steps:
            self.turns[-1] = replace(self.turns[-1], steps=tuple(self.steps))
        self.steps = []

    def finish(self) -> tuple[Turn, ...]:
        """Return the turns, at the end of the notebook. Raises SessionError."""
        if self.thought or self.cells:
            raise SessionError("the notebook ends in the middle of a turn")
        self._end_turn()
        return tuple(self.turns)


# -- cells -------------------------------------------------------------------------------------------------------------


def _user_cell(cell: Json, about: Json, location: str) -> Cell:
    from .validation import checked

    marks = {name: about[name] for name in ("failed", "earlier") if name in about}
    return checked(Cell, {"code": _source(cell, location), **marks}, location)


def _text(cell: Json, about: Json, location: str) -> str:
    return _joined(about["text"], location) if "text" in about else _source(cell, location)


def _source(cell: Json, location: str) -> str:
    return _joined(cell.get("source"), f"{location}: source")


def _joined(value: Any, location: str) -> str:
    """Return a text, which may be given as a list of lines. Raises SessionError."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        raise _wrong(value, "a text", location)
    return storable(value)


# Fields that were renamed, by the names that earlier versions saved them under.
_NEW_NAMES = {"said": "assistant_message", "heard": "observation_message"}


def _step(cell: Json, about: Json, thought: str, location: str) -> Step:
    from .validation import checked

    given = {_NEW_NAMES.get(name, name): value for name, value in _table(about.get("step"), location).items()}
    given["thought"] = thought
    for name in [name for name in ("reply", "action", "decision", "observation") if name in given]:
        given[name] = _table(given[name], f"{location}: {name}")
    if about["kind"] == "action":
        _add_what_is_shown(given, cell, location)
    if "observation" in given:
        given["observation"] = migrated(given["observation"])
    known = known_texts(thought, given.get("action", {}).get("code"))
    reply = _table(given.get("reply"), f"{location}: reply")
    reply["text"] = _put_back(reply.get("text"), known, f"{location}: text")
    message = _put_back(given.get("assistant_message", reply["text"]), known, f"{location}: assistant_message")
    return checked(Step, {**given, "reply": reply, "assistant_message": message}, location)


def _add_what_is_shown(given: Json, cell: Json, location: str) -> None:
    """Put the code and outputs of a code cell into the fields of its step."""
    if cell.get("cell_type") != "code" or "decision" not in given or "observation" not in given:
        raise SessionError(f"{location} is not an action that ran")
    code = _source(cell, location)
    given["decision"]["code"] = code
    if "action" in given:
        given["action"].setdefault("code", code)
    given["observation"]["outputs"] = cell.get("outputs")


def _put_back(value: Any, known: list[str], location: str) -> Any:
    """Return a text with the `known` texts back in it; `value` has the texts around them. Raises SessionError."""
    if not isinstance(value, list):
        return value
    if len(value) != len(known) + 1 or not all(isinstance(text, str) for text in value):
        raise _wrong(value, f"a list of {len(known) + 1}", location)
    pairs = zip(known, value[1:], strict=True)
    return value[0] + "".join(text + after for text, after in pairs)


def _table(value: Any, location: str) -> Json:
    """Return a copy of a JSON object. Raises SessionError if it is none."""
    if not isinstance(value, dict):
        raise _wrong(value, "an object", location)
    return dict(value)


def _wrong(value: Any, expected: str, location: str) -> SessionError:
    return SessionError(f"{location} must be {expected}, not {reprlib.repr(value)}")
