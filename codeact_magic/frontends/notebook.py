"""Shows a turn in a notebook as it goes: as Markdown that is updated in place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

from ..agent import Delta
from ..formats import Reading, split_reasoning
from ..session import Step
from ..text import clip, fence, one_line, safe_markdown, visible
from .captions import footer, numbered

INTERVAL = 0.05  # seconds between two updates at least: 20 a second, however fast the endpoint
PATIENCE = 1.0  # seconds after which waiting is shown
MOST_STREAMED = 20_000  # characters of a reply that are shown while it is written; then all of it

Bundle = dict[str, Any]


class StepListener(Protocol):
    """Who is told of each step besides, and adds what a page of JupyterLab needs to show it with buttons."""

    def thinking(self, number: int, title: str) -> None:
        """Step `number` begins."""

    def streaming(self, text: str, reasoning: str, notes: list[str]) -> None:
        """The reply has come as far as `text`."""

    def proposed(self, reading: Reading) -> None:
        """The reply is complete."""

    def finished(self, number: int, step: Step) -> None:
        """The step is over."""

    def broken_off(self) -> None:
        """The turn ended in the middle of the step."""

    def bundle(self) -> Bundle:
        """Return the step as it stands, by MIME type."""


class NotebookView:
    """Shows each step as one Markdown output, updated while the reply is written; what the code shows comes below.

    `publish(data, metadata, display_id, update)` hands a MIME bundle to the front end. That takes milliseconds, so what
    becomes of a step is published together with what comes next: the next request is on its way by then. `records` is
    told of each step, too.
    """

    def __init__(self, publish: Callable[..., None], records: StepListener) -> None:
        self._publish, self._records = publish, records
        self._ids = map(f"codeact-{os.urandom(8).hex()}-{{}}".format, count())
        self._waiting_id = ""
        self._pending: tuple[Bundle, str] | None = None  # an update, and the display that it is for
        self._streaming = False
        self._steps: dict[str, Bundle] = {}  # what the turn's steps show, by their displays

    def thinking(self, number: int, title: str = "") -> None:
        """Begin the output of step `number`."""
        self._title = title
        self._id, self._shown, self._finished = next(self._ids), False, False
        self._began = self._updated = time.monotonic()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._notes: list[str] = []
        self._streaming = True
        self._records.thinking(number, title)

    def show(self, delta: Delta) -> None:
        """Take a piece of the reply; an empty one moves the timer on."""
        self._publish_pending()
        if delta.note:
            self._notes.append(delta.note)
            self._text, self._reasoning = [], []
        self._text.append(delta.text)
        self._reasoning.append(delta.reasoning)
        now = time.monotonic()
        waited = now - self._began
        idle = not (delta.text or delta.reasoning or delta.note)
        if now - self._updated < (1.0 if idle else INTERVAL) or (idle and waited < PATIENCE):
            return
        self._updated = now
        self._stream(f"*thinking … {waited:.0f} s*" if waited >= PATIENCE else "")

    def proposed(self, number: int, reading: Reading) -> None:
        """Show the whole reply, the code exactly as it would run."""
        self._publish_pending()
        self._streaming = False
        self._records.proposed(reading)
        markdown = [*map(_small, self._notes), _folded(reading.reasoning), safe_markdown(reading.thought)]
        plain = [visible(reading.thought)]
        if reading.action:
            code = visible(reading.action.code)
            markdown.append(fence(code))
            plain.append(_boxed(code))
        elif reading.fault:
            markdown.append(_small(reading.fault))
            plain.append(reading.fault)
        self._head = (markdown, plain)
        self._show(_bundle(markdown, plain))

    def finished(self, number: int, step: Step) -> None:
        """Show what came of the step, and what it cost."""
        self._records.finished(number, step)
        self._finished = True
        markdown, plain = self._head
        if step.decision and step.decision.runs and step.action and step.decision.code != step.action.code:
            code = visible(step.decision.code)
            markdown = [*markdown, "Edited, and run as:", fence(code)]
            plain = [*plain, "Edited, and run as:", _boxed(code)]
        if step.observation_message:  # an answer is followed by the turn's own line
            foot = footer(self._title or f"step {number}", step)
            markdown, plain = [*markdown, _small(foot)], [*plain, foot]
        self._pending = (_bundle(markdown, plain) | self._records.bundle(), self._id)
        self._steps[self._id] = self._pending[0]

    def refresh(self) -> None:
        """Show the step as it stands on the records."""
        self._show(_bundle(*self._head))

    def tell(self, line: str) -> None:
        """Show a line of our own."""
        self._put(_small(line), line)

    def warn(self, line: str) -> None:
        """Show a line that must not be overlooked."""
        self._put(f"**{safe_markdown(one_line(line, 600))}**", line)

    def listing(self, code: str) -> None:
        """Show code with its lines numbered."""
        text = numbered(code)
        self._put(fence(text, "text"), text)

    def waiting(self, line: str) -> None:
        """Show a line until the next one; an empty one takes it away."""
        self._publish_pending()
        update = bool(self._waiting_id)
        if line and not update:
            self._waiting_id = next(self._ids)
        if self._waiting_id:
            self._publish(_bundle([_small(line)], [line]), {}, self._waiting_id, update)
        if not line:
            self._waiting_id = ""

    def close(self) -> None:
        """The turn is over, however it ended: what came of a reply stays, the waiting for the rest of it does not."""
        self._publish_pending()
        self._records.broken_off()
        if self._streaming:
            self._streaming = False
            self._stream("")
        elif self._shown and not self._finished:
            self.refresh()

    def restore(self) -> None:
        """Show the turn so far again: an action has cleared the cell."""
        *before, last = self._steps.values()
        if before:
            self._publish(_joined(before), {}, None, False)
        self._publish(last, {}, self._id, False)

    def _stream(self, waiting: str) -> None:
        """Show the reply as far as it has come."""
        reasoning, text = split_reasoning("".join(self._text))
        reasoning, text = clip("".join(self._reasoning) + reasoning, MOST_STREAMED), clip(text, MOST_STREAMED)
        markdown = [*map(_small, self._notes), _folded(reasoning), safe_markdown(_fenced(text)), waiting]
        self._records.streaming(text, reasoning, self._notes)
        if self._shown or any(markdown):
            self._show(_bundle(markdown, [visible(text), waiting]))

    def _show(self, bundle: Bundle) -> None:
        bundle = bundle | self._records.bundle()
        self._publish(bundle, {}, self._id, self._shown)
        self._steps[self._id], self._shown = bundle, True

    def _put(self, markdown: str, plain: str) -> None:
        self._publish_pending()
        self._publish(_bundle([markdown], [plain]), {}, None, False)

    def _publish_pending(self) -> None:
        if self._pending is not None:
            (bundle, display_id), self._pending = self._pending, None
            self._publish(bundle, {}, display_id, True)


def _bundle(markdown: list[str], plain: list[str]) -> Bundle:
    return {"text/markdown": "\n\n".join(filter(None, markdown)), "text/plain": "\n".join(filter(None, plain))}


def _joined(bundles: list[Bundle]) -> Bundle:
    return _bundle([one["text/markdown"] for one in bundles], [one["text/plain"] for one in bundles])


def _fenced(text: str) -> str:
    """Return a reply that is still being written with the tags around code as a code block's beginning and end."""
    return text.replace("<execute>", "\n```python\n").replace("</execute>", "\n```\n")


def _folded(reasoning: str) -> str:
    """Return the model's reasoning, folded away."""
    if not reasoning.strip():
        return ""
    return f"<details><summary>reasoning</summary>\n\n{safe_markdown(reasoning)}\n\n</details>"


def _small(line: str) -> str:
    return f"<small>{safe_markdown(one_line(line, 600))}</small>" if line.strip() else ""


def _boxed(code: str) -> str:
    return "\n".join(f"  | {line}" for line in code.split("\n"))
