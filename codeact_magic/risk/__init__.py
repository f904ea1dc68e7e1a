"""Find the effects of code before it runs, from its syntax tree.

This is not a sandbox: it tells the user where to look, and the approval whether to ask. It fails closed: code that it
cannot read is a finding. This package knows Python's and IPython's syntax, and tables of library functions. It imports
no other part of the project, runs nothing, and does not know who approves.

Begin with `scan` below, then `rules`.

rules           goes through the tree and reports every effect, calls apart
reach           which of the user's definitions the code may call
call_rules      the effects of a call
by_type         the effects of a method, by the type of its object
file_rules      the effects of calls that open a file or write into one
text_rules      the effects of calls that are given SQL, expressions, HTML and other texts
call            one call and its arguments
program         the values that the names of the code may have
arguments       the values that calls pass to parameters
before          the values that names have before the code runs
prelude         the user's functions that the code may call
values          the values that an expression may have
scopes          the names that each scope binds
namespace       the user's names, and what they stand for
library         library modules and functions, by the kind of their effect
tables          library functions and methods that the rules look at more closely
type_tables     methods, by the types of their objects
packages        packages that are known to be harmless
texts           script, addresses and paths of secrets in texts
magics          the effects of IPython lines
ipython_syntax  separates IPython lines from Python
hidden          hidden characters, code out of sight, and look-alike names
wording         how an effect is worded
findings        findings, and their wording
"""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Callable, Collection

from . import texts
from .findings import Finding, ScanReport
from .hidden import unseen
from .ipython_syntax import FIRST_WORD, code_of, commands_in, parse
from .magics import is_magic, judge
from .namespace import Namespace
from .program import Program
from .rules import Rules

__all__ = ["Finding", "Namespace", "scan"]


def scan(code: str, names: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return the findings about `code`, in the order of its lines. Never raise.

    Args:
        code: the source of a cell.
        names: the names of the user's own objects; rebinding one is a finding. A `Namespace` knows what they stand for.
    """
    report = ScanReport()
    for what, line in unseen(code):
        report.add("hidden", what, line)
    try:
        space = names if isinstance(names, Namespace) else Namespace(names)
        _read(code.replace("\r\n", "\n").replace("\r", "\n"), space, report)
    except SyntaxError as error:
        report.add("unreadable", error.msg or "not Python", error.lineno or 1)
    except Exception as error:  # deep nesting, null bytes, a mistake here: the code must not pass as harmless
        report.add("unreadable", str(error) or type(error).__name__, 1)
    return report.findings()


def _read(code: str, space: Namespace, report: ScanReport) -> None:
    """Add the findings about the IPython lines and the Python of `code` to `report`."""
    if space.is_live:
        tree, commands = parse(code, lambda word: _is_magic_here(word, space), first_word=FIRST_WORD)
    else:
        tree, commands = parse(code, lambda word: is_magic(word) and word not in space)
    for command in commands:
        for kind, what in judge(command):
            report.add(kind, what, command.line)
    nodes = list(ast.walk(tree))
    mentioned = {node.id for node in nodes if isinstance(node, ast.Name)}
    Rules(Program(tree, space.names, space.known(mentioned)), report).apply()
    for kind, what, line in texts.judge(nodes):
        report.add(kind, what, line)
    if space.transform:
        _read_as_ipython(code, space.transform, space, report)


def _is_magic_here(word: str, space: Namespace) -> bool:
    """Return whether IPython takes a line that begins with `word` for a magic: no name of Python's hides it."""
    is_known = word in space.magics if space.magics is not None else is_magic(word)
    return is_known and not (keyword.iskeyword(word) or hasattr(builtins, word) or space.known([word]).entries)


def _read_as_ipython(code: str, transform: Callable[[str], str], space: Namespace, report: ScanReport) -> None:
    """Add the findings that are only made if IPython itself separates its lines from the Python of `code`."""
    text = transform(code)
    if text.strip() == code.strip():
        return
    try:
        tree = ast.parse(text)
    except SyntaxError:  # it does not run
        return
    for command in commands_in(tree):
        found = ScanReport()
        if (inner := code_of(command)) is not None:
            _read(inner, space.as_python(), found)
        else:
            for kind, what in judge(command):
                found.add(kind, what, 1)
        report.add_missing(found, command.line)
