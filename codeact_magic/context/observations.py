"""What came of an action, as the model is told: text, and images where it sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ..session import Action, Decision, Json, Observation, joined
from ..text import clip, fence, plain, storable

MOST_IMAGES = 8  # of one observation
LONGEST_ERROR = 1_500  # characters
LONGEST_REPEATED = 2_000
_PICTURES = ("image/png", "image/jpeg")


def observation_text(action: Action, decision: Decision, observation: Observation | None, limit: int) -> str:
    """Return what the model is told of its action, the outputs clipped to `limit` characters."""
    if decision.verdict == "stop":
        return "The user stopped here; the code was not run."
    if decision.verdict == "reject":
        reason = f": {decision.reason}" if decision.reason else "."
        return storable(f"The user rejected this code, and it was not run{reason}\nTake that into account and go on.")
    parts = []
    if decision.code != action.code:
        parts.append(f"{_EDITED}{_diff(action.code, decision.code, limit)}")
    if observation is not None:
        parts += _observed(observation, limit)
    return storable("\n".join(parts))


def _diff(old: str, new: str, limit: int) -> str:
    import difflib  # on use: the magic has to load fast

    lines = difflib.unified_diff(old.split("\n"), new.split("\n"), "proposed", "run", lineterm="", n=2)
    return fence(clip("\n".join(lines), limit), "diff")


_EDITED = "The user edited your code before running it:\n"
_DIFF = re.compile(rf"{_EDITED}(?P<fence>`{{3,}})diff\n(?P<diff>.*?)\n(?P=fence)(?:\n(?P<rest>.*)|\Z)", re.DOTALL)
_HUNK = re.compile(r"@@ -(\d{1,9})(,0)?")


def edited(code: str, heard: str) -> tuple[str, str] | None:
    """Return `code` as the user edited it, out of what the model `heard` of that, and the rest of what it heard.

    None where the user did not edit it, or where the change was too large to be told whole.
    """
    match = _DIFF.match(heard)
    if match is None:
        return None
    after = _patched(code.split("\n"), match["diff"].split("\n")[2:])
    return None if after is None else ("\n".join(after), match["rest"] or "")


def _patched(lines: list[str], diff: list[str]) -> list[str] | None:
    """Return `lines` with a unified diff applied, None where it is about others."""
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
        yield f"Output:\n{shown}"
    if observation.status == "error":
        yield _error(observation)
    elif observation.status == "aborted":
        yield "The code was interrupted before it was done."
    elif not shown.strip():
        yield "The code ran and printed nothing."
    if observation.note:
        yield observation.note
    if observation.status == "ok" and observation.changed and not shown.strip():
        changed = "; ".join(f"{name} = {_told(value)}" for name, value in observation.changed)
        yield clip(f"Variables set: {changed}", limit)


_CELL = re.compile(r" \((?:<ipython-input-[\w-]++>|\d++\.py), line \d++\)$")  # which a SyntaxError ends with


def _error(observation: Observation) -> str:
    error = next((output for output in reversed(observation.outputs) if output["output_type"] == "error"), {})
    value = _CELL.sub("", str(error.get("evalue", "")))
    message = _told(f"{error.get('ename', 'Error')}: {value}".rstrip(": "))
    where = f"\nat {observation.line}" if observation.line else ""
    return f"The code raised an error:\n{clip(message, LONGEST_ERROR)}{where}{_ADVICE}"


_ADVICE = "\nFind the cause, then run corrected code."


def repeated(before: str) -> str:
    """Return what the model is told that proposes code again of which it heard `before`, and hears it now once more.

    Small models that are only told to look above rather invent an answer.
    """
    return _REPEATED.format(before=clip(before.replace(_ADVICE, ""), LONGEST_REPEATED))


_REPEATED = (
    "You proposed the same code again, so it was not run. What came of it before:\n{before}\nIf that answers the "
    "question, answer in words. If not, do something else. If it cannot be answered, say why."
)


# -- outputs as text ---------------------------------------------------------------------------------------------------


def as_text(outputs: Iterable[Json]) -> str:
    """Return what outputs show, but for errors, as the model is told."""
    return "".join(_texts(outputs)).strip("\n")


def _texts(outputs: Iterable[Json]) -> Iterator[str]:
    for output in outputs:
        if output["output_type"] == "stream":
            yield _told(joined(output.get("text")))
        elif output["output_type"] in ("display_data", "execute_result"):
            yield f"\n{_rich_text(output.get('data', {}))}\n"


_EMBEDDED = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60});base64,([A-Za-z0-9+/=]++)")


def _told(text: str) -> str:
    """Return text as it would be left on a screen, without escape sequences and embedded files."""
    text = _EMBEDDED.sub(lambda match: _named(match[1], match[2]), plain(text))
    if "\r" not in text:
        return text
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))  # what a progress bar wrote last
    return "\n".join(lines)


_NO_TEXT = re.compile(r"<IPython\.core\.display\.\w+ object>")


def _rich_text(data: Mapping[str, Any]) -> str:
    """Return a rich output as text: the picture it holds is named by type and size, never spelled out."""
    pictures = [
        _named(kind, joined(content))
        for kind, content in data.items()
        if kind.startswith(("image/", "audio/", "video/", "application/pdf")) and isinstance(content, str | list)
    ]
    text = joined(data.get("text/plain"))
    if _NO_TEXT.fullmatch(text) or not (text or pictures):
        text = joined(data.get("text/markdown") or data.get("text/latex")) or text
    if not text and not pictures:
        pictures = [f"[{kind}]" for kind in data]
    return " ".join(filter(None, [_told(text), *pictures]))


def _named(kind: str, content: str) -> str:
    size = len(content) if content.lstrip().startswith("<") else len(content) * 3 // 4  # of what base64 holds
    return f"[{kind}, {max(1, round(size / 1000))} kB]"


# -- outputs as images -------------------------------------------------------------------------------------------------


def has_images(observation: Observation) -> bool:
    """Return whether there is a picture among the outputs that a seeing model could be sent."""
    return any(True for _ in _pictures(observation))


def images(observation: Observation) -> list[Json]:
    """Return the pictures among the outputs as parts of a chat message, the first of them where there are many."""
    urls = (f"data:{kind};base64,{content}" for kind, content in _pictures(observation))
    return [{"type": "image_url", "image_url": {"url": url}} for url in islice(urls, MOST_IMAGES)]


def _pictures(observation: Observation) -> Iterator[tuple[str, str]]:
    for output in observation.outputs:
        data = output.get("data", {})
        kind = next((kind for kind in _PICTURES if data.get(kind)), None)
        if kind:
            yield kind, joined(data[kind]).replace("\n", "")
