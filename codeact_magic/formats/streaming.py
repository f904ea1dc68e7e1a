"""Tells prose from code in a reply that is still being written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .marks import ARGUMENT, ARGUMENT_END, CALL, CHANNEL, ROLE, without_end
from .python import PYTHON_CELLS, cell_magic
from .reasoning import INNER_BEGIN

_FENCE = re.compile(r"\s*(?:[-*>]\s|\d+\.\s)?\s*(`{3,}|~{3,})\s*([^\s`]*)")
_TAG = re.compile(r"(</?(?:execute|execute_ipython|execute_python|tool_code)>)", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:\{|```\s*json\b)", re.IGNORECASE)
_TAG_LINE = r"^<(?:code|answer|response|output|final_answer)>[ \t]*$"
_MARKUP = re.compile(
    rf"(?<![`'\"])(?:{CALL}|{CHANNEL}|{INNER_BEGIN}|{ROLE}|{_TAG_LINE}|<\|action_start\|>)", re.IGNORECASE
)
_MARKUP_BEGINS = re.compile(r"[<\[\]◁]|\bf")  # a word that may turn out to be markup
_UNDECIDED = re.compile(r"\s*(?:[-*>]|\d+\.)?\s*(?:$|[`~{])|.*```")  # the start of a line that may open a block
_PYTHON = ("", "python", "python3", "py", "ipython")


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """A part of a reply: words of prose, a line of code, or a boundary.

    The text of "code begins" is the language in lower case: "python" for each of its names.
    """

    kind: Literal["prose", "line ends", "blank line", "code begins", "code", "code ends"]
    text: str = ""


class ReplySplitter:
    """Splits a reply into parts while it is being written.

    `source` is the text that has been split so far. If `holds`, the JSON and the markup around an action are held back,
    since they are not meant to be read; `held` says that the rest of the reply is. Otherwise they are split like any
    other text.
    """

    def __init__(self, holds: bool = True) -> None:
        self.source = ""
        self.held = False
        self._holds = holds
        self._mark = ""  # what opened the code that is being read: a fence or a tag
        self._has_lines = False  # whether a line of that code has been read
        self._inner = 0  # fences that are open in the text of a cell magic
        self._is_cell = False

    def split(self, text: str, whole: bool = False) -> Iterator[ReplyPart]:
        """Yield the parts that are new in `text`, the reply so far without its reasoning.

        Only whole lines of code and whole words of prose count; if `whole`, the reply is complete and all of it does.
        """
        if not self.held:
            yield from self._split(text, whole)

    @property
    def _midline(self) -> bool:
        return bool(self.source) and not self.source.endswith("\n")

    def _split(self, text: str, whole: bool) -> Iterator[ReplyPart]:
        *lines, tail = text[len(self.source) :].split("\n")
        for line in lines:
            yield from self._line(line)
            if self.held:
                return
            self.source += f"{line}\n"
        if whole and tail:
            yield from self._line(tail)
            if not self.held:
                self.source += tail
        elif self._is_prose(tail):
            yield from self._words(tail[: tail.rfind(" ") + 1])

    def _is_prose(self, tail: str) -> bool:
        """Return whether a line of which only `tail` has come is prose, whatever follows."""
        if self._mark:
            return False
        if _MARKUP_BEGINS.search(tail):
            return False
        return self._midline or not _UNDECIDED.match(tail)

    def _words(self, words: str) -> Iterator[ReplyPart]:
        if words.strip() or self._midline:
            self.source += words
            yield ReplyPart("prose", words)

    def _line(self, line: str) -> Iterator[ReplyPart]:
        if not self._mark:
            line = without_end(line)
        if self._holds and not self._mark and (markup := _MARKUP.search(line)):
            yield from self._before_markup(line[: markup.start()])
        elif self._midline:
            yield from self._tagged(line)
        elif self._mark and self._closes(line):
            yield self._end()
        elif self._mark:
            yield from self._tagged(line)
        elif self._holds and _JSON.match(line):
            self.held = True
        elif fence := _FENCE.match(line):
            yield self._begin(fence[1], fence[2])
        elif not line.strip():
            yield ReplyPart("blank line")
        else:
            yield from self._tagged(line)

    def _before_markup(self, words: str) -> Iterator[ReplyPart]:
        self.held = True
        if words.strip():
            yield ReplyPart("prose", words)
        if words.strip() or self._midline:
            yield ReplyPart("line ends")
        self.source += words

    def _tagged(self, line: str) -> Iterator[ReplyPart]:
        """Yield the parts of a line of prose or code, which may have <execute> tags in it."""
        for text in _TAG.split(line):
            tag = text.lower()
            if not self._mark and _OPENING_TAG.fullmatch(tag):
                yield self._begin(tag, "python")
            elif self._mark.startswith("<") and tag == f"</{self._mark[1:]}":
                yield self._end()
            elif not self._mark:
                if words := without_end(text):
                    yield ReplyPart("prose", words)
            elif self._is_code(text, inline=text != line):
                self._note(text)
                yield ReplyPart("code", text)
        yield ReplyPart("line ends")

    def _note(self, line: str) -> None:
        """Note a line of code: fences in the text of a cell magic do not end it."""
        if not self._has_lines:
            magic = cell_magic(line)
            self._is_cell = bool(magic) and magic not in PYTHON_CELLS
        elif self._is_cell and (fence := _FENCE.match(line)) and fence[1].startswith(self._mark):
            self._inner += 1 if fence[2] else -1
        self._has_lines = True

    def _is_code(self, line: str, inline: bool) -> bool:
        """Return whether `line` belongs to the code: not its first lines if they are blank, nor fences inside tags."""
        if self._mark.startswith("<") and _FENCE.match(line) and not self._is_cell:
            return False
        return bool(line.strip()) or (self._has_lines and not inline)

    def _closes(self, line: str) -> bool:
        """Return whether `line` ends the code; inside <execute> tags a fence does not, since some models add fences."""
        if self._mark.startswith("<") or self._inner > 0:
            return False
        if line.lstrip().lower().startswith("</execute>"):
            return True
        ticks = without_end(line).strip(" \t>")
        return bool(ticks) and ticks == self._mark[0] * len(ticks) and len(ticks) >= len(self._mark)

    def _begin(self, mark: str, language: str) -> ReplyPart:
        self._mark = mark
        self._has_lines = self._is_cell = False
        self._inner = 0
        name = language.lower()
        return ReplyPart("code begins", "python" if name in _PYTHON else name)

    def _end(self) -> ReplyPart:
        self._mark = ""
        return ReplyPart("code ends")


def tags_as_fences(text: str) -> str:
    """Return a reply that is still being written with fences in place of tags and calls, to be shown as Markdown."""
    calls = (match for match in _CALL.finditer(text) if "channel" not in match[0] or "to=" in match[0])
    if call := next(calls, None):
        text = f"{text[: call.start()]}\n{_call_as_fence(text, call)}"
    return _CLOSING_TAG.sub("\n```\n", _OPENING_TAG.sub("\n```python\n", without_end(text)))


def _call_as_fence(text: str, call: re.Match[str]) -> str:
    argument = ARGUMENT.search(text, call.end())
    if not argument:
        return f"```json\n{text[call.end() :]}"
    code = text[argument.end() :].lstrip("\n")
    ending = ARGUMENT_END.search(code)
    return f"```python\n{code[: ending.start()].rstrip()}\n```\n" if ending else f"```python\n{code}"


_CALL = re.compile(rf"(?=[<\[\]f])(?<![`'\"])(?:{CALL}|{CHANNEL})", re.IGNORECASE)
_OPENING_TAG = re.compile(r"<(?:execute|execute_ipython|execute_python|tool_code)>", re.IGNORECASE)
_CLOSING_TAG = re.compile(r"</(?:execute|execute_ipython|execute_python|tool_code)>", re.IGNORECASE)
