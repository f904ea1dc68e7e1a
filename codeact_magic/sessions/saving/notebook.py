"""How a session is a notebook: Session <-> .ipynb. What keeps the file is in saver.py.

Each cell of a session says in `metadata.codeact` of what `kind` it is, and what its source and outputs do not say:

    home      goes to the folder that the actions ran in
    cell      a cell that the user ran before the prompt
    prompt    the turn: its prompt and how it went
    thought   what the model wrote beside an action; `answer` where it ended the turn
    action    a step whose code ran: the code that ran, and its outputs
    proposal  a step whose code did not run, shown as text so that a re-run leaves it alone
    note      why the turn ended

A text is kept in the metadata only where the cell shows it otherwise, a field only where it differs from its default.
A session comes back equal, but for what UTF-8, JSON and nbformat cannot hold: lone surrogates come back as "?", NaN and
the infinities as null (or the field's default), and outputs that nbformat does not allow not at all.

Only `to_notebook` needs nbformat: its import can take two seconds (jsonschema compiles grammars), which neither the
first save nor a load should cost.
"""

from __future__ import annotations

import json
import re
import reprlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache, partial
from itertools import islice, takewhile
from math import isfinite
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from ...errors import SessionError
from ...session import VERDICT_WORDS, Cell, Json, Session, Step, Turn
from ...text import fence, one_line, safe_markdown, storable, visible
from .earlier import migrated

if TYPE_CHECKING:
    from nbformat import NotebookNode

VERSION = 1
FOLDER = "codeact-sessions"


def to_notebook(session: Session, folder: str = FOLDER) -> NotebookNode:
    """Return `session` as a notebook (nbformat 4.5).

    Its first cell goes to `session.home` where the notebook is run from its own folder, which is named `folder`.
    """
    from nbformat import from_dict

    parts = (part for number, section in enumerate(sections(session)) for part in parts_of(number, section, folder))
    cells = [cell for part in parts for cell in part.cells(storable)]
    notebook: NotebookNode = from_dict(_notebook(cells, _metadata(session, storable)))  # type: ignore[no-untyped-call]
    return notebook


def from_notebook(notebook: Any) -> Session:
    """Return the session that `notebook` (a NotebookNode, or the JSON of one) holds.

    Cells that are not the session's are passed over. Raises SessionError where there is no session, or a broken one.
    """
    try:
        return _session(notebook)
    except RecursionError:
        raise SessionError("the notebook is nested too deeply to be a session") from None


def others(cells: Sequence[Json]) -> list[Json]:
    """Return those of a session's cells that are somebody else's, and hold something."""
    return [cell for cell in cells if cell["metadata"].get("codeact") is None and not _is_blank(cell.get("source"))]


def _is_blank(source: Any) -> bool:
    lines = source if isinstance(source, list) else [source or ""]
    return not any(str(line).strip() for line in lines)


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
    raise ValueError(f"{name} is no JSON")


# -- a session as cells ------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """Some cells, and the value that they are made of: equal values give equal cells."""

    key: str  # what the ids of its cells begin with
    value: Any
    make: Callable[[str, Any], list[Json]]

    def cells(self, change: Callable[[str], str]) -> list[Json]:
        """Return the cells, with `change` made to every text of the value."""
        return self.make(self.key, changed(self.value, change))


def sections(session: Session) -> tuple[Any, ...]:
    """Return what a notebook is made of, from its beginning to its end: the way home, and the turns."""
    return (session.home, *session.turns)


def parts_of(number: int, section: Any, folder: str, first: int = 0) -> Iterator[Part]:
    """Yield the parts of the section with that number, in a notebook which lies in the folder named `folder`.

    The `first` parts are left out: so many that are `alike`.
    """
    if number == 0:
        yield Part("home", (section, folder), _home_cells)
    else:
        yield from _turn_parts(f"turn-{number}", section, first)


