"""The notebook front end shows a turn in its cell as Markdown that is updated in place, with buttons in JupyterLab."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from ..agent import Delta
from ..formats import Reading, split_reasoning, tags_as_fences
from ..session import Json, Step
from ..text import clip, fence, one_line, safe_markdown, visible
from . import stdin
from .advice import NOTEBOOK, Advice
from .captions import barred, counted, footer, numbered, step_name, waiting_line
from .control_channel import ControlChannel
from .front_end import Capabilities
from .lab_page import INSERT_MIME, VERSION, LabPageAsker, StepRecords
from .next_cell import offer_as_next_cell

INTERVAL = 0.05  # seconds between two updates: at most 20 a second, however fast the endpoint
PATIENCE = 1.0  # seconds before the line that shows waiting counts them
MOST_STREAMED = 20_000  # characters of a reply that are shown while it is written; then all of it
INSERT_PATIENCE = 3.0  # seconds in which a lab page must take the cells that are offered to it
INSERT_TICK = 0.05

Bundle = dict[str, Any]


class NotebookFrontEnd:
    """A notebook's cell, and the lab page that shows the notebook if it has our extension."""

    def __init__(self, shell: Any, channel: ControlChannel) -> None:
        self._shell = shell
        self.advice: Advice = NOTEBOOK
        self._channel = channel
        self._records = StepRecords(channel)

    @classmethod
    def of(cls, shell: Any, channel: ControlChannel) -> NotebookFrontEnd | None:
        """Return the front end of `shell`, or None if it is not in a Jupyter kernel."""
        return cls(shell, channel) if stdin.in_kernel(shell) else None

    def capabilities(self) -> Capabilities:
        """Return the capabilities for the next turn."""
        view = NotebookView(self._publish, self._records)
        return Capabilities(
            view,
            ask=stdin.asker(self._shell),
            buttons=LabPageAsker(self._channel, self._records, view.refresh),
            listener=self._records,
        )

    def insert(self, cells: Sequence[Json], inserted: str, otherwise: str) -> None:
        """Insert `cells` below the running one; if no lab page takes them, offer them as one cell that comes next."""
        if not self._accepted(cells, inserted, otherwise):
            offer_as_next_cell(self._shell, cells)

    def _accepted(self, cells: Sequence[Json], inserted: str, otherwise: str) -> bool:
        """Offer `cells` to lab pages, and return whether one took them; one display shows which it was."""
        name = self._channel.offer(list(cells))
        self._publish({INSERT_MIME: {"version": VERSION, "id": name}, "text/plain": "…"}, {}, name, False)
        accepted = self._channel.accepted(INSERT_PATIENCE, INSERT_TICK)
        self._publish({"text/plain": inserted if accepted else otherwise}, {}, name, True)
        return accepted

    def _publish(self, data: Json, metadata: Json, display_id: str | None, update: bool) -> None:
        transient = {"display_id": display_id} if display_id else {}
        self._shell.display_pub.publish(data=data, metadata=metadata, transient=transient, update=update)


class StepListener(Protocol):
    """Is told of each step as well, and adds the data with which a lab page shows it with buttons."""

    def thinking(self, number: int, title: str) -> None:
        """Begin step `number`; `title` is its name if that is not "step N"."""

    def streaming(self, text: str, reasoning: str, notes: list[str]) -> None:
        """Take note of the reply so far."""

    def proposed(self, reading: Reading) -> None:
        """Take note of the complete reply."""

    def finished(self, number: int, step: Step) -> None:
        """Take note of the result of the step."""

    def broken_off(self) -> None:
        """Take note that the turn ended in the middle of the step."""

    def bundle(self) -> Bundle:
        """Return the current state of the step, by MIME type."""


