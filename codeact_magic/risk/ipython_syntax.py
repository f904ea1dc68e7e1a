"""Separate the lines of IPython's own syntax from the Python of a cell, without IPython.

At the start of a statement, such a line is never valid Python, so code that parses has none. Each line is replaced by a
marker. If a marker is not an expression of the parsed code, the code counts as unreadable.
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
FIRST_WORD = re.compile(r"([a-zA-Z_]\w*+)(?![\w.*])[ \t]*+(?![=,]).*+\Z")

_CODE_LINES = frozenset({"time", "timeit", "prun", "memit", "mprun", "lprun"})  # `%time f()` runs f() here
_CODE_CELLS = _CODE_LINES | {"capture", "debug"}


@dataclass(frozen=True, slots=True)
class Command:
    """An IPython line: its sign ("!", "%", "%%", ...), the name of its magic ("" if it has none), and the rest."""

    sign: str
    name: str
    text: str
    line: int
    body: str = ""  # of a cell magic that is not Python


def tokens(code: str) -> Iterator[re.Match[str]]:
    """Yield the tokens of `code`, which need not be valid. Strings and comments are in the group "text"."""
    return _TOKEN.finditer(code)


def parse(
    code: str, is_magic: Callable[[str], bool], *, first_word: re.Pattern[str] = _BARE
) -> tuple[ast.Module, tuple[Command, ...]]:
    """Return the tree of the Python in `code`, and its IPython lines.

    If `code` is a single line, and `is_magic` accepts its first word, it is a magic without its percent sign.
    `first_word` says which lines may be that: by default those that look like no Python, `FIRST_WORD` for all that
    IPython takes for one.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: the code cannot be read.
    """
    code = _with_percent(code, is_magic, first_word)
    try:
        return _tree(code), ()
    except SyntaxError:
        return _Separator(textwrap.dedent(code)).parse()


def commands_in(tree: ast.AST) -> Iterator[Command]:
    """Yield the IPython lines that have become calls of `get_ipython()` in `tree`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attr), args=args):
                texts = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                if attr in _CALLED and len(texts) == len(args) and texts:
                    sign = _CALLED[attr]
                    name = texts.pop(0) if "%" in sign else ""
                    text, body, *_ = *texts, "", ""
                    yield Command(sign, name, text.strip(), node.lineno, body)


def code_of(command: Command) -> str | None:
    """Return the Python that a magic runs, None if it runs none."""
    if command.sign == "%" and command.name in _CODE_LINES:
        return _run_by(command.name, command.text)
    if command.sign == "%%" and command.name in _CODE_CELLS:
        return f"{_run_by(command.name, command.text)}\n{command.body}"
    return None


_CALLED = {"run_line_magic": "%", "run_cell_magic": "%%", "system": "!", "getoutput": "!!"}


def _with_percent(code: str, is_magic: Callable[[str], bool], first_word: re.Pattern[str]) -> str:
    """Return `code` with the percent sign that IPython's automagic would add."""
    line = code.strip()
    if "\n" in line:
        return code
    bare = first_word.match(line)
    return code.replace(line, "%" + line, 1) if bare and is_magic(bare[1]) else code


def _tree(source: str) -> ast.Module:
    """Parse `source`, without Python's warnings about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


class _Separator:
    """Replaces the IPython lines of a cell by markers, or by the Python that they run."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._line = 1
        self._commands: list[Command] = []
        self._marks = 0
        self._marker = "_line"
        while self._marker in code:
            self._marker += "_"

    def parse(self) -> tuple[ast.Module, tuple[Command, ...]]:
        """Return the tree of the Python, and the IPython lines."""
        tree = _tree("".join([*self._cell_magics(), *self._statements()]))
        marks = sum(isinstance(node, ast.Name) and node.id == self._marker for node in ast.walk(tree))
        if marks != self._marks:
            raise SyntaxError("an IPython line inside of something else")
        return tree, tuple(self._commands)

    def _cell_magics(self) -> Iterator[str]:
        """Yield the text that replaces the cell magics at the top, with the same number of lines."""
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
        """Yield the rest of the cell, with every IPython line replaced."""
        while self._at < len(self._code):
            indent = _INDENT.match(self._code, self._at)
            self._at = indent.end() if indent else self._at
            yield indent[0] if indent else ""
            if helped := _HELP.match(self._code, self._at):
                self._at = helped.end()
                yield "pass"
            elif command := _COMMAND.match(self._code, self._at):
                yield from self._replacement(command)
            yield from self._tokens()

    def _tokens(self) -> Iterator[str]:
        """Yield the tokens through the end of the logical line."""
        depth = 0
        while token := _TOKEN.match(self._code, self._at):
            self._at = token.end()
            yield from self._kept(token[0])
            if token.lastgroup == "newline" and not depth:
                return
            if token.lastgroup == "assign" and not depth and (command := _COMMAND.match(self._code, self._at)):
                yield from self._replacement(command)
            depth = max(0, depth + (token.lastgroup == "open") - (token.lastgroup == "close"))

    def _replacement(self, command: re.Match[str]) -> Iterator[str]:
        """Yield the code that replaces an IPython line, and note the line."""
        self._at = command.end()
        sign = command[1]
        name = ""
        rest = command[2].replace("\\\n", " ").strip()
        if "%" in sign:
            name, _, rest = rest.partition(" ")
        if sign == "%" and name in _CODE_LINES:
            yield _run_by(name, rest) or "pass"
        else:
            self._commands.append(Command(sign, name, rest.strip(), self._line))
            self._marks += 1
            yield self._marker
        yield from self._kept("\n" * command[0].count("\n"))

    def _kept(self, text: str) -> Iterator[str]:
        """Yield `text` as it is, and count its lines."""
        self._line += text.count("\n")
        yield text


def _run_by(name: str, text: str) -> str:
    """Return the Python that a magic's own line runs, without the magic's options."""
    options = _OPTIONS.match(text)
    text = (text[options.end() :] if options else text).strip()
    if name == "capture" and text:
        return f"{text.split()[0]} = None"
    return text
