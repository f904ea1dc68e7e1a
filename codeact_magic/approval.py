"""Who decides whether an action runs: the user, asked on stdin, or a policy that the user chose.

No answer is no: an empty or unreadable answer asks again, and stops the turn in the end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from .errors import UsageError
from .formats import Reading
from .session import Decision

MODES = ("ask", "risky", "auto")
QUESTION = "Run it? [y]es  [e]dit  [n]o (why)  [a]ll of this turn  [q]uit: "
MOST_UNREADABLE = 5  # answers, after which there is nobody there

NOBODY = (
    "Nobody can be asked here: this front end has no input. Run it with --approve auto if the code may run unseen "
    "(or set CODEACT_APPROVE=auto), or use a front end that can ask."
)


class Gate:
    """Decides about the actions of one turn.

    `mode` is "ask" (about every action), "risky" (about those in which `risk.scan` finds something) or "auto" (never).
    `ask` puts a question to the user and returns the line that was typed; None where nobody can be asked. `edit` lets
    the user edit a text and returns it, or None where that was given up. `tell` shows a line, `listing` code with its
    lines numbered. `names` are the user's own, which an action had better not overwrite.
    """

    def __init__(
        self,
        mode: str,
        *,
        ask: Callable[[str], str] | None,
        edit: Callable[[str], str | None] | None = None,
        tell: Callable[[str], None],
        listing: Callable[[str], None],
        names: Callable[[], Collection[str]] = tuple,
    ) -> None:
        if mode == "ask" and ask is None:
            raise UsageError(NOBODY)
        self.mode, self._ask, self._tell, self._names = mode, ask, tell, names
        self._listing = listing
        self._edit = edit or self._edit_lines
        self._all = False

    def decide(self, number: int, reading: Reading) -> Decision:
        """Return the decision about the action of step `number`; raises UsageError where nobody can be asked."""
        assert reading.action is not None
        code = reading.action.code
        if self.mode == "auto":
            return Decision("approve", code, by="policy auto")
        findings = self._findings(code)
        if self._all:
            return Decision("approve", code, by="user, all of this turn", findings=findings)
        if self.mode == "risky" and not findings:
            return Decision("approve", code, by="policy risky")
        if self._ask is None:
            raise UsageError(f"Step {number} {_listed(findings)}. {NOBODY}")
        began = time.monotonic()
        decision = self._decide(code, findings)
        return replace(decision, seconds=round(time.monotonic() - began, 3))

    def _findings(self, code: str) -> tuple[str, ...]:
        from .risk import scan  # its tables are of no use until an action is asked about

        return tuple(str(finding) for finding in scan(code, self._names()))

    def _decide(self, proposed: str, findings: tuple[str, ...]) -> Decision:
        code = proposed
        self._tell_findings(findings)
        for _ in range(MOST_UNREADABLE):
            try:
                answer, _, rest = re.sub(r"^(\w+)\s*[:,]?\s*", r"\1 ", self._asked(QUESTION).strip()).partition(" ")
            except (EOFError, KeyboardInterrupt):
                return Decision("stop", findings=findings)
            match answer.lower():
                case "y" | "yes":
                    return Decision("approve" if code == proposed else "edit", code, findings=findings)
                case "a" | "all":
                    self._all = True
                    return Decision("approve" if code == proposed else "edit", code, findings=findings)
                case "n" | "no":
                    return Decision("reject", reason=rest.strip() or self._reason(), findings=findings)
                case "q" | "quit" | "stop":
                    return Decision("stop", findings=findings)
                case "e" | "edit":
                    code, findings = self._edited(code, findings)
                case _:
                    self._tell("Please answer y, e, n, a or q.")
        self._tell("No answer is no: the turn is stopped.")
        return Decision("stop", reason="no answer", findings=findings)

    def _asked(self, question: str) -> str:
        assert self._ask is not None
        return self._ask(question)

    def _reason(self) -> str:
        try:
            return self._asked("Why? (the model is told; Enter for no reason) ").strip()
        except EOFError:
            return ""

    def _tell_findings(self, findings: tuple[str, ...]) -> None:
        if findings:
            self._tell(f"This step {_listed(findings)}.")

    def _edited(self, code: str, findings: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        try:
            edited = self._edit(code)
        except (EOFError, KeyboardInterrupt):
            edited = None
        if edited is None or edited == code:
            self._tell("The code is as it was.")
            return code, findings
        findings = self._findings(edited)
        self._listing(edited)
        self._tell_findings(findings)
        return edited, findings

    def _edit_lines(self, code: str) -> str:
        """Edit line by line, for front ends that have only a line to type in."""
        lines = code.split("\n")
        self._tell("Type: 3 new text (replaces line 3), 3 (deletes it), +3 text (inserts after it); Enter when done.")
        while True:
            self._listing("\n".join(lines))
            typed = self._asked("edit> ")
            if not typed.strip():
                return "\n".join(lines)
            match = re.match(r"\s*(\+?)(\d+)(?: (.*))?$", typed, re.DOTALL)
            if match is None or int(match[2]) > len(lines) or (not match[1] and match[2] == "0"):
                self._tell(f"There is no such line. Lines go from 1 to {len(lines)}.")
                continue
            number, text = int(match[2]), match[3]
            if match[1]:
                lines.insert(number, text or "")
            elif text is None:
                del lines[number - 1]
            else:
                lines[number - 1] = text


def _listed(findings: tuple[str, ...]) -> str:
    return "; ".join(findings)
