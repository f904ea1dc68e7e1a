"""Find the effects of code before it runs, from its syntax tree.

This is not a sandbox: it tells the user where to look, and the approval whether to ask. It fails closed: code that it
cannot read is a finding. This package knows Python's and IPython's syntax, and tables of library functions. It imports
no other part of the project, runs nothing, and does not know who approves.

Begin with `scan` below, then `rules`.

rules           goes through the tree and reports every effect, calls apart
call_rules      the effects of a call
call            one call and its arguments
program         the values that the names of the code may have
values          the values that an expression may have
scopes          the names that each scope binds
tables          library modules, functions and methods, by the kind of their effect
magics          the effects of IPython lines
ipython_syntax  separates IPython lines from Python
hidden          hidden characters, code out of sight, and look-alike names
findings        findings, and their wording
"""

from __future__ import annotations

from collections.abc import Collection

from .findings import Finding, ScanReport
from .hidden import unseen
from .ipython_syntax import parse
from .magics import is_magic, judge
from .program import Program
from .rules import Rules

__all__ = ["Finding", "scan"]


def scan(code: str, names: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return the findings about `code`, in the order of its lines. Never raise.

    Args:
        code: the source of a cell.
        names: the names of the user's own objects; rebinding one is a finding.
    """
    report = ScanReport()
    for what, line in unseen(code):
        report.add("hidden", what, line)
    try:
        _read(code.replace("\r\n", "\n").replace("\r", "\n"), frozenset(names), report)
    except SyntaxError as error:
        report.add("unreadable", error.msg or "not Python", error.lineno or 1)
    except Exception as error:  # deep nesting, null bytes, a mistake here: the code must not pass as harmless
        report.add("unreadable", str(error) or type(error).__name__, 1)
    return report.findings()


def _read(code: str, names: frozenset[str], report: ScanReport) -> None:
    """Add the findings about the IPython lines and the Python of `code` to `report`."""
    tree, commands = parse(code, lambda word: is_magic(word) and word not in names)
    for command in commands:
        for kind, what in judge(command):
            report.add(kind, what, command.line)
    Rules(Program(tree, names), report).apply()
