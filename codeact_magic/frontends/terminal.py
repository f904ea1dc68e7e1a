"""The terminal front end shows a turn as text: prose word by word, code behind a bar, one line below each step."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, TextIO

from ..agent import Delta
from ..formats import Reading, ReplyPart, ReplySplitter, may_be_reasoning, split_reasoning
from ..session import Json, Observation, Step
from ..text import one_line
from . import stdin
from .advice import TERMINAL, Advice
from .captions import counted, footer, step_name, waiting_line
from .control_channel import ControlChannel
from .front_end import Capabilities
from .next_cell import offer_as_next_cell
from .screen import Screen

INTERVAL = 0.05  # seconds between two updates: at most 20 a second, however fast the endpoint
PATIENCE = 1.0  # seconds without news before waiting is shown


class TerminalFrontEnd:
    """The terminal that IPython runs in, or a pipe."""

    def __init__(self, shell: Any) -> None:
        self.advice: Advice = TERMINAL
        self._shell = shell
        self._threads = set(threading.enumerate())  # of IPython's own

    @classmethod
    def of(cls, shell: Any, channel: ControlChannel) -> TerminalFrontEnd:
        """Return the front end of `shell`. It fits every shell: any shell can print."""
        return cls(shell)

    def capabilities(self) -> Capabilities:
        """Return the capabilities for the next turn."""
        return Capabilities(
            TerminalView(theme=self._shell.colors),
            ask=stdin.asker(self._shell),
            edit=stdin.editor(self._shell),
            intruders=self._new_threads,
        )

    def _new_threads(self) -> list[str]:
        """Return the names of the threads that were started since the first prompt, and not by us."""
        new = [thread for thread in threading.enumerate() if thread not in self._threads]
        return [thread.name for thread in new if not thread.name.startswith("codeact-")]

    def insert(self, cells: Sequence[Json], inserted: str, otherwise: str) -> None:
        """Offer `cells` as the next cell and print `otherwise`: a terminal has no notebook to insert them into."""
        print(otherwise)
        offer_as_next_cell(self._shell, cells)


class TerminalView:
    """Shows a turn as it goes on.

    `theme` is the name of one of IPython's themes. `stream` defaults to standard output.
    """

    def __init__(self, stream: TextIO | None = None, theme: str = "neutral") -> None:
        self._screen = Screen(stream, theme)
        self._began = self._updated = 0.0
        self._text = self._thoughts = self._title = ""
        self._start()

    def thinking(self, number: int, title: str = "") -> None:
        """Begin step `number`."""
        self._title = title
        if number > 1:
            self._screen.gap()
        self._start()

    def show(self, delta: Delta) -> None:
        """Take a piece of the reply, and print the lines and words that are complete."""
        if delta.note:
            self._screen.line(one_line(delta.note, 600))
            self._start()
        self._text += delta.text
        self._thoughts += delta.reasoning
        now = time.monotonic()
        if now - self._updated >= INTERVAL:
            self._updated = now
            self._print()
            self._tick(now)

    def proposed(self, number: int, reading: Reading) -> None:
        """Print the rest of the reply, and the code again if it is not exactly the code that was streamed."""
        self._print(whole=True)
        shown = self._transcript
        if shown.held:
            self._print_rest(reading.thought)
        if reading.action and not shown.ends_with(reading.action.code):
            if shown.has_code:
                self._screen.line("what would run:")
            self._screen.code(reading.action.code.split("\n"))
        elif reading.fault:
            self._screen.line(reading.fault)
        self._screen.end_line()
        if reading.action:
            self._screen.gap()

    def finished(self, number: int, step: Step) -> None:
        """Print the result of the step and its cost."""
        if step.observation and not _ends_line(step.observation):
            self._screen.break_line()
        if step.observation_message:  # an answer is followed by the turn's own line
            self._screen.line(footer(step_name(number, self._title), step))

    def tell(self, line: str) -> None:
        """Print a line that is not part of the reply."""
        self._screen.line(line)

    def warn(self, line: str) -> None:
        """Print a line that must not be overlooked."""
        self._screen.line(line, "1;33")

    def listing(self, code: str) -> None:
        """Print code that the user has edited, in the same way as proposed code."""
        self._screen.code(code.split("\n"))
        self._screen.gap()

    def waiting(self, line: str) -> None:
        """Show a line until something else is printed; an empty line removes it."""
        self._screen.status(line)

    def close(self) -> None:
        """End the turn, whatever its outcome."""
        self._screen.end_line()

    def restore(self) -> None:
        """Do nothing: an action that clears its output clears nothing else in a terminal."""

    def _start(self) -> None:
        self._began = time.monotonic()
        self._updated = 0.0
        self._text = self._thoughts = ""
        self._reasoning_shown = False
        self._transcript = Transcript(self._screen)

    def _print(self, whole: bool = False) -> None:
        inline, text = split_reasoning(self._text.replace("\r\n", "\n"))
        words = len(f"{self._thoughts} {inline}".split())
        if not text.startswith(self._transcript.source):  # the text that was printed turns out to be reasoning
            self._transcript = Transcript(self._screen)
        if words and not self._reasoning_shown and (whole or not may_be_reasoning(text)):
            self._reasoning_shown = True
            self._screen.line(f"reasoning: {counted(words, 'word')}")
        self._transcript.take(text, whole)

    def _print_rest(self, thought: str) -> None:
        """Print the part of `thought` that does not stand before the JSON, in which the reply had put it."""
        shown = self._transcript.source.strip()
        self._transcript = Transcript(self._screen, holds=False)
        self._transcript.take(thought.strip().removeprefix(shown).lstrip(), whole=True)

    def _tick(self, now: float) -> None:
        if now - max(self._began, self._screen.touched) >= PATIENCE:
            doing = "writing" if self._text else "thinking"
            self._screen.status(waiting_line(now - self._began, doing))


class Transcript:
    """A reply on its way to the screen.

    `block` holds the lines of the last code in it; `has_code` says whether there was any. If `holds`, the JSON around
    an action is held back.
    """

    def __init__(self, screen: Screen, holds: bool = True) -> None:
        self.block: list[str] = []
        self.has_code = False
        self._screen = screen
        self._reply = ReplySplitter(holds)
        self._python = True
        self._printed = 0  # lines of the block that are on the screen
        self._followed = False  # by prose

    @property
    def source(self) -> str:
        """The part of the reply that has been taken."""
        return self._reply.source

    @property
    def held(self) -> bool:
        """Whether the rest of the reply is held back."""
        return self._reply.held

    def take(self, text: str, whole: bool = False) -> None:
        """Print the new lines, and the new words of prose, of `text`: the reply so far."""
        for part in self._reply.split(text, whole):
            self._take(part)
        self._print_code()

    def ends_with(self, code: str) -> bool:
        """Return whether `code`, verbatim, is the last thing that was printed."""
        return not self._followed and "\n".join(self.block).rstrip() == code

    def _take(self, part: ReplyPart) -> None:
        match part.kind:
            case "prose":
                self._take_prose(part.text)
            case "line ends":
                self._screen.end_line()
            case "blank line":
                self._screen.gap()
            case "code begins":
                self._begin_code(part.text)
            case "code":
                self.block.append(part.text)
            case "code ends":
                self._print_code()
                self._screen.gap()

    def _take_prose(self, text: str) -> None:
        if text.strip():
            self._followed = True
        self._screen.prose(text)

    def _begin_code(self, language: str) -> None:
        self._print_code()
        self.block = []
        self._printed = 0
        self._followed = False
        self._python = language == "python"

    def _print_code(self) -> None:
        end = len(self.block)
        while end > self._printed and not self.block[end - 1].strip():
            end -= 1  # blank lines wait for what follows them
        if end > self._printed:
            self._screen.code(self.block[self._printed : end], self.block[: self._printed], self._python)
            self._printed = end
            self.has_code = True


def _ends_line(observation: Observation) -> bool:
    """Return whether the last output of the code ends its line. It does not after an interrupt: terminals show ^C."""
    if observation.status == "interrupted":
        return False
    texts = [output["text"] for output in observation.outputs[-1:] if output["output_type"] == "stream"]
    return all(text.endswith("\n") for text in texts)