def alike(one: Turn, other: Turn) -> int:
    """Return how many parts of two turns are the same, from the beginning on; it takes no time to speak of."""
    if replace(one, steps=(), note="") != replace(other, steps=(), note=""):
        return 0
    pairs = zip(one.steps[:-1], other.steps[:-1], strict=False)  # the last one may be the answer
    return _AROUND + sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))


_AROUND = 2  # parts of a turn before its steps


def _turn_parts(key: str, turn: Turn, first: int) -> Iterator[Part]:
    if first < _AROUND:
        yield Part(f"{key}-cell", turn.cells, _user_cells)
        yield Part(f"{key}-prompt", replace(turn, cells=(), steps=(), note=""), _prompt_cells)
    done = max(first - _AROUND, 0)
    for number, step in enumerate(islice(turn.steps, done, None), done + 1):
        answers = turn.outcome == "answered" and number == len(turn.steps)
        yield Part(f"{key}-step-{number}", (step, "answer" if answers else "thought"), _step_cells)
    yield Part(f"{key}-note", turn.note, _note_cells)


def _notebook(cells: list[Json], metadata: Json) -> Json:
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


# Whole, as IPython's kernel has it: Jupyter would put in what is missing, and ask whether to save that.
_LANGUAGE = {
    "name": "python",
    "version": sys.version.split()[0],
    "mimetype": "text/x-python",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "pygments_lexer": "ipython3",
    "nbconvert_exporter": "python",
    "file_extension": ".py",
}


def _metadata(session: Session, change: Callable[[str], str]) -> Json:
    head = _packed(changed(replace(session, turns=()), change))
    return {
        "codeact": {"codeact": VERSION, **head},
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": _LANGUAGE,
    }


_RAISES = "raises-exception"  # nbclient goes on behind it
_SKIPPED = "skip-execution"  # an endless loop is not to run again
_TAGS = {"ok": "", "error": _RAISES, "interrupted": _SKIPPED, "timed out": _RAISES, "kernel lost": _RAISES}


def _markdown_cell(key: str, about: Json, source: str) -> Json:
    return {"cell_type": "markdown", "id": key, "metadata": {"codeact": about}, "source": source}


def _code_cell(key: str, about: Json, source: str, tag: str = "") -> Json:
    tags = {"tags": [tag]} if tag else {}
    cell = {"cell_type": "code", "id": key, "metadata": {"codeact": about, **tags}, "source": source}
    return {**cell, "execution_count": None, "outputs": []}


def _text_cell(key: str, kind: str, text: str, shown: str) -> Json:
    about = {"kind": kind} if shown == text else {"kind": kind, "text": text}
    return _markdown_cell(key, about, shown)


_HOME = """\
# The code below ran in the folder {home!r}, seen from this notebook: go there, so that it finds the same files.
import os as _os

if _os.path.basename(_os.getcwd()) == {folder!r} and _os.path.isdir({home!r}):
    _os.chdir({home!r})"""


def _home_cells(key: str, value: tuple[str, str]) -> list[Json]:
    home, folder = value
    if not home:
        return []
    return [_code_cell(key, {"kind": "home"}, _HOME.format(home=home, folder=folder))]


def _user_cells(key: str, cells: Sequence[Cell]) -> list[Json]:
    return [
        _code_cell(f"{key}-{number}", {"kind": "cell", **_marks(cell)}, cell.code, _RAISES if cell.failed else "")
        for number, cell in enumerate(cells, 1)
    ]


def _marks(cell: Cell) -> Json:
    return {name: True for name, holds in (("failed", cell.failed), ("earlier", cell.earlier)) if holds}


def _prompt_cells(key: str, turn: Turn) -> list[Json]:
    # A fence is the one thing in which neither Markdown, HTML nor math means anything.
    shown = "\n".join(f"> {line}" for line in fence(turn.prompt, "").splitlines())
    cell = _text_cell(key, "prompt", turn.prompt, shown)
    about = _packed(turn)
    del about["prompt"]
    cell["metadata"]["codeact"]["turn"] = about
    return [cell]


