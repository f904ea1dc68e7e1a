"""A terminal that text is written to: wrapped prose, code behind a bar, and a status line that is replaced."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
from typing import TextIO

from ..text import prose, visible
from .captions import barred


class Screen:
    """Writes wrapped prose, code behind a bar, and a status line that is replaced by the next thing written.

    `stream` defaults to standard output. `theme` is the name of one of IPython's themes.
    """

    def __init__(self, stream: TextIO | None, theme: str) -> None:
        self._stream = stream
        self._theme = theme
        self._column = 0  # of the line that is being written
        self._hanging = ""  # the indentation of its further lines
        self._spaces = ""  # between the last word and the next
        self._wraps = False
        self._last = "gap"
        self._status = ""
        self.touched = time.monotonic()  # the time of the last write

    @property
    def stream(self) -> TextIO:
        """The stream that the text is written to."""
        return self._stream or sys.stdout

    @property
    def styled(self) -> bool:
        """Whether the stream shows colours and lines that are replaced."""
        plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or self._theme.lower() == "nocolor"
        return not plain and self.stream.isatty()

    def status(self, text: str) -> None:
        """Show `text` until something else is written; an empty text removes it."""
        if text == self._status or not self.styled or self._column:
            return
        shown = self._in_style(visible(text), "2") if text else ""
        self.stream.write(f"\r\x1b[K{shown}")
        self.stream.flush()
        self._status = text

    def line(self, text: str, style: str = "2") -> None:
        """Write a line that is not prose, dimmed unless `style` (SGR parameters) says otherwise."""
        self.end_line()
        if self._last == "prose":
            self.gap()
        shown = visible(text)
        if self.styled:
            shown = textwrap.fill(shown, self._width, break_long_words=False, break_on_hyphens=False)
        self._write(f"{self._in_style(shown, style)}\n", "line")

    def prose(self, text: str) -> None:
        """Write some words of a line; the line is wrapped at the width of the terminal."""
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
        """Write lines of code that follow the lines `before`."""
        if not before:
            self.gap()
        text = visible("\n".join([*(before or ())[-_MOST_BEFORE:], *lines]))
        if python and self.styled:
            text = self._highlighted(text)
        shown = text.split("\n")[-len(lines) :]
        bar = self._in_style("│", "2") if self.styled else "|"
        self._write("\n".join([*barred(shown, bar), ""]), "code")

    def end_line(self) -> None:
        """End the line that is being written, if one is."""
        self._spaces = ""
        if self._column:
            self._column = 0
            self._write("\n", "prose")
        else:
            self.status("")

    def break_line(self) -> None:
        """End a line that was not written here."""
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
            self._column = len(self._hanging)
            self._spaces = ""
        self._write(f"{self._spaces}{word}", "prose")
        self._column += len(self._spaces) + len(word)
        self._spaces = ""

    def _write(self, text: str, kind: str) -> None:
        if self._status:
            self.stream.write("\r\x1b[K")
            self._status = ""
        self.stream.write(text)
        self.stream.flush()
        self._last = kind
        self.touched = time.monotonic()

    def _in_style(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.styled else text

    def _highlighted(self, code: str) -> str:
        from IPython.utils.PyColorize import theme_table
        from ipython_pygments_lexers import IPythonLexer

        tokens = IPythonLexer(stripnl=False, ensurenl=False).get_tokens(code)
        return str(theme_table.get(self._theme.lower(), theme_table["neutral"]).format(tokens))


_MOST_BEFORE = 400  # lines of code that are highlighted again with the next ones: a string may have begun there
_BULLET = re.compile(r"\s*(?:(?:[-*+]|\d+[.)])\s+)?")
