"""Shows a turn as it goes: in a notebook as Markdown that is updated in place, in a terminal as text."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from typing import TextIO

from .agent import Delta
from .formats import Reading, split_reasoning
from .session import Step, Usage
from .text import fence, one_line, safe_markdown, visible

INTERVAL = 0.05  # seconds between two updates at least: 20 a second, however fast the endpoint
PATIENCE = 1.0  # seconds after which waiting is shown


class NotebookView:
    """Shows each step as one Markdown output, updated while the reply is written; what the code shows comes below.

    `publish(data, metadata, display_id, update)` hands a MIME bundle to the front end.
    """

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._id = ""

    def thinking(self, number: int) -> None:
        """Begin the output of step `number`."""
        self._id = f"codeact-{uuid.uuid4().hex}"
        self._shown = False
        self._began = time.monotonic()
        self._last = 0.0
        self._text = self._reasoning = ""
        self._head = self._foot = self._note = ""
        self._notes: list[str] = []

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

    def listing(self, code: str) -> None:
        """Show code with its lines numbered."""
        text = numbered(code)
        self._publish({"text/markdown": fence(text, "text"), "text/plain": text}, {}, None, False)

    def _put(self, parts: list[str], plain_text: str) -> None:
        markdown = "\n\n".join(filter(None, parts))
        data = {"text/markdown": markdown, "text/plain": plain_text}
        self._publish(data, {}, self._id, self._shown)
        self._shown = True


class TerminalView:
    """Shows a turn as text; code is highlighted line by line where `stream` is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._line = ""

    @property
    def stream(self) -> TextIO:
        """Where the text goes."""
        return self._stream or sys.stdout

    def thinking(self, number: int) -> None:
        """Begin step `number`."""
        self._began = time.monotonic()
        self._text = ""
        self._written = 0  # characters of the reply that are on the screen
        self._status = ""
        self._last = 0.0
        self._in_code = False
        self._code: list[str] = []
        self._reasoned = False

    def show(self, delta: Delta) -> None:
        """Take a piece of the reply, and print the lines that are complete."""
        if delta.note:
            self._clear_status()
            self._write(f"{self._dim(one_line(delta.note, 600))}\n")
            self._text, self._written, self._in_code, self._code = "", 0, False, []
        self._text += delta.text
        if delta.reasoning and not self._reasoned:
            self._reasoned = True
        self._print_lines()
        self._tick()

    def proposed(self, number: int, reading: Reading) -> None:
        """Print what is still missing; the code is printed whole where what was streamed is not just what would run."""
        self._clear_status()
        self._print_lines(whole=True)
        if reading.action:
            code = visible(reading.action.code)
            if code.split("\n") != self._code:
                self._write(f"{self._highlight_all(code)}\n")
        elif reading.fault:
            self._write(f"{self._dim(reading.fault)}\n")

    def finished(self, number: int, step: Step) -> None:
        """Print what came of the step, and what it cost."""
        if step.heard:  # an answer is followed by the turn's own line
            self._write(f"{self._dim(footer(number, step))}\n")

    def tell(self, line: str) -> None:
        """Print a line of our own."""
        self._write(f"{self._dim(line)}\n")

    def listing(self, code: str) -> None:
        """Print code with its lines numbered."""
        self._write(f"{numbered(code)}\n")

    def _print_lines(self, whole: bool = False) -> None:
        reasoning, text = split_reasoning(self._text)
        if reasoning and not text and not whole:
            return
        end = len(text) if whole else text.rfind("\n") + 1
        if end <= self._written:
            return
        self._clear_status()
        for line in text[self._written : end].split("\n")[: None if whole else -1]:
            if line or not whole:
                self._print_line(line)
        self._written = end

    def _print_line(self, line: str) -> None:
        mark = line.strip().lower()
        if mark.startswith("```") or mark in ("<execute>", "</execute>"):
            self._in_code = not self._in_code
            if self._in_code:
                self._code = []
            return
        shown = visible(line)
        if self._in_code:
            self._code.append(shown)
            self._write(f"{self._highlight(shown)}\n")
        else:
            self._write(f"{shown}\n")

    def _tick(self) -> None:
        now = time.monotonic()
        if not self.stream.isatty() or now - self._last < 1.0 or now - self._began < PATIENCE:
            return
        self._last = now
        self._clear_status()
        self._status = f"thinking … {now - self._began:.0f} s"
        self.stream.write(self._dim(self._status))
        self.stream.flush()

    def _clear_status(self) -> None:
        if self._status:
            self.stream.write("\r\x1b[K")
            self._status = ""

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self.stream.isatty() else text

    def _highlight_all(self, code: str) -> str:
        return "\n".join(map(self._highlight, code.split("\n")))

    def _highlight(self, line: str) -> str:
        return f"  │ {highlighted(line)}" if self.stream.isatty() else f"  | {line}"


def numbered(code: str) -> str:
    """Return code with its lines numbered, everything in it visible."""
    return "\n".join(f"{number:3} {line}" for number, line in enumerate(visible(code).split("\n"), 1))


def highlighted(line: str) -> str:
    """Return a line of Python in a terminal's colours."""
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(line, PythonLexer(stripnl=False), TerminalFormatter())).rstrip("\n")


def footer(number: int, step: Step) -> str:
    """Return the line below a step: what was decided, how it went, what it cost."""
    parts = [f"step {number}"]
    if step.decision:
        words = {"approve": "run", "edit": "edited and run", "reject": "rejected", "stop": "stopped"}
        parts.append(f"{words[step.decision.verdict]} by {step.decision.by}")
        if step.decision.reason:
            parts.append(f"reason: {one_line(step.decision.reason)}")
    if step.observation:
        if step.observation.status != "ok":
            parts.append({"error": "error", "aborted": "interrupted"}[step.observation.status])
        parts.append(f"ran {step.observation.seconds:.1f} s")
    elif step.action and step.heard and not step.decision:
        parts.append("not run: the same code again")
    parts.append(f"model {step.reply.seconds:.1f} s")
    parts.append(tokens(step.reply.usage))
    return " · ".join(parts)


def tokens(usage: Usage) -> str:
    """Return a usage as text, e.g. "812 tokens in (700 cached), 45 out"."""
    about = "about " if usage.estimated else ""
    cached = f" ({usage.cached:,} cached)" if usage.cached else ""
    return f"{about}{usage.prompt:,} tokens in{cached}, {usage.completion:,} out"


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