def _step_cells(key: str, value: tuple[Step, str]) -> list[Json]:
    step, kind = value
    if seen := step.observation:
        step = replace(step, observation=replace(seen, outputs=tuple(_sound(seen.outputs))))
    cells = []
    if step.thought:
        cells.append(_text_cell(f"{key}-{kind}", kind, step.thought, safe_markdown(step.thought)))
    if not cells or step.observation_message or step.action or step.decision or step.observation:
        cells.append(_action_cell(key, step) if _ran(step) else _proposal_cell(key, step))
    cells[-1]["metadata"]["codeact"]["step"] = _step_fields(step)
    return cells


def _note_cells(key: str, note: str) -> list[Json]:
    return [_text_cell(key, "note", note, safe_markdown(note))] if note else []


def _ran(step: Step) -> bool:
    return step.observation is not None and step.decision is not None and step.decision.runs


def _action_cell(key: str, step: Step) -> Json:
    assert step.decision and step.observation
    seen = step.observation
    cell = _code_cell(key, {"kind": "action"}, step.decision.code, _TAGS[seen.status])
    return {**cell, "execution_count": seen.execution_count, "outputs": list(seen.outputs)}


def _proposal_cell(key: str, step: Step) -> Json:
    shown = [fence(visible(step.action.code))] if step.action else []
    decision = step.decision
    if decision and decision.runs:
        decided = f"{VERDICT_WORDS[decision.verdict]} by {decision.by}"
        shown.append(f"**Not finished**, {_line(f'{decided}. {step.observation_message}')}")
    elif decision:
        reason = f": {decision.reason}" if decision.reason else ""
        shown.append(f"**Not run**, {_line(f'{VERDICT_WORDS[decision.verdict]} by {decision.by}{reason}')}")
    elif step.observation_message:
        shown.append(f"**Not run.** {_line(step.observation_message)}")
    return _markdown_cell(key, {"kind": "proposal"}, "\n\n".join(shown) or "*The reply was empty.*")


def _line(text: str) -> str:
    return safe_markdown(one_line(text, 1000))


def _step_fields(step: Step) -> Json:
    """Return what the cells of `step` do not show."""
    about: Json = _packed(step)
    about.pop("thought", None)
    known = _known(step.thought, step.action.code if step.action else "")
    about["reply"]["text"] = _woven(step.reply.text, known)
    about["assistant_message"] = _woven(step.assistant_message, known)
    if step.assistant_message == step.reply.text:
        del about["assistant_message"]
    if _ran(step):
        about["decision"].pop("code", None)
        about["observation"].pop("outputs", None)
        if step.action and step.decision and step.action.code == step.decision.code:
            del about["action"]["code"]
    return about


def _known(thought: Any, code: Any) -> list[str]:
    """Return the texts that are mostly the bulk of a reply."""
    return [text for text in (thought, code) if isinstance(text, str) and text]


def _woven(text: str, known: list[str]) -> str | list[str]:
    """Return what is around the `known` texts in `text`, or `text` where it has not all of them, in their order."""
    around, rest = [], text
    for piece in known:
        before, found, rest = rest.partition(piece)
        if not found:
            return text
        around.append(before)
    return [*around, rest]


def _unwoven(value: Any, known: list[str], where: str) -> Any:
    if not isinstance(value, list):
        return value
    around = _read(tuple[str, ...], value, where)
    if len(around) != len(known) + 1:
        raise _wrong(value, f"a list of {len(known) + 1}", where)
    return around[0] + "".join(piece + after for piece, after in zip(known, around[1:], strict=True))


def _sound(outputs: Sequence[Json]) -> Iterator[Json]:
    """Yield those of `outputs` that nbformat allows, as it reads them (lists of lines joined)."""
    for output in outputs:
        with suppress(SessionError):
            yield _read_output(output, "")


