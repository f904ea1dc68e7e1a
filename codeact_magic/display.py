"""Shows a turn in a notebook as it goes: as Markdown that is updated in place."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from .agent import Delta
from .captions import footer, numbered
from .formats import Reading, split_reasoning
from .session import Step
from .text import fence, one_line, safe_markdown, visible

INTERVAL = 0.05  # seconds between two updates at least: 20 a second, however fast the endpoint
PATIENCE = 1.0  # seconds after which waiting is shown


class NotebookView:
    """Shows each step as one Markdown output, updated while the reply is written; what the code shows comes below.

    `publish(data, metadata, display_id, update)` hands a MIME bundle to the front end.
    """

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._id = self._waiting_id = ""
        self._streaming = False

    def thinking(self, number: int) -> None:
        """Begin the output of step `number`."""
        self._id = f"codeact-{uuid.uuid4().hex}"
        self._shown = False
        self._began = time.monotonic()
        self._last = 0.0
        self._text = self._reasoning = ""
        self._head = self._foot = self._note = ""
        self._notes: list[str] = []
        self._streaming = True

    def show(self, delta: Delta) -> None:
        """Take a piece of the reply; an empty one moves the timer on."""
        if delta.note:
            self._notes.append(delta.note)
            self._text = self._reasoning = ""
        self._text += delta.text
        self._reasoning += delta.reasoning
        now = time.monotonic()
        idle = not (delta.text or delta.reasoning or delta.note)
        if now - self._last < (1.0 if idle else INTERVAL) or (idle and now - self._began < PATIENCE):
            return
        self._last = now
        reasoning, text = split_reasoning(self._text)
        waiting = f"*thinking … {now - self._began:.0f} s*" if now - self._began >= PATIENCE else ""
        body = _folded("\n".join(filter(None, [self._reasoning, reasoning]))) + safe_markdown(_closed(text))
        self._put([*map(_small, self._notes), body, waiting], plain_text=visible(text) or waiting)

    def proposed(self, number: int, reading: Reading) -> None:
        """Show the whole reply, the code exactly as it would run."""
        self._streaming = False
        self._head = "\n\n".join(
            [*map(_small, self._notes), _folded(reading.reasoning) + safe_markdown(reading.thought)]
        )
        self._plain = visible(reading.thought)
        if reading.action:
            code = visible(reading.action.code)
            self._head += f"\n\n{fence(code)}"
            self._plain += f"\n{_boxed(code)}"
        elif reading.fault:
            self._head += f"\n\n{_small(reading.fault)}"
        self._put([self._head], plain_text=self._plain)

    def finished(self, number: int, step: Step) -> None:
        """Show what came of the step, and what it cost."""
        lines = [self._head]
        plain_lines = [self._plain]
        if step.decision and step.decision.runs and step.action and step.decision.code != step.action.code:
            code = visible(step.decision.code)
            lines.append(f"Edited, and run as:\n\n{fence(code)}")
            plain_lines.append(f"Edited, and run as:\n{_boxed(code)}")
        foot = footer(number, step) if step.heard else ""  # an answer is followed by the turn's own line
        self._put([*lines, _small(foot)], plain_text="\n".join(filter(None, [*plain_lines, foot])))

    def tell(self, line: str) -> None:
        """Show a line of our own."""
        self._publish({"text/markdown": _small(line), "text/plain": line}, {}, None, False)

    def warn(self, line: str) -> None:
        """Show a line that must not be overlooked."""
        self._publish(
            {"text/markdown": f"**{safe_markdown(one_line(line, 600))}**", "text/plain": line}, {}, None, False
        )

    def waiting(self, line: str) -> None:
        """Show a line until the next one; an empty one takes it away."""
        update = bool(self._waiting_id)
        if line and not update:
            self._waiting_id = f"codeact-{uuid.uuid4().hex}"
        if self._waiting_id:
            self._publish({"text/markdown": _small(line), "text/plain": line}, {}, self._waiting_id, update)
        if not line:
            self._waiting_id = ""

    def close(self) -> None:
        """The turn is over, however it ended: what came of a reply stays, the waiting for the rest of it does not."""
        if self._streaming and self._shown:
            _, text = split_reasoning(self._text)
            self._put([*map(_small, self._notes), safe_markdown(_closed(text))], plain_text=visible(text))
        self._streaming = False

    def listing(self, code: str) -> None:
        """Show code with its lines numbered."""
        text = numbered(code)
        self._publish({"text/markdown": fence(text, "text"), "text/plain": text}, {}, None, False)

    def _put(self, parts: list[str], plain_text: str) -> None:
        markdown = "\n\n".join(filter(None, parts))
        data = {"text/markdown": markdown, "text/plain": plain_text}
        self._publish(data, {}, self._id, self._shown)
        self._shown = True


def _closed(text: str) -> str:
    """Return Markdown that is still being written with its open code block closed, and tags shown as such a block."""
    text = text.replace("<execute>", "\n```python").replace("</execute>", "\n```\n")
    return f"{text}\n```" if text.count("```") % 2 else text


def _folded(reasoning: str) -> str:
    """Return the model's reasoning, folded away."""
    if not reasoning.strip():
        return ""
    return f"<details><summary>reasoning</summary>\n\n{safe_markdown(reasoning)}\n\n</details>\n\n"


def _small(line: str) -> str:
    return f"<small>{safe_markdown(one_line(line, 600))}</small>" if line.strip() else ""


def _boxed(code: str) -> str:
    return "\n".join(f"  | {line}" for line in code.split("\n"))
