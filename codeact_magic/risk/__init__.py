"""What a code action would touch, told before it runs.

Static, and closed where it fails: code that cannot be read is a finding, not an error. It is no sandbox: it tells a
user what to look at, and whether to be asked.

    findings  the values, worded            scopes   which name is bound where
    hidden    characters nobody sees        values   what a name may stand for
    lines     IPython's syntax              tables   what is known by name
    magics    what an IPython line does     calls, rules   what Python does
"""

from __future__ import annotations

from collections.abc import Collection

from codeact_magic.risk.findings import Finding, Report
from codeact_magic.risk.hidden import hidden
from codeact_magic.risk.lines import parse
from codeact_magic.risk.magics import is_magic, judge
from codeact_magic.risk.rules import Rules
from codeact_magic.risk.values import Program

__all__ = ["Finding", "scan"]


def scan(code: str, names: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return what `code` would touch, in the order of its lines; never raises.

    `names` are the user's own names in the namespace, which the code is not to rebind unasked.
    """
    report = Report()
    for what, line in hidden(code):
        report.add("hidden", what, line)
    try:
        _read(code.replace("\r\n", "\n").replace("\r", "\n"), frozenset(names), report)
    except SyntaxError as error:
        report.add("unreadable", error.msg or "not Python", error.lineno or 1)
    except Exception as error:  # nesting too deep, null bytes, a mistake here: nothing may pass for harmless by it
        report.add("unreadable", str(error) or type(error).__name__, 1)
    return report.findings()


def _read(code: str, names: frozenset[str], report: Report) -> None:
    """Add to `report` what the IPython lines and the Python of `code` touch."""
    tree, commands = parse(code, lambda word: is_magic(word) and word not in names)
    for command in commands:
        for kind, what in judge(command):
            report.add(kind, what, command.line)
    Rules(Program(tree, names), report).apply()