def _packed(value: Any) -> Any:
    """Return a value of session.py as JSON, without the fields that have their default."""
    if isinstance(value, tuple):
        return [_packed(item) for item in value]
    if not is_dataclass(value):
        return value
    held = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _packed(item) for field, item in held if item is not None and item != field.default}


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value of session.py with `change` made to all its texts, and nothing in it that is no JSON."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return change(value)
        case float():
            return value if isfinite(value) else None
        case tuple():
            return tuple(changed(item, change) for item in value)
        case list():
            return [changed(item, change) for item in value]
        case dict():
            return {change(str(key)): changed(item, change) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: changed(getattr(value, field.name), change) for field in fields(value)})
    return change(str(value))


# -- cells as a session ------------------------------------------------------------------------------------------------


def _session(notebook: Any) -> Session:
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise SessionError("this is not a notebook of nbformat 4; choose another file")
    about = _table(notebook.get("metadata"), "metadata").get("codeact")
    if about is None:
        raise SessionError("this notebook holds no codeact session; choose another file")
    head = _table(about, "metadata: codeact")
    version = head.pop("codeact", None)
    if version != VERSION:
        raise SessionError(f"its session is of format {reprlib.repr(version)}, not {VERSION}; upgrade codeact_magic")
    session: Session = _read(Session, {**head, "turns": []}, "metadata: codeact")
    return replace(session, turns=_turns(notebook["cells"]))


def _turns(cells: list[Any]) -> tuple[Turn, ...]:
    reader = _Reader()
    for number, cell in enumerate(cells, 1):
        where = f"cell {number}"
        about = _table(_table(cell, where).get("metadata"), where).get("codeact")
        if about is not None:
            reader.read(cell, _table(about, where), where)
    return reader.done()


class _Reader:
    """The turns of a session, as they are met cell by cell."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.steps: list[Step] = []  # of the last turn
        self.cells: list[Cell] = []  # the user's, whose prompt is still to come
        self.thought = ""  # whose action is still to come

    def read(self, cell: Json, about: Json, where: str) -> None:
        """Take in one of the session's cells; `about` is its metadata."""
        kind = about.get("kind")
        self._check_order(kind, where)
        match kind:
            case "cell":
                marks = {name: about[name] for name in ("failed", "earlier") if name in about}
                self.cells.append(_read(Cell, {"code": _source(cell, where), **marks}, where))
            case "prompt":
                self._prompt(cell, about, where)
            case "thought" | "answer" if "step" not in about:
                self.thought = _text(cell, about, where)
            case "thought" | "answer":
                self._step(cell, about, _text(cell, about, where), where)
            case "action" | "proposal":
                self._step(cell, about, self.thought, where)
                self.thought = ""
            case "note":
                self.turns[-1] = replace(self.turns[-1], note=_text(cell, about, where))

    def _check_order(self, kind: Any, where: str) -> None:
        if kind not in ("home", "cell", "prompt", "thought", "answer", "action", "proposal", "note"):
            raise SessionError(f"{where} is of the unknown kind {reprlib.repr(kind)}")
        if self.thought and kind not in ("action", "proposal"):
            raise SessionError(f"{where} stands where the action of a thought should")
        if self.cells and kind not in ("cell", "prompt"):
            raise SessionError(f"{where} stands where a prompt should")
        if not self.turns and kind not in ("home", "cell", "prompt"):
            raise SessionError(f"{where} has no prompt before it")

    def _prompt(self, cell: Json, about: Json, where: str) -> None:
        given = _table(about.get("turn"), where)
        turn: Turn = _read(Turn, {**given, "prompt": _text(cell, about, where)}, where)
        self._end_turn()
        self.turns.append(replace(turn, cells=tuple(self.cells), steps=()))
        self.cells = []

    def _step(self, cell: Json, about: Json, thought: str, where: str) -> None:
        self.steps.append(_read_step(cell, about, thought, where))

    def _end_turn(self) -> None:
        if self.steps:
            self.turns[-1] = replace(self.turns[-1], steps=tuple(self.steps))
        self.steps = []

    def done(self) -> tuple[Turn, ...]:
        """Return the turns, at the end of the notebook."""
        if self.thought or self.cells:
            raise SessionError("the notebook ends in the middle of a turn")
        self._end_turn()
        return tuple(self.turns)


