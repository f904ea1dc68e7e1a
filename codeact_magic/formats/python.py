"""Tells Python from text that only looks like it."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from functools import lru_cache

from ..text import storable

_BLANK_LINES = re.compile(r"\A(?:[ \t]*+\n)++")


def tidy(code: str) -> str:
    """Return `code` without blank lines around it and without indentation that all of its lines share."""
    code = _BLANK_LINES.sub("", storable(code).replace("\r\n", "\n")).rstrip()
    return textwrap.dedent(code) if code[:1] in (" ", "\t") else code


def _tree(code: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the user sees warnings when the code runs
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


_MAGIC = re.compile(r"^([ \t]*+)(?:(?:\w++[ \t]*+=[ \t]*+)?[%!].*+|[\w.]++\?{1,2}[ \t]*+$)", re.MULTILINE)


PYTHON_CELLS = ("time", "timeit", "capture", "prun", "python", "python3", "pypy", "memit", "mprun", "lprun", "debug")
SHELL_CELLS = ("bash", "sh", "zsh", "script", "system", "sx", "!")


def cell_magic(code: str) -> str:
    """Return the name of the cell magic that `code` begins with, or ""."""
    return match[1] if (match := _CELL_MAGIC.match(code)) else ""


_CELL_MAGIC = re.compile(r"\s*+%%(!|\w*+)")


@lru_cache(maxsize=32)  # a reply is read again and again while it is written
def parses(code: str) -> bool:
    """Return whether `code` is complete code that IPython can run."""
    if code.startswith("%%"):
        return cell_magic(code) not in PYTHON_CELLS or parses(code.partition("\n")[2])
    return _tree(code) is not None or _tree(_MAGIC.sub(r"\1pass", code)) is not None


_INERT = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Dict, ast.Set),
    *(ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.Slice),
)


@lru_cache(maxsize=32)
def looks_like_code(code: str) -> bool:
    """Return whether a text is Python that does something (outputs like "Ann" or "Total: 3" parse as well)."""
    tree = _tree(textwrap.dedent(code))
    return tree is not None and not all(map(_is_inert, tree.body))


def _is_inert(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, _INERT))
