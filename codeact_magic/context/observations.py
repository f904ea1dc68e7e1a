"""Observations as the model is told them: text, and images for a model with vision."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ..session import Action, Decision, Json, Observation, joined
from ..text import clip, fence, plain, storable
from . import wording
from .html import html_text

MOST_IMAGES = 8  # of one observation
LONGEST_ERROR = 1_500  # characters
LONGEST_REPEATED = 2_000  # characters
_PICTURES = ("image/png", "image/jpeg")


def observation_text(action: Action, decision: Decision, observation: Observation | None, limit: int) -> str:
    """Return the observation message of an action, the outputs clipped to `limit` characters."""
    if decision.verdict == "stop":
        return f"{wording.STOPPED}; the code was not run."
    if decision.verdict == "reject":
        reason = f": {decision.reason}" if decision.reason else "."
        return storable(f"{wording.REJECTED}, and it was not run{reason}\nTake that into account and go on.")
    parts = []
    if decision.code != action.code:
        parts.append(f"{wording.EDITED}{_diff(action.code, decision.code, limit)}")
    if observation is not None:
        parts += _observed(observation, limit)
    return storable("\n".join(parts))


def _diff(old: str, new: str, limit: int) -> str:
    import difflib  # on use: the magic has to load fast

    lines = difflib.unified_diff(old.split("\n"), new.split("\n"), "proposed", "run", lineterm="", n=2)
    return fence(clip("\n".join(lines), limit), "diff")


_DIFF = re.compile(
    rf"{wording.EDITED}(?P<fence>`{{3,}})diff\n(?P<diff>.*?)\n(?P=fence)(?:\n(?P<rest>.*)|\Z)", re.DOTALL
)
_HUNK = re.compile(r"@@ -(\d{1,9})(,0)?")


def edited(code: str, message: str) -> tuple[str, str] | None:
    """Return `code` as the user edited it, according to its observation message, and the rest of that message.

    None if the user did not edit the code, or if the message has only a part of the change.
    """
    match = _DIFF.match(message)
    if match is None:
        return None
    after = _patched(code.split("\n"), match["diff"].split("\n")[2:])
    return None if after is None else ("\n".join(after), match["rest"] or "")


def _patched(lines: list[str], diff: list[str]) -> list[str] | None:
    """Return `lines` with a unified diff applied, None if the diff does not fit them."""
    after: list[str] = []
    done = 0
    for line in diff:
        if hunk := _HUNK.match(line):
            start = int(hunk[1]) - (0 if hunk[2] else 1)
            if not done <= start <= len(lines):
                return None
            after += lines[done:start]
            done = start
        elif line.startswith("+"):
            after.append(line[1:])
        elif lines[done : done + 1] != [line[1:]]:
            return None
        else:
            after += [line[1:]] if line.startswith(" ") else []
            done += 1
    return after + lines[done:]


def _observed(observation: Observation, limit: int) -> Iterator[str]:
    shown = clip(as_text(observation.outputs), limit)
    if shown.strip():
        yield f"{wording.OUTPUT}{shown}"
    if observation.status == "interrupted":
        yield wording.INTERRUPTED
    elif observation.status != "ok":
        yield _error(observation)
    elif not shown.strip():
        yield wording.SILENT
    if observation.note:
        yield observation.note
    if observation.status == "ok" and observation.changed and not shown.strip():
        yield from (clip(line, limit) for line in _changes(observation))


def _changes(observation: Observation) -> Iterator[str]:
    """Yield a line about the variables whose values are told, and one about those that have only an outline."""
    values = [f"{name} = {_on_screen(value)}" for name, value in observation.changed if not _is_outline(value)]
    outlines = [f"{name} = {_on_screen(value)}" for name, value in observation.changed if _is_outline(value)]
    if values:
        yield f"Variables set: {'; '.join(values)}"
    if outlines:
        yield f"Variables set or used: {'; '.join(outlines)}"


def _is_outline(value: str) -> bool:
    return value.startswith("<") and value.endswith(">")


_CELL = re.compile(r" \((?:<ipython-input-[\w-]++>|\d++\.py), line \d++\)$")  # the end of a SyntaxError's text


def _error(observation: Observation) -> str:
    error = next((output for output in reversed(observation.outputs) if output["output_type"] == "error"), {})
    value = _CELL.sub("", str(error.get("evalue", "")))
    message = _on_screen(f"{error.get('ename', 'Error')}: {value}".rstrip(": "))
    line = f"\nat {observation.line}" if observation.line else ""
    return f"{wording.RAISED}\n{clip(message, LONGEST_ERROR)}{line}\n{wording.ADVICE}"


def repeated(before: str) -> str:
    """Return the observation message of code that was proposed before; `before` is its earlier observation message.

    It is repeated here: small models that are only told to look above invent an answer instead.
    """
    return _REPEATED.format(before=clip(before.replace(f"\n{wording.ADVICE}", ""), LONGEST_REPEATED))


_REPEATED = (
    f"{wording.REPEATED}, so it was not run. What came of it before:\n{{before}}\nIf that answers the "
    "question, answer in words. If not, do something else. If it cannot be answered, say why."
)


# -- outputs as text ---------------------------------------------------------------------------------------------------


def as_text(outputs: Iterable[Json]) -> str:
    """Return the outputs as text for the model, without errors."""
    return "".join(_texts(outputs)).strip("\n")


def _texts(outputs: Iterable[Json]) -> Iterator[str]:
    for output in outputs:
        if output["output_type"] == "stream":
            yield _on_screen(joined(output.get("text")))
        elif output["output_type"] in ("display_data", "execute_result"):
            yield f"\n{_rich_text(output.get('data', {}))}\n"


_EMBEDDED = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60});base64,([A-Za-z0-9+/=]++)")


def _on_screen(text: str) -> str:
    """Return text as it remains on a screen, without escape sequences and embedded files."""
    text = _EMBEDDED.sub(lambda match: _named(match[1], match[2]), plain(text))
    if "\r" not in text:
        return text
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))  # the last state of a progress bar
    return "\n".join(lines)


_NO_TEXT = re.compile(r"<(?:[\w.]++(?: object)?(?: at 0x[0-9A-Fa-f]++)?|[\w.]++ at 0x[0-9A-Fa-f]++)>")  # a default repr
_WORDS = ("text/markdown", "text/latex", "text/html")  # kinds of data with words, the best first


def _rich_text(data: Mapping[str, Any]) -> str:
    """Return a rich output as text, with the type and size of a picture in place of its data."""
    pictures = [
        _named(kind, joined(content))
        for kind, content in data.items()
        if kind.startswith(("image/", "audio/", "video/", "application/pdf")) and isinstance(content, str | list)
    ]
    text = words(data)
    if not text and not pictures:
        pictures = [f"[{kind}]" for kind in data]
    return " ".join(filter(None, [_on_screen(text), *pictures]))


def words(data: Mapping[str, Any]) -> str:
    """Return the words of a display: its plain text, or what other kinds of its data say if that is a default repr."""
    text = joined(data.get("text/plain"))
    return text if text and not _NO_TEXT.fullmatch(text) else _other_text(data) or text


def _other_text(data: Mapping[str, Any]) -> str:
    """Return the words of a display whose `text/plain` has none, "" if there are none."""
    kind = next((kind for kind in _WORDS if data.get(kind)), "")
    if kind == "text/html":
        return html_text(joined(data[kind]))
    if kind:
        return joined(data[kind])
    if "application/json" in data:
        return json.dumps(data["application/json"], ensure_ascii=False, default=str)
    return ""


def _named(kind: str, content: str) -> str:
    size = len(content) if content.lstrip().startswith("<") else len(content) * 3 // 4  # base64
    return f"[{kind}, {max(1, round(size / 1000))} kB]"


# -- outputs as images -------------------------------------------------------------------------------------------------


def has_images(observation: Observation) -> bool:
    """Return whether the outputs contain a picture that a model with vision can be sent."""
    return next(_pictures(observation), None) is not None


def images(observation: Observation) -> list[Json]:
    """Return the first `MOST_IMAGES` pictures among the outputs as parts of a chat message."""
    urls = (f"data:{kind};base64,{content}" for kind, content in _pictures(observation))
    return [{"type": "image_url", "image_url": {"url": url}} for url in islice(urls, MOST_IMAGES)]


def _pictures(observation: Observation) -> Iterator[tuple[str, str]]:
    for output in observation.outputs:
        data = output.get("data", {})
        kind = next((kind for kind in _PICTURES if data.get(kind)), None)
        if kind:
            yield kind, joined(data[kind]).replace("\n", "")
