"""The findings of a scan, worded once for every place that shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "writes",
    "deletes",
    "process",
    "shell",
    "network",
    "downloads",
    "installs",
    "exit",
    "environment",
    "reads environment",
    "overwrites name",
    "may overwrite name",
    "changes name",
    "deletes name",
    "magic",
    "approval",
    "later",
    "page",
    "unfamiliar",
    "hidden",
    "unreadable",
]

_LONGEST = 80  # characters of code that a badge repeats

_WORDS: dict[Kind, str] = {  # {} stands for the object
    "writes": "writes {}",
    "deletes": "deletes {}",
    "process": "runs a process: {}",
    "shell": "shell: {}",
    "network": "network: {}",
    "downloads": "network: {}",
    "installs": "installs {}",
    "exit": "ends the kernel: {}",
    "environment": "changes the environment: {}",
    "reads environment": "reads the environment: {}",
    "overwrites name": "overwrites {}",
    "may overwrite name": "may overwrite {}",
    "changes name": "changes {}",
    "deletes name": "deletes {}",
    "magic": "IPython: {}",
    "approval": "reaches what asks you: {}",
    "later": "runs later or unseen: {}",
    "page": "runs script in the page: {}",
    "unfamiliar": "uses {}, which is not known to be harmless",
    "hidden": "{}",  # the object says it all
    "unreadable": "cannot be read: {}",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the code would touch, the way it would touch it, and the 1-based line that does so."""

    kind: Kind
    what: str
    line: int

    def __str__(self) -> str:
        """Return the badge's text, such as "writes report.csv"."""
        return _WORDS[self.kind].replace("{}", self.what, 1)


class ScanReport:
    """Collects findings; the same text is said once, at its first line."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._found: dict[str, Finding] = {}

    def add(self, kind: Kind, what: str, line: int) -> None:
        """Add a finding. Its text may be any, and is made fit to be shown."""
        finding = Finding(kind, _shown(what), line)
        known = self._found.setdefault(str(finding), finding)
        if line < known.line:
            self._found[str(finding)] = finding

    def add_missing(self, other: ScanReport, line: int) -> None:
        """Add the findings of `other` that are not known, at `line`."""
        for text, finding in other._found.items():
            self._found.setdefault(text, replace(finding, line=line))

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings, in the order of the lines; of a name that is overwritten, only that."""
        gone = {finding.what for finding in self._found.values() if finding.kind in ("overwrites name", "deletes name")}
        found = [one for one in self._found.values() if not (one.kind == "changes name" and one.what in gone)]
        return tuple(sorted(found, key=lambda finding: finding.line))


def _shown(text: str) -> str:
    """Return `text` on one line, cut, with unprintable characters escaped: a badge must not deceive either."""
    line = " ".join(text[: 4 * _LONGEST].split())
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in line)
