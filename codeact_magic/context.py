"""What the model is told: the conversation as chat messages, the namespace in outline, and observations as text.

Messages are append-only. What a step said and heard is fixed when the step ends (`Step.said`, `Step.heard`), so that
every request begins with the one before it, byte for byte, and an endpoint's prefix cache hits.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from .formats import assistant_message, observation_message, write, write_answer
from .session import Action, Decision, Format, Json, Observation, Session, Step, ToolCall, Turn, joined
from .text import clip, fence, one_line, plain

CHARS_PER_TOKEN = 3.5  # of English and code, on the low side


@cache
def _prompt(name: str) -> str:
    return resources.files(__package__).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8").strip()


@cache
def preface(format: Format) -> tuple[Json, ...]:
    """Return the messages every conversation begins with: the system prompt and two example turns in `format`."""
    messages: list[Json] = [{"role": "system", "content": f"{_prompt('system')}\n\n{_prompt(format)}"}]
    thought, call_id = "", ""
    for kind, text in re.findall(r"^# (\w+)\n(.*?)(?=^# |\Z)", _prompt("examples"), re.DOTALL | re.MULTILINE):
        text = text.strip()
        if kind == "user":
            messages.append({"role": "user", "content": text})
        elif kind == "thought":
            thought = text
        elif kind == "code":
            messages.append(write(thought, text, format))
            call_id = "example" if format == "tools" else ""
        elif kind == "output":
            messages.append(observation_message(text, call_id))
        elif kind == "answer":
            messages.append(write_answer(text, format))
    return tuple(messages)


def messages(session: Session) -> list[Json]:
    """Return the conversation of `session` as chat messages, from the first turn that its last turn still sees."""
    last = session.turns[-1]
    result = list(preface(last.format))
    for turn in session.turns[last.window :]:
        if result[-1]["role"] != "assistant":  # a turn that ended without an answer; roles must alternate
            result.append(assistant_message("(This task was ended before it was finished.)"))
        result += turn_messages(turn)
    return result


def turn_messages(turn: Turn) -> Iterator[Json]:
    """Yield the chat messages of one turn."""
    yield {"role": "user", "content": f"{turn.prompt}\n\n{turn.context}" if turn.context else turn.prompt}
    for step in turn.steps:
        yield from step_messages(step)


def step_messages(step: Step) -> Iterator[Json]:
    """Yield the one or two chat messages that a step leaves in the conversation."""
    call = _carrier(step)
    yield assistant_message(step.said, call)
    if step.heard:
        images = list(_images(step)) if step.images else []
        if images and not call:
            yield observation_message([{"type": "text", "text": step.heard}, *images])
        else:
            yield observation_message(step.heard, call.id if call else "")
        if images and call:  # a tool message holds text only
            yield {"role": "user", "content": [{"type": "text", "text": "The images of that output:"}, *images]}


def _carrier(step: Step) -> ToolCall | None:
    call_id = step.action.call_id if step.action else ""
    return next((call for call in step.reply.tool_calls if call_id and call.id == call_id), None)


def window(session: Session, budget: int) -> int:
    """Return the first turn that a new turn of `session` should still see, within `budget` tokens (0: no budget).

    Old turns go in one large cut, to half the budget, and only between turns: in between the messages stay
    append-only. The last turn is always seen.
    """
    if not session.turns:
        return 0
    start = session.turns[-1].window
    if not budget:
        return start
    sizes = [tokens(turn_messages(turn)) for turn in session.turns]
    room = budget - tokens(preface(session.turns[-1].format))
    if sum(sizes[start:]) <= room:
        return start
    while start < len(sizes) - 1 and sum(sizes[start:]) > room / 2:
        start += 1
    return start


def tokens(messages: Iterable[Json]) -> int:
    """Return about how many tokens `messages` take."""
    return int(sum(len(str(message.get("content") or "")) + 16 for message in messages) / CHARS_PER_TOKEN)


# -- observations ------------------------------------------------------------------------------------------------------


def heard(action: Action, decision: Decision, observation: Observation | None, limit: int) -> str:
    """Return what the model is told of its action, the outputs clipped to `limit` characters."""
    if decision.verdict == "stop":
        return "The user stopped here; the code was not run."
    if decision.verdict == "reject":
        reason = f": {decision.reason}" if decision.reason else "."
        return f"The user rejected this code, and it was not run{reason}\nTake that into account and go on."
    parts = []
    if decision.code != action.code:
        parts.append(f"The user edited your code before running it:\n{_diff(action.code, decision.code)}")
    if observation is not None:
        parts.append(_observed(observation, limit))
    return "\n".join(parts)


def _diff(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "proposed", "run", lineterm="", n=2)
    return fence("\n".join(lines), "diff")


def _observed(observation: Observation, limit: int) -> str:
    shown = clip("".join(_output_texts(observation.outputs)).strip("\n"), limit)
    parts = [f"Output:\n{shown}"] if shown else []
    error = next((output for output in reversed(observation.outputs) if output["output_type"] == "error"), None)
    if observation.status == "error" and error:
        parts.append(_error_text(error, observation.line, limit))
    elif observation.status == "aborted":
        parts.append("The code was interrupted before it was done.")
    elif not shown:
        parts.append("The code ran and printed nothing.")
    if observation.note:
        parts.append(observation.note)
    if observation.changed and not shown and observation.status == "ok":
        parts.append("Variables set: " + "; ".join(f"{name} = {value}" for name, value in observation.changed))
    return "\n".join(parts)


def _error_text(error: Json, line: str, limit: int) -> str:
    message = clip(plain(f"{error.get('ename', 'Error')}: {error.get('evalue', '')}").strip(), min(limit, 1500))
    where = f"\nat {line}" if line else ""
    return f"The code raised an error:\n{message}{where}\nFind the cause, then run corrected code."


_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")  # what a progress bar wrote over


def _output_texts(outputs: Iterable[Json]) -> Iterator[str]:
    for output in outputs:
        if output["output_type"] == "stream":
            yield _OVERWRITTEN.sub("", plain(joined(output.get("text"))))
        elif output["output_type"] in ("display_data", "execute_result"):
            yield f"\n{_rich_text(output.get('data', {}))}\n"


def _rich_text(data: Mapping[str, Any]) -> str:
    """Return a rich output as text: the picture it holds is named by type and size, never spelled out."""
    named = [
        f"[{kind}, {_size(joined(content))}]"
        for kind, content in data.items()
        if kind.startswith(("image/", "audio/", "video/", "application/pdf")) and isinstance(content, str | list)
    ]
    text = plain(joined(data.get("text/plain")))
    if not text and not named:
        text = plain(joined(data.get("text/markdown") or data.get("text/latex")))
    if not text and not named:
        named = [f"[{kind}]" for kind in data]
    return " ".join(filter(None, [text, *named]))


def _size(content: str) -> str:
    size = len(content) if content.lstrip().startswith("<") else len(content) * 3 // 4  # base64
    return f"{max(1, round(size / 1000))} kB"


def _images(step: Step) -> Iterator[Json]:
    for output in step.observation.outputs if step.observation else ():
        for kind in ("image/png", "image/jpeg"):
            if content := joined(output.get("data", {}).get(kind)).replace("\n", ""):
                yield {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{content}"}}
                break


def has_images(observation: Observation) -> bool:
    """Return whether there is a picture among the outputs that a seeing model could be sent."""
    return any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in observation.outputs)


# -- the namespace -----------------------------------------------------------------------------------------------------


def summary(namespace: Mapping[str, object], limit: int = 4000) -> str:
    """Return the user's variables in outline: names, types, shapes, columns, signatures; never values.

    The newest names come first where not all fit into `limit` characters.
    """
    lines: list[str] = []
    room = limit
    entries = list(namespace.items())
    for position, (name, value) in enumerate(reversed(entries)):
        line = f"{name}: {describe(value)}"
        room -= len(line) + 1
        if room < 0:
            lines.append(f"... and {len(entries) - position} more")
            break
        lines.append(line)
    return "Variables in the notebook:\n" + "\n".join(reversed(lines)) if lines else ""


def describe(value: object) -> str:
    """Return what kind of thing `value` is, without showing any of what it holds; never raises."""
    try:
        return _describe(value)
    except Exception:  # a property of a foreign object may raise anything
        return type(value).__name__


def _describe(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, type):
        return f"class {value.__name__}{_first_line(value)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"function {value.__name__}{_signature(value)}{_first_line(value)}"
    columns, dtypes = getattr(value, "columns", None), getattr(value, "dtypes", None)
    if columns is not None and getattr(value, "shape", None):
        return f"{kind} with {value.shape[0]} rows, columns {_columns(columns, dtypes)}"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{kind} of {value.dtype}, shape {tuple(value.shape)}"
    if isinstance(value, dict):
        kinds = _kinds(zip(value.values(), range(50), strict=False))
        return f"{kind} of {len(value)} {kinds}".rstrip()
    if isinstance(value, list | tuple | set | frozenset):
        kinds = _kinds(zip(value, range(50), strict=False))
        return f"{kind} of {len(value)} {kinds}{_record_keys(value)}".rstrip()
    return f"{kind} of length {len(value)}" if isinstance(value, str | bytes) else kind


def _columns(columns: Any, dtypes: Any) -> str:
    kinds = [str(kind) for kind in dtypes] if dtypes is not None else []
    names = [one_line(repr(column), 60) for column in list(columns)[:60]]
    pairs = [f"{name} ({kind})" for name, kind in zip(names, kinds, strict=False)] or names
    more = f", ... {len(columns)} in all" if len(columns) > 60 else ""
    return ", ".join(pairs) + more


def _kinds(values: Iterable[tuple[object, int]]) -> str:
    return "/".join(dict.fromkeys(type(value).__name__ for value, _ in values))


def _record_keys(values: Any) -> str:
    """Return the keys that all records of a list share: its columns, so to say."""
    head = values[:5] if isinstance(values, list | tuple) else []
    if len(head) < 2 or not all(isinstance(record, dict) and record.keys() == head[0].keys() for record in head):
        return ""
    keys = [key for key in head[0] if isinstance(key, str)]
    return f" with keys {', '.join(one_line(key, 40) for key in keys[:40])}" if keys else ""


def _signature(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(...)"


def _first_line(value: Any) -> str:
    text = (inspect.getdoc(value) or "").strip().split("\n")[0]
    return f": {one_line(text, 160)}" if text else ""