class NotebookView:
    """Shows each step as one Markdown output, updated while the reply is written; the outputs of the code come below.

    `publish(data, metadata, display_id, update)` sends a MIME bundle to the front end. That takes milliseconds, so the
    result of a step is published together with the next thing to show: the next request has been sent by then.
    `records` is told of each step as well.
    """

    def __init__(self, publish: Callable[..., None], records: StepListener) -> None:
        self._publish = publish
        self._records = records
        self._ids = map(f"codeact-{os.urandom(8).hex()}-{{}}".format, count())
        self._waiting_id = ""
        self._pending: tuple[Bundle, str] | None = None  # an update, and the id of its display
        self._streaming = self._shown = self._finished = False
        self._steps: dict[str, Bundle] = {}  # the outputs of the turn's steps, by display id

    def thinking(self, number: int, title: str = "") -> None:
        """Begin the output of step `number`."""
        self._title = title
        self._id = next(self._ids)
        self._shown = self._finished = False
        self._began = self._updated = time.monotonic()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._notes: list[str] = []
        self._streaming = True
        self._records.thinking(number, title)

    def show(self, delta: Delta) -> None:
        """Take a piece of the reply; an empty piece updates the timer."""
        self._publish_pending()
        if delta.note:
            self._notes.append(delta.note)
            self._text = []
            self._reasoning = []
        self._text.append(delta.text)
        self._reasoning.append(delta.reasoning)
        now = time.monotonic()
        waited = now - self._began
        idle = not (delta.text or delta.reasoning or delta.note)
        interval = 1.0 if idle and self._shown else INTERVAL
        if now - self._updated < interval:
            return
        self._updated = now
        self._stream(f"*{waiting_line(waited)}*" if waited >= PATIENCE or idle else "")

    def proposed(self, number: int, reading: Reading) -> None:
        """Show the whole reply, with the code exactly as it would run."""
        self._publish_pending()
        self._streaming = False
        self._records.proposed(reading)
        markdown = [*map(_small, self._notes), _folded(reading.reasoning), safe_markdown(reading.thought)]
        plain = [visible(reading.thought)]
        if reading.action:
            code = visible(reading.action.code)
            markdown.append(fence(code))
            plain.append(_barred(code))
        elif reading.fault:
            markdown.append(_small(reading.fault))
            plain.append(reading.fault)
        self._head = (markdown, plain)
        self._show(_bundle(markdown, plain))

    def finished(self, number: int, step: Step) -> None:
        """Show the result of the step and its cost."""
        self._records.finished(number, step)
        self._finished = True
        markdown, plain = self._head
        if step.decision and step.decision.runs and step.action and step.decision.code != step.action.code:
            code = visible(step.decision.code)
            markdown = [*markdown, "Edited, and run as:", fence(code)]
            plain = [*plain, "Edited, and run as:", _barred(code)]
        if step.observation_message:  # an answer is followed by the turn's own line
            foot = footer(step_name(number, self._title), step)
            markdown = [*markdown, _small(foot)]
            plain = [*plain, foot]
        self._pending = (_bundle(markdown, plain) | self._records.bundle(), self._id)
        self._steps[self._id] = self._pending[0]

    def refresh(self) -> None:
        """Show the step again, with its current record."""
        self._show(_bundle(*self._head))

    def tell(self, line: str) -> None:
        """Show a line that is not part of the reply."""
        self._put(_small(line), line)

    def warn(self, line: str) -> None:
        """Show a line that must not be overlooked."""
        self._put(f"**{safe_markdown(one_line(line, 600))}**", line)

    def listing(self, code: str) -> None:
        """Show code with its lines numbered."""
        text = numbered(code)
        self._put(fence(text, "text"), text)

    def waiting(self, line: str) -> None:
        """Show a line until the next one; an empty line removes it."""
        self._publish_pending()
        update = bool(self._waiting_id)
        if line and not update:
            self._waiting_id = next(self._ids)
        if self._waiting_id:
            self._publish(_bundle([_small(line)], [line]), {}, self._waiting_id, update)
        if not line:
            self._waiting_id = ""

    def close(self) -> None:
        """End the turn, whatever its outcome: a part of a reply stays, the line that says "thinking" does not."""
        self._publish_pending()
        self._records.broken_off()
        if self._streaming:
            self._streaming = False
            self._stream("")
        elif self._shown and not self._finished:
            self.refresh()

    def restore(self) -> None:
        """Show the turn so far again, after an action has cleared the output of the cell."""
        *before, last = self._steps.values()
        if before:
            self._publish(_joined(before), {}, None, False)
        self._publish(last, {}, self._id, False)

    def _stream(self, waiting: str) -> None:
        """Show the reply so far."""
        reasoning, text = split_reasoning("".join(self._text))
        reasoning = clip("".join(self._reasoning) + reasoning, MOST_STREAMED)
        text = clip(text, MOST_STREAMED)
        fenced = tags_as_fences(text)
        heading = f"reasoning … {counted(len(reasoning.split()), 'word')}" if self._streaming else "reasoning"
        folded = _folded(reasoning, heading)
        markdown = [*map(_small, self._notes), folded, safe_markdown(fenced), waiting]
        self._records.streaming(fenced, reasoning, self._notes)
        if self._shown or any(markdown):
            self._show(_bundle(markdown, [visible(text), waiting]))

    def _show(self, bundle: Bundle) -> None:
        bundle = bundle | self._records.bundle()
        self._publish(bundle, {}, self._id, self._shown)
        self._steps[self._id] = bundle
        self._shown = True

    def _put(self, markdown: str, plain: str) -> None:
        self._publish_pending()
        self._publish(_bundle([markdown], [plain]), {}, None, False)

    def _publish_pending(self) -> None:
        if self._pending is not None:
            bundle, display_id = self._pending
            self._pending = None
            self._publish(bundle, {}, display_id, True)


def _bundle(markdown: list[str], plain: list[str]) -> Bundle:
    return {"text/markdown": "\n\n".join(filter(None, markdown)), "text/plain": "\n".join(filter(None, plain))}


def _joined(bundles: list[Bundle]) -> Bundle:
    return _bundle([one["text/markdown"] for one in bundles], [one["text/plain"] for one in bundles])


def _folded(reasoning: str, heading: str = "reasoning") -> str:
    """Return the model's reasoning as a section that is folded, with `heading` above it."""
    if not reasoning.strip():
        return ""
    return f"<details><summary>{heading}</summary>\n\n{safe_markdown(reasoning)}\n\n</details>"


def _small(line: str) -> str:
    return f"<small>{safe_markdown(one_line(line, 600))}</small>" if line.strip() else ""


def _barred(code: str) -> str:
    return "\n".join(barred(code.split("\n")))