def _text(cell: Json, about: Json, where: str) -> str:
    return _read_lines(about["text"], where) if "text" in about else _source(cell, where)


def _source(cell: Json, where: str) -> str:
    return _read_lines(cell.get("source"), f"{where}: source")


# The names of fields in sessions that were saved before 0.2, and what they are called now.
_NAMED = {"said": "assistant_message", "heard": "observation_message"}


def _read_step(cell: Json, about: Json, thought: str, where: str) -> Step:
    saved = _table(about.get("step"), where)
    given = {**{_NAMED.get(name, name): value for name, value in saved.items()}, "thought": thought}
    for name in [name for name in ("reply", "action", "decision", "observation") if name in given]:
        given[name] = _table(given[name], f"{where}: {name}")
    if about["kind"] == "action":
        _fill_in(given, cell, where)
    if "observation" in given:
        given["observation"] = migrated(given["observation"])
    known = _known(thought, given.get("action", {}).get("code"))
    reply = _table(given.get("reply"), f"{where}: reply")
    reply["text"] = _unwoven(reply.get("text"), known, f"{where}: text")
    message = _unwoven(given.get("assistant_message", reply["text"]), known, f"{where}: assistant_message")
    step: Step = _read(Step, {**given, "reply": reply, "assistant_message": message}, where)
    return step


def _fill_in(given: Json, cell: Json, where: str) -> None:
    """Put what a code cell shows into the fields of its step."""
    if cell.get("cell_type") != "code" or "decision" not in given or "observation" not in given:
        raise SessionError(f"{where} is no action that ran")
    code = given["decision"]["code"] = _source(cell, where)
    if "action" in given:
        given["action"].setdefault("code", code)
    given["observation"]["outputs"] = cell.get("outputs")


def _table(value: Any, where: str) -> Json:
    """Return a copy of a JSON object. Raises SessionError where it is none."""
    if not isinstance(value, dict):
        raise _wrong(value, "an object", where)
    return dict(value)


def _wrong(value: Any, expected: str, where: str) -> SessionError:
    return SessionError(f"{where} must be {expected}, not {reprlib.repr(value)}")


_hints = cache(get_type_hints)
_MOST = sys.float_info.max
_LEAVES: dict[Any, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    str: ("a text", lambda value: isinstance(value, str), storable),
    bool: ("true or false", lambda value: isinstance(value, bool), bool),
    int: ("a count", lambda value: type(value) is int and 0 <= value < 2**53, int),
    float: ("a number", lambda value: type(value) in (int, float) and -_MOST <= value <= _MOST, float),
}


def _read(kind: Any, value: Any, where: str) -> Any:
    """Return JSON as a value of type `kind`, any that session.py annotates with. Raises SessionError."""
    if is_dataclass(kind):
        return _read_fields(kind, value, where)
    origin, kinds = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _read(kinds[0], value, where)
    if origin is tuple:
        return _read_items(kinds, value, where)
    if origin is dict:
        return _read_output(value, where)
    if origin is Literal:
        return _fitting(value, f"one of {', '.join(kinds)}", kinds.__contains__, where)
    expected, fits, convert = _LEAVES[kind]
    return convert(_fitting(value, expected, fits, where))


def _fitting(value: Any, expected: str, fits: Callable[[Any], bool], where: str) -> Any:
    if not fits(value):
        raise _wrong(value, expected, where)
    return value


def _read_fields(kind: Any, value: Any, where: str) -> Any:
    given = _table(value, where)
    known = {field.name: field for field in fields(kind)}
    if unknown := given.keys() - known.keys():
        raise SessionError(f"{where} has the unknown field {reprlib.repr(min(unknown))}")
    if missing := [name for name, field in known.items() if field.default is MISSING and name not in given]:
        raise SessionError(f"{where} lacks {missing[0]}")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], item, f"{where}: {name}") for name, item in given.items()})


