"""Shows a turn in a terminal, as text: prose word by word, code set off by a bar, one line below each step."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
from typing import TextIO

from ..agent import Delta
from ..formats import Reading, split_reasoning
from ..session import Observation, Step
from ..text import one_line, prose, visible
from .captions import counted, footer

INTERVAL = 0.05  # seconds between two updates at least: 20 a second, however fast the endpoint
PATIENCE = 1.0  # seconds without news after which waiting is shown


class TerminalView:
    """Shows a turn as it goes. `theme` is one of IPython's, by name; `stream` is standard output where it is None."""

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
        """Take a piece of the reply, and print what of it is complete."""
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
        """Print what is missing; the code is printed again where what was streamed is not just what would run."""
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
        """Print what came of the step, and what it cost."""
        if step.observation and not _ends_line(step.observation):
            self._screen.break_line()
        if step.observation_message:  # an answer is followed by the turn's own line
            self._screen.line(footer(self._title or f"step {number}", step))

    def tell(self, line: str) -> None:
        """Print a line of our own."""
        self._screen.line(line)

    def warn(self, line: str) -> None:
        """Print a line that must not be overlooked."""
        self._screen.line(line, "1;33")

    def listing(self, code: str) -> None:
        """Print code that the user has edited, as what would run is printed."""
        self._screen.code(code.split("\n"))
        self._screen.gap()

    def waiting(self, line: str) -> None:
        """Show a line until the next one; an empty one takes it away."""
        self._screen.status(line)

    def close(self) -> None:
        """The turn is over, however it ended."""
        self._screen.end_line()

    def restore(self) -> None:
        """An action has cleared its output: in a terminal that takes nothing else away."""

    def _start(self) -> None:
        self._began, self._updated = time.monotonic(), 0.0
        self._text = self._thoughts = ""
        self._told = False
        self._transcript = Transcript(self._screen)

    def _print(self, whole: bool = False) -> None:
        inline, text = split_reasoning(self._text.replace("\r\n", "\n"))
        words = len(f"{self._thoughts} {inline}".split())
        if not text.startswith(self._transcript.source):  # what was printed turns out to have been reasoning
            self._transcript = Transcript(self._screen)
        if words and not self._told and (whole or not "<think>".startswith(text.lstrip())):
            self._told = True
            self._screen.line(f"reasoning: {counted(words, 'word')}")
        self._transcript.take(text, whole)

    def _print_rest(self, thought: str) -> None:
        """Print what `thought` says beyond what was shown before the JSON in which the reply put it."""
        shown = self._transcript.source.strip()
        self._transcript = Transcript(self._screen, holds=False)
        self._transcript.take(thought.strip().removeprefix(shown).lstrip(), whole=True)

    def _tick(self, now: float) -> None:
        if now - max(self._began, self._screen.touched) >= PATIENCE:
            self._screen.status(f"{'writing' if self._text else 'thinking'} … {now - self._began:.0f} s")


