"""What an action would touch, told before it runs: static, by ast, and closed where it fails.

It is no sandbox: it tells the user what to look at, and whether to be asked. Code that cannot be read is a finding.

findings   the values, worded
hidden     characters nobody sees, code out of sight, and names that read as others
lines      IPython's own syntax
magics     what an IPython line would do
scopes     which name is bound where
values     what an expression may stand for
program    what the names of the code stand for
tables     what is known of modules, functions and methods by name
call       one call and its arguments
calls      what a call would touch
rules      what everything else would touch
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
    """Return what `code` would touch, in the order of its lines; never raises.

    `names` are the user's own names in the namespace, which the code is not to rebind unasked.
    """
    report = ScanReport()
    for what, line in unseen(code):
        report.add("hidden", what, line)
    try:
        _read(code.replace("\r\n", "\n").replace("\r", "\n"), frozenset(names), report)
    except SyntaxError as error:
        report.add("unreadable", error.msg or "not Python", error.lineno or 1)
    except Exception as error:  # nesting too deep, null bytes, a mistake here: nothing may pass for harmless by it
        report.add("unreadable", str(error) or type(error).__name__, 1)
    return report.findings()


def _read(code: str, names: frozenset[str], report: ScanReport) -> None:
    """Add to `report` what the IPython lines and the Python of `code` touch."""
    tree, commands = parse(code, lambda word: is_magic(word) and word not in names)
    for command in commands:
        for kind, what in judge(command):
            report.add(kind, what, command.line)
    Rules(Program(tree, names), report).apply()