def _read_items(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(value, "a list", where)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise _wrong(value, f"a list of {len(kinds)}", where)
    return tuple(_read(kind, item, where) for kind, item in zip(kinds, value, strict=True))


def _read_lines(value: Any, where: str) -> str:
    """Return a text, or the lines of one, which is how notebooks on disk have it."""
    if not isinstance(value, list):
        return str(_read(str, value, where))
    if not all(isinstance(line, str) for line in value):  # there may be a million of them
        value = _read(tuple[str, ...], value, where)
    return storable("".join(value))


def _read_json(value: Any, where: str) -> Any:
    return changed(_table(value, where), storable)


_JSON_MIME = re.compile(r"application/(.*\+)?json")


def _read_bundle(value: Any, where: str) -> Json:
    bundle = {storable(str(kind)): data for kind, data in _table(value, where).items()}
    return {
        kind: changed(data, storable) if _JSON_MIME.fullmatch(kind) else _read_lines(data, where)
        for kind, data in bundle.items()
    }


def _read_output(value: Any, where: str) -> Json:
    """Return an output of nbformat, with lists of lines joined. Raises SessionError where it is none."""
    given = _table(value, where)
    kind = given.pop("output_type", None)
    shape = _OUTPUTS.get(kind) if isinstance(kind, str) else None
    if shape is None or given.keys() != shape.keys():
        raise _wrong(value, "an output of nbformat", where)
    return {"output_type": kind, **{name: read(given[name], f"{where}: {name}") for name, read in shape.items()}}


_RICH: dict[str, Callable[[Any, str], Any]] = {"data": _read_bundle, "metadata": _read_json}
_OUTPUTS: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "stream": {"name": partial(_read, str), "text": _read_lines},
    "display_data": _RICH,
    "execute_result": {**_RICH, "execution_count": partial(_read, int | None)},
    "error": {
        "ename": partial(_read, str),
        "evalue": partial(_read, str),
        "traceback": lambda value, where: list(_read(tuple[str, ...], value, where)),
    },
}


# -- cells as text ----------------------------------------------------------------------------------------------------


def _json(value: Any, margin: str = "\n") -> str:
    """Return JSON as nbformat writes it, so that Jupyter's own save of the file changes no line.

    `json.dumps` takes ten times as long for the lines of a text if it is to indent them.
    """
    inner = f"{margin} "
    if isinstance(value, dict) and value:
        items = [f"{json.dumps(key, ensure_ascii=False)}: {_json(value[key], inner)}" for key in sorted(value)]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, list) and value:
        return f"[{inner}{_items(value, inner)}{margin}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _items(values: list[Any], margin: str) -> str:
    if all(isinstance(value, str) for value in values):
        return json.dumps(values, ensure_ascii=False, separators=(f",{margin}", ": "))[1:-1]
    return f",{margin}".join([_json(value, margin) for value in values])


def written(cells: list[Json]) -> str:
    """Return cells as they stand in the file."""
    return BETWEEN.join("  " + _json(_split(cell), "\n  ") for cell in cells)


def _split(cell: Json) -> Json:
    """Return `cell` with its texts as lists of lines, which nbformat writes for the sake of line-based diffs."""
    split = {**cell, "source": cell["source"].splitlines(True)}
    if "outputs" in cell:
        split["outputs"] = [_split_output(output) for output in cell["outputs"]]
    return split


def _split_output(output: Json) -> Json:
    if output["output_type"] == "stream":
        return {**output, "text": output["text"].splitlines(True)}
    if "data" not in output:
        return output
    texts = {kind: data for kind, data in output["data"].items() if kind.startswith("text/") or kind in _SPLIT}
    return {**output, "data": {**output["data"], **{kind: text.splitlines(True) for kind, text in texts.items()}}}


_SPLIT = ("application/javascript", "image/svg+xml")


OPENING = '{\n "cells": [\n'
BETWEEN = ",\n"  # between two cells


def closing(session: Session, change: Callable[[str], str]) -> str:
    """Return what stands behind the cells in the file of `session`, with `change` made to every text of it."""
    metadata = _json(_metadata(session, change), "\n ")
    return f'\n ],\n "metadata": {metadata},\n "nbformat": 4,\n "nbformat_minor": 5\n}}\n'
