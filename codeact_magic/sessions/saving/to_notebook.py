"""A session as the cells of a notebook. The other direction, a notebook as a session, is in from_notebook.py.

Each cell of a session says in `metadata.codeact` of which `kind` it is, and all that its source and outputs do not say:

    home      goes to the folder that the actions ran in
    cell      a cell that the user ran before the prompt
    prompt    the turn: its prompt and how it went
    thought   the model's text beside an action; `answer` if it ended the turn
    action    a step whose code ran: the code that ran, and its outputs
    proposal  a step whose code did not run, shown as text so that a re-run leaves it alone
    note      why the turn ended

The metadata have a text only if the cell shows it otherwise, and a field only if it differs from its default. A session
comes back equal, except for values that UTF-8, JSON or nbformat cannot hold: lone surrogates come back as "?", NaN and
the infinities as null (or the field's default), and outputs that nbformat does not allow not at all.

Only `to_notebook` needs nbformat: its import can take two seconds (jsonschema compiles grammars), which neither the
first save nor a load should cost.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ...session import VERDICT_WORDS, Cell, Json, Session, Step, Turn
from ...text import fence, one_line, safe_markdown, storable, visible
from .masking import map_texts

if TYPE_CHECKING:
    from nbformat import NotebookNode

VERSION = 1
FOLDER = "codeact-sessions"


def to_notebook(session: Session, folder: str = FOLDER) -> NotebookNode:
    """Return `session` as a notebook (nbformat 4.5).

    Its first cell goes to `session.home` if the notebook is run from its own folder, which is named `folder`.
    """
    from nbformat import from_dict

    cells = [cell for part in parts(session, folder) for cell in part.cells(storable)]
    whole = {"cells": cells, "metadata": metadata(session, storable), "nbformat": 4, "nbformat_minor": 5}
    notebook: NotebookNode = from_dict(whole)  # type: ignore[no-untyped-call]
    return notebook


# -- a session as parts ------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """Some cells, and the value that they are made of: equal values give equal cells."""

    key: str  # what the ids of its cells begin with
    value: Any
    make: Callable[[str, Any], list[Json]]

    def cells(self, change: Callable[[str], str]) -> list[Json]:
        """Return the cells, with `change` made to every text of the value."""
        return self.make(self.key, map_texts(self.value, change))


def parts(session: Session, folder: str) -> Iterator[Part]:
    """Yield the parts of a notebook of `session`, in order; it lies in the folder named `folder`."""
    yield Part("home", (session.home, folder), _home_cells)
    for number, turn in enumerate(session.turns, 1):
        yield from _turn_parts(f"turn-{number}", turn)


def _turn_parts(key: str, turn: Turn) -> Iterator[Part]:
    yield Part(f"{key}-cell", turn.cells, _user_cells)
    yield Part(f"{key}-prompt", replace(turn, cells=(), steps=(), note=""), _prompt_cells)
    for number, step in enumerate(turn.steps, 1):
        answers = turn.outcome == "answered" and number == len(turn.steps)
        yield Part(f"{key}-step-{number}", (step, "answer" if answers else "thought"), _step_cells)
    yield Part(f"{key}-note", turn.note, _note_cells)


def metadata(session: Session, change: Callable[[str], str]) -> Json:
    """Return the metadata of the notebook of `session`, with `change` made to every text of it."""
    head = _packed(map_texts(replace(session, turns=()), change))
    return {
        "codeact": {"codeact": VERSION, **head},
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": _LANGUAGE,
    }


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


# -- parts as cells ----------------------------------------------------------------------------------------------------

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
    from .validation import valid_outputs

    step, kind = value
    if seen := step.observation:
        step = replace(step, observation=replace(seen, outputs=valid_outputs(seen.outputs)))
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
        ended = f"{VERDICT_WORDS[decision.verdict]} by {decision.by}. {step.observation_message}"
        shown.append(f"**Not finished**, {_line(ended)}")
    elif decision:
        reason = f": {decision.reason}" if decision.reason else ""
        ended = f"{VERDICT_WORDS[decision.verdict]} by {decision.by}{reason}"
        shown.append(f"**Not run**, {_line(ended)}")
    elif step.observation_message:
        shown.append(f"**Not run.** {_line(step.observation_message)}")
    return _markdown_cell(key, {"kind": "proposal"}, "\n\n".join(shown) or "*The reply was empty.*")


def _line(text: str) -> str:
    return safe_markdown(one_line(text, 1000))


def _step_fields(step: Step) -> Json:
    """Return the fields of `step` that its cells do not show."""
    about: Json = _packed(step)
    about.pop("thought", None)
    known = known_texts(step.thought, step.action.code if step.action else "")
    about["reply"]["text"] = _cut_out(step.reply.text, known)
    about["assistant_message"] = _cut_out(step.assistant_message, known)
    if step.assistant_message == step.reply.text:
        del about["assistant_message"]
    if _ran(step):
        about["decision"].pop("code", None)
        about["observation"].pop("outputs", None)
        if step.action and step.decision and step.action.code == step.decision.code:
            del about["action"]["code"]
    return about


def known_texts(thought: Any, code: Any) -> list[str]:
    """Return the texts that are most of a reply, and that its cells show already."""
    return [text for text in (thought, code) if isinstance(text, str) and text]


def _cut_out(text: str, known: list[str]) -> str | list[str]:
    """Return the texts around the `known` texts in `text`. If it has not all of them, in order, return `text`."""
    around = []
    rest = text
    for piece in known:
        before, found, rest = rest.partition(piece)
        if not found:
            return text
        around.append(before)
    return [*around, rest]


def _packed(value: Any) -> Any:
    """Return a value of session.py as JSON, without the fields that have their default."""
    if isinstance(value, tuple):
        return [_packed(item) for item in value]
    if not is_dataclass(value):
        return value
    held = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _packed(item) for field, item in held if item is not None and item != field.default}
