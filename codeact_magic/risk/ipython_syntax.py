"""IPython's own syntax: which lines are not Python, and what Python is left without them.

No IPython is needed. Such a line is never valid Python where a statement starts, so code that parses has none; and a
line that is taken out leaves a marker, which must come back as an expression, or the code counts as unreadable.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<text>'{3}(?:[^\\']++|\\(?:.|\Z)|'(?!''))*+(?:'{3}|\Z)
              |"{3}(?:[^\\"]++|\\(?:.|\Z)|"(?!""))*+(?:"{3}|\Z)
              |'(?:[^\\'\n]++|\\(?:.|\Z))*+'?
              |"(?:[^\\"\n]++|\\(?:.|\Z))*+"?
              |\#[^\n]*+)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<newline>\n)
    | (?P<assign>(?<![=!<>:+\-*/%&|^@~])=[ \t]*+(?=[!%]))
    | (?P<code>[^'"\#()\[\]{}\\\n=]++|\\?.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMAND = re.compile(r"(!!?|%%?|\?\??|[,;/])((?:\\\n|[^\n])*+)")
_INDENT = re.compile(r"[ \t]*+")
_HELP = re.compile(r"%{0,2}[\w.*\[\]-]++[ \t]*+\?{1,2}[ \t]*+(?=\n|\Z)")
_CELL = re.compile(r"%%(\S*+)[ \t]*+([^\n]*+)\n?")
_OPTIONS = re.compile(r"(?:-[nrplsf][ \t]*+[\w.]++(?=\s|\Z)|-[tcqova]+(?=\s|\Z)|--[a-z-]++(?=\s|\Z)|\s++)*+")
_BARE = re.compile(
    r"([a-z_]\w*+)(?:[ \t]++(?![=(\[,:]|\.[^\W\d]|[-+*/%<>&|^!@]+[=\s]|(?:in|is|not|and|or|if|for)\b).*+)?\Z"
)

_CODE_LINES = frozenset({"time", "timeit", "prun", "memit", "mprun", "lprun"})  # `%time f()` runs f() here
_CODE_CELLS = _CODE_LINES | {"capture", "debug"}


@dataclass(frozen=True, slots=True)
class Command:
    """An IPython line: its sign ("!", "%", "%%", ...), the magic's name where it has one, and the rest."""

    sign: str
    name: str
    text: str
    line: int
    body: str = ""  # of a cell magic that is not Python


def tokens(code: str) -> Iterator[re.Match[str]]:
    """Yield every token of `code`, well-formed or not; the group "text" is strings and comments."""
    return _TOKEN.finditer(code)


def parse(code: str, is_magic: Callable[[str], bool]) -> tuple[ast.Module, tuple[Command, ...]]:
    """Return the Python of `code` as a tree, and the lines of it that are IPython's.

    A single line may lack its percent sign where `is_magic` knows its first word.
    Raises SyntaxError, ValueError, RecursionError or MemoryError where the code cannot be read.
    """
    code = _with_percent(code, is_magic)
    try:
        return _tree(code), ()
    except SyntaxError:
        return _Taker(textwrap.dedent(code)).parse()


def _with_percent(code: str, is_magic: Callable[[str], bool]) -> str:
    """Return `code` with the percent sign that IPython's automagic would add."""
    line = code.strip()
    bare = None if "\n" in line else _BARE.match(line)
    return code.replace(line, "%" + line, 1) if bare and is_magic(bare[1]) else code


def _tree(source: str) -> ast.Module:
    """Parse `source`; what Python would warn about is no concern here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


class _Taker:
    """Takes the IPython lines out of a cell and leaves a marker, or the code that they run, in their place."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._line = 1
        self._commands: list[Command] = []
        self._marks = 0
        self._marker = "_line"
        while self._marker in code:
            self._marker += "_"

    def parse(self) -> tuple[ast.Module, tuple[Command, ...]]:
        """Return the tree of what is left, and what was taken out."""
        tree = _tree("".join([*self._cell_magics(), *self._statements()]))
        marks = sum(isinstance(node, ast.Name) and node.id == self._marker for node in ast.walk(tree))
        if marks != self._marks:
            raise SyntaxError("an IPython line inside of something else")
        return tree, tuple(self._commands)

    def _cell_magics(self) -> Iterator[str]:
        """Take the cell magics off the top, keeping the lines' numbers."""
        blank = self._code[: len(self._code) - len(self._code.lstrip())]
        self._at = len(blank) if self._code.startswith("%%", len(blank)) else 0
        yield from self._kept(blank[: self._at])
        while cell := _CELL.match(self._code, self._at):
            self._at = cell.end()
            if cell[1] not in _CODE_CELLS:
                self._commands.append(Command("%%", cell[1], cell[2].strip(), self._line, self._code[self._at :]))
                self._at = len(self._code)
            else:
                yield from self._kept(_run_by(cell[1], cell[2]) + "\n")

    def _statements(self) -> Iterator[str]:
        """Yield the rest of the cell, every IPython line replaced."""
        while self._at < len(self._code):
            indent = _INDENT.match(self._code, self._at)
            self._at = indent.end() if indent else self._at
            yield indent[0] if indent else ""
            if helped := _HELP.match(self._code, self._at):
                self._at = helped.end()
                yield "pass"
            elif command := _COMMAND.match(self._code, self._at):
                yield from self._taken(command)
            yield from self._tokens()

    def _tokens(self) -> Iterator[str]:
        """Yield the tokens up to the end of the logical line."""
        depth = 0
        while token := _TOKEN.match(self._code, self._at):
            self._at = token.end()
            yield from self._kept(token[0])
            if token.lastgroup == "newline" and not depth:
                return
            if token.lastgroup == "assign" and not depth and (command := _COMMAND.match(self._code, self._at)):
                yield from self._taken(command)
            depth = max(0, depth + (token.lastgroup == "open") - (token.lastgroup == "close"))

    def _taken(self, command: re.Match[str]) -> Iterator[str]:
        """Yield what stands in for an IPython line."""
        self._at = command.end()
        sign, text = command[1], command[2].replace("\\\n", " ").strip()
        name, _, rest = text.partition(" ") if "%" in sign else ("", "", text)
        if sign == "%" and name in _CODE_LINES:
            yield _run_by(name, rest) or "pass"
        else:
            self._commands.append(Command(sign, name, rest.strip(), self._line))
            self._marks += 1
            yield self._marker
        yield from self._kept("\n" * command[0].count("\n"))

    def _kept(self, text: str) -> Iterator[str]:
        """Yield `text` as it is, counting its lines."""
        self._line += text.count("\n")
        yield text


def _run_by(name: str, text: str) -> str:
    """Return the Python that runs with a magic's own line, less its options."""
    options = _OPTIONS.match(text)
    text = text[options.end() :] if options else text
    return f"{text.split()[0]} = None" if name == "capture" and text.strip() else text.strip()