_FENCE = re.compile(r"\s*(?:[-*>]\s|\d+\.\s)?\s*(`{3,}|~{3,})\s*([^\s`]*)")
_TAG = re.compile(r"(</?execute>)", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:\{|```\s*json\b|<tool_call>)", re.IGNORECASE)
_UNDECIDED = re.compile(r"\s*(?:[-*>]|\d+\.)?\s*(?:$|[`~{])|.*<|.*```")  # what a line that opens a block begins with


class Transcript:
    """A reply on its way to the screen. It holds back what is not to be read as it stands: the JSON around code.

    `source` is the part of the reply that was taken, `block` the lines of the last code in it, `has_code` tells that
    there was any, and `held` that the rest is held back.
    """

    def __init__(self, screen: Screen, holds: bool = True) -> None:
        self.source = ""
        self.block: list[str] = []
        self.held = self.has_code = False
        self._screen, self._holds = screen, holds
        self._mark = ""  # what opened the code that is being printed: a fence or a tag
        self._python = True
        self._printed = 0  # lines of the block that are on the screen
        self._followed = False  # by prose

    def take(self, text: str, whole: bool = False) -> None:
        """Print what is new in `text`, the reply so far: whole lines, and whole words of prose."""
        *lines, tail = text[len(self.source) :].split("\n")
        for line in lines:
            self._take_line(line)
            if self.held:
                return
            self.source += f"{line}\n"
        if whole and tail:
            self._take_line(tail)
            self.source += "" if self.held else tail
        elif not self._mark and not ("<" in tail if self._midline else _UNDECIDED.match(tail)):
            words = tail[: tail.rfind(" ") + 1]
            if words.strip() or self._midline:
                self._take_prose(words)
                self.source += words
        self._print_code()

    def ends_with(self, code: str) -> bool:
        """Return whether `code`, to the letter, is the last thing that was printed."""
        return not self._followed and "\n".join(self.block).rstrip() == code

    @property
    def _midline(self) -> bool:
        return bool(self.source) and not self.source.endswith("\n")

    def _take_line(self, line: str) -> None:
        if self._midline:
            self._take_tagged(line)
        elif self._mark and self._closes(line):
            self._close()
        elif not self._mark and self._holds and _JSON.match(line):
            self.held = True
        elif not self._mark and (fence := _FENCE.match(line)):
            self._open(fence[1], fence[2])
        elif not line.strip() and not self._mark:
            self._screen.gap()
        else:
            self._take_tagged(line)

    def _take_tagged(self, line: str) -> None:
        """Take a line of prose or code, with <execute> tags in it or not."""
        for piece in _TAG.split(line):
            tag = piece.lower()
            if tag == "<execute>" and not self._mark:
                self._open(tag, "python")
            elif tag == "</execute>" and self._mark == "<execute>":
                self._close()
            elif self._mark:
                self._take_code(piece, inline=piece != line)
            else:
                self._take_prose(piece)
        self._screen.end_line()

    def _closes(self, line: str) -> bool:
        """Return whether `line` ends the code, or, inside <execute> tags, is one of the fences that some models add."""
        if self._mark == "<execute>":
            return False
        ticks = line.strip(" \t>")
        if line.lstrip().lower().startswith("</execute>"):
            return True
        return bool(ticks) and ticks == self._mark[0] * len(ticks) and len(ticks) >= len(self._mark)

    def _open(self, mark: str, language: str) -> None:
        self._print_code()
        self._mark, self.block, self._printed, self._followed = mark, [], 0, False
        self._python = language.lower() in ("", "python", "python3", "py", "ipython")

    def _close(self) -> None:
        self._print_code()
        self._mark = ""
        self._screen.gap()

    def _take_code(self, line: str, inline: bool) -> None:
        is_fence = self._mark == "<execute>" and bool(_FENCE.match(line))
        if not is_fence and (line.strip() or (self.block and not inline)):
            self.block.append(line)

    def _take_prose(self, text: str) -> None:
        if text.strip():
            self._followed = True
        self._screen.prose(text)

    def _print_code(self) -> None:
        end = len(self.block)
        while end > self._printed and not self.block[end - 1].strip():
            end -= 1  # blank lines wait for what follows them
        if end > self._printed:
            self._screen.code(self.block[self._printed : end], self.block[: self._printed], self._python)
            self._printed, self.has_code = end, True


def _ends_line(observation: Observation) -> bool:
    """Return whether what the code printed last ends its line; a terminal shows ^C where it was interrupted."""
    if observation.status == "aborted":
        return False
    texts = [output["text"] for output in observation.outputs[-1:] if output["output_type"] == "stream"]
    return all(text.endswith("\n") for text in texts)


class Screen:
    """Writes to a terminal: prose that is wrapped, code behind a bar, and a line that waits to be replaced."""

    def __init__(self, stream: TextIO | None, theme: str) -> None:
        self._stream, self._theme = stream, theme
        self._column = 0  # of the line that is being written
        self._hanging = ""  # the indentation of its further lines
        self._spaces = ""  # between the last word and the next
        self._wraps = False
        self._last = "gap"
        self._status = ""
        self.touched = time.monotonic()  # when something was written last

    @property
    def stream(self) -> TextIO:
        """Where the text goes."""
        return self._stream or sys.stdout

    @property
    def styled(self) -> bool:
        """Whether colours, and lines that replace themselves, mean anything there."""
        plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or self._theme.lower() == "nocolor"
        return not plain and self.stream.isatty()

    def status(self, text: str) -> None:
        """Show `text` until something else is written; an empty one takes it away."""
        if text != self._status and self.styled and not self._column:
            self.stream.write(f"\r\x1b[K{self._in_style(visible(text), '2') if text else ''}")
            self.stream.flush()
            self._status = text

    def line(self, text: str, style: str = "2") -> None:
        """Write a line of our own, dimmed unless another style (an SGR parameter) is given."""
        self.end_line()
        if self._last == "prose":
            self.gap()
        shown = visible(text)
        if self.styled:
            shown = textwrap.fill(shown, self._width, break_long_words=False, break_on_hyphens=False)
        self._write(f"{self._in_style(shown, style)}\n", "line")

    def prose(self, text: str) -> None:
        """Write some words of a line; the line is wrapped where the terminal ends."""
        if not self._column:
            if not text.strip():
                return
            bullet = _BULLET.match(text)
            self._hanging = " " * len(bullet.group()) if bullet else ""
            self._wraps = self.styled and not text.lstrip().startswith("|")  # a row of a table stays whole
        for word in re.findall(r"[ \t]+|[^ \t]+", prose(text)):
            if word.strip():
                self._word(word)
            else:
                self._spaces += word

    def code(self, lines: list[str], before: list[str] | None = None, python: bool = True) -> None:
        """Write lines of code, which go on after those `before`."""
        if not before:
            self.gap()
        text = visible("\n".join([*(before or ())[-_MOST_BEFORE:], *lines]))
        shown = (self._highlighted(text) if python and self.styled else text).split("\n")[-len(lines) :]
        bar = f"  {self._in_style('│', '2')} " if self.styled else "  | "
        self._write("".join(f"{bar}{line}\n" for line in shown), "code")

    def end_line(self) -> None:
        """End the line that is being written, if one is."""
        self._spaces = ""
        if self._column:
            self._column = 0
            self._write("\n", "prose")
        else:
            self.status("")

    def break_line(self) -> None:
        """End a line that somebody else has written."""
        self._write("\n", "line")

    def gap(self) -> None:
        """Leave one line blank."""
        self.end_line()
        if self._last != "gap":
            self._write("\n", "gap")

    @property
    def _width(self) -> int:
        return max(shutil.get_terminal_size().columns - 1, 20)

    def _word(self, word: str) -> None:
        width = self._width if self._wraps else sys.maxsize
        if self._column + len(self._spaces) + len(word) > width and self._column > len(self._hanging):
            self._write(f"\n{self._hanging}", "prose")
            self._column, self._spaces = len(self._hanging), ""
        self._write(f"{self._spaces}{word}", "prose")
        self._column += len(self._spaces) + len(word)
        self._spaces = ""

    def _write(self, text: str, kind: str) -> None:
        if self._status:
            self.stream.write("\r\x1b[K")
            self._status = ""
        self.stream.write(text)
        self.stream.flush()
        self._last, self.touched = kind, time.monotonic()

    def _in_style(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.styled else text

    def _highlighted(self, code: str) -> str:
        from IPython.utils.PyColorize import theme_table
        from ipython_pygments_lexers import IPythonLexer

        tokens = IPythonLexer(stripnl=False, ensurenl=False).get_tokens(code)
        return str(theme_table.get(self._theme.lower(), theme_table["neutral"]).format(tokens))


_MOST_BEFORE = 400  # lines of code that are read again to tell what the next ones are part of
_BULLET = re.compile(r"\s*(?:(?:[-*+]|\d+[.)])\s+)?")
