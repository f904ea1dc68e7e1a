"""Tells prose from code in a reply that is still being written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_FENCE = re.compile(r"\s*(?:[-*>]\s|\d+\.\s)?\s*(`{3,}|~{3,})\s*([^\s`]*)")
_TAG = re.compile(r"(</?execute>)", re.IGNORECASE)
_JSON = re.compile(r"\s*(?:\{|```\s*json\b|<tool_call>)", re.IGNORECASE)
_UNDECIDED = re.compile(r"\s*(?:[-*>]|\d+\.)?\s*(?:$|[`~{])|.*<|.*```")  # the start of a line that may open a block
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

    `source` is the text that has been split so far. If `holds`, the JSON around an action is held back, since it is not
    meant to be read; `held` says that the rest of the reply is. Otherwise JSON is split like any other text.
    """

    def __init__(self, holds: bool = True) -> None:
        self.source = ""
        self.held = False
        self._holds = holds
        self._mark = ""  # what opened the code that is being read: a fence or a tag
        self._has_lines = False  # whether a line of that code has been read

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
        return "<" not in tail if self._midline else not _UNDECIDED.match(tail)

    def _words(self, words: str) -> Iterator[ReplyPart]:
        if words.strip() or self._midline:
            self.source += words
            yield ReplyPart("prose", words)

    def _line(self, line: str) -> Iterator[ReplyPart]:
        if self._midline:
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

    def _tagged(self, line: str) -> Iterator[ReplyPart]:
        """Yield the parts of a line of prose or code, which may have <execute> tags in it."""
        for text in _TAG.split(line):
            tag = text.lower()
            if tag == "<execute>" and not self._mark:
                yield self._begin(tag, "python")
            elif tag == "</execute>" and self._mark == "<execute>":
                yield self._end()
            elif not self._mark:
                if text:
                    yield ReplyPart("prose", text)
            elif self._is_code(text, inline=text != line):
                self._has_lines = True
                yield ReplyPart("code", text)
        yield ReplyPart("line ends")

    def _is_code(self, line: str, inline: bool) -> bool:
        """Return whether `line` belongs to the code: not its first lines if they are blank, nor fences inside tags."""
        if self._mark == "<execute>" and _FENCE.match(line):
            return False
        return bool(line.strip()) or (self._has_lines and not inline)

    def _closes(self, line: str) -> bool:
        """Return whether `line` ends the code; inside <execute> tags a fence does not, since some models add fences."""
        if self._mark == "<execute>":
            return False
        if line.lstrip().lower().startswith("</execute>"):
            return True
        ticks = line.strip(" \t>")
        return bool(ticks) and ticks == self._mark[0] * len(ticks) and len(ticks) >= len(self._mark)

    def _begin(self, mark: str, language: str) -> ReplyPart:
        self._mark = mark
        self._has_lines = False
        name = language.lower()
        return ReplyPart("code begins", "python" if name in _PYTHON else name)

    def _end(self) -> ReplyPart:
        self._mark = ""
        return ReplyPart("code ends")


def may_be_reasoning(text: str) -> bool:
    """Return whether a reply of which `text` has come may turn out to begin with a <think> tag."""
    return "<think>".startswith(text.lstrip())


def tags_as_fences(text: str) -> str:
    """Return a reply that is still being written with fences in place of <execute> tags, to be shown as Markdown."""
    return text.replace("<execute>", "\n```python\n").replace("</execute>", "\n```\n")
