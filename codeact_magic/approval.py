"""Who decides whether an action runs: the user, asked on stdin, or a policy that the user chose.

No answer is no: what is not clearly a yes asks again, and stops the turn in the end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from .errors import UsageError
from .formats import Reading
from .hints import AskElsewhere, SetOption
from .session import Decision

Of = Literal["turn", "replay", "whole"]
QUESTION = "Run it? [y]es  [e]dit  [n]o (why)  [a]ll of this turn  [q]uit: "
QUESTIONS: dict[Of, str] = {
    "turn": QUESTION,
    "replay": "Run it? [y]es  [e]dit  [n]o  [a]ll that follow  [q]uit: ",
    "whole": "Run it? [y]es  [n]o: ",
}
EDITING = "Alt+Enter (or Esc, then Enter) ends the editing; Ctrl+C leaves the code as it was."
WHY = "Why? (the model is told; Enter for no reason) "
MOST_UNREADABLE = 5  # answers in a row, after which there is nobody there

NOBODY = "Nobody can be asked here: this front end has no input"
ALLOW = (SetOption("approve", "auto", to="let code run unseen"), AskElsewhere())


class Front(Protocol):
    """Where the user is shown what is asked about."""

    def tell(self, line: str) -> None:
        """Show a line."""

    def warn(self, line: str) -> None:
        """Show a line that must not be overlooked."""

    def listing(self, code: str) -> None:
        """Show code with its lines numbered."""


class Page(Protocol):
    """Where the user sees a step with buttons."""

    @property
    def attached(self) -> bool:
        """Whether one has been seen in this kernel."""

    def ask(self, number: int, reading: Reading, findings: tuple[str, ...], why: str) -> tuple[Decision, bool] | None:
        """Return the user's decision, and whether it holds for the rest of the turn; None where there is no page."""


class Gate:
    """Decides about the actions of one turn.

    `mode` is "ask" (about every action), "risky" (about those in which `risk.scan` finds something) or "auto" (never).
    `page` is asked first, where there is one. `ask` puts a question to the user and returns the line that was typed;
    None where nobody can be asked. `edit` lets the user edit a text and returns it, or None where that was given up.
    `names` are the user's own, which an action had better not overwrite. `of` says what is decided about: actions of
    a "turn", those of a "replay" (where no model is told the reason of a no), or code that runs as a "whole" or not.
    """

    def __init__(
        self,
        mode: str,
        front: Front,
        *,
        ask: Callable[[str], str] | None,
        edit: Callable[[str], str | None] | None = None,
        names: Callable[[], Collection[str]] = tuple,
        page: Page | None = None,
        of: Of = "turn",
    ) -> None:
        if mode == "ask" and ask is None and not (page and page.attached):
            raise UsageError(NOBODY, *ALLOW)
        self._page, self._of = page, of
        self.mode, self._front, self._ask, self._names = mode, front, ask, names
        self._in_place, self._edit = bool(edit), edit or (lambda code: edit_by_lines(code, self._asked, front))
        self._all = False

    def decide(self, number: int, reading: Reading, parts: Sequence[str] = ()) -> Decision:
        """Return the decision about the action of step `number`; raises UsageError where nobody can be asked.

        `parts`: what of its code runs one by one, and is not what it is where it is read as one.
        """
        assert reading.action is not None
        code = reading.action.code
        if self.mode == "auto":
            return Decision("approve", code, by="policy auto")
        findings = tuple(dict.fromkeys(found for part in parts or (code,) for found in self._findings(part)))
        if self._all:
            return Decision("approve", code, by="user, all of this turn", findings=findings)
        if self.mode == "risky" and not findings:
            return Decision("approve", code, by="policy risky")
        began = time.monotonic()
        try:
            decision = self._ask_page(number, reading, findings) or self._ask_line(number, code, findings)
        except (EOFError, KeyboardInterrupt):
            decision = Decision("stop", findings=findings)
        return replace(decision, seconds=round(time.monotonic() - began, 3))

    def _ask_page(self, number: int, reading: Reading, findings: tuple[str, ...]) -> Decision | None:
        why = "; ".join(findings) if self.mode == "risky" else "every step is asked for"
        answer = self._page.ask(number, reading, findings, why) if self._page else None
        if answer is None:
            return None
        decision, self._all = answer
        return replace(decision, findings=findings)

    def _ask_line(self, number: int, code: str, findings: tuple[str, ...]) -> Decision:
        if self._ask is None:
            found = f": {'; '.join(findings)}" if findings else ""
            raise UsageError(f"Step {number}{found}. {NOBODY}", *ALLOW)
        return self._decide(code, findings)

    def _decide(self, proposed: str, findings: tuple[str, ...]) -> Decision:
        code, unreadable = proposed, 0
        self._warn(findings)
        while unreadable < MOST_UNREADABLE:
            answer, rest = read_answer(self._asked(QUESTIONS[self._of]))
            if answer in ("yes", "all"):
                self._all = answer == "all"
                return Decision("approve" if code == proposed else "edit", code, findings=findings)
            if answer == "no":
                return Decision("reject", reason=rest or self._reason(), findings=findings)
            if answer == "quit":
                return Decision("stop", findings=findings)
            if answer == "edit" and self._of == "whole":
                unreadable += 1
                self._front.tell("It runs as it is, or not at all: please answer y or n.")
            elif answer == "edit":
                unreadable = 0
                code, findings = self._edited(code, findings)
            else:
                unreadable += 1
                self._front.tell("Please answer y, e, n, a or q.")
        self._front.tell("No answer is no: the turn is stopped.")
        return Decision("stop", reason="no answer", findings=findings)

    def _asked(self, question: str) -> str:
        assert self._ask is not None
        return self._ask(question)

    def _reason(self) -> str:
        if self._of != "turn":
            return ""
        try:
            return self._asked(WHY).strip()
        except EOFError:
            return ""

    def _findings(self, code: str) -> tuple[str, ...]:
        from .risk import scan  # its tables are of no use until an action is asked about

        return tuple(str(finding) for finding in scan(code, self._names()))

    def _warn(self, findings: tuple[str, ...]) -> None:
        if findings:
            self._front.warn(f"Look twice: {'; '.join(findings)}.")

    def _edited(self, code: str, findings: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Return the code as the user edits it, shown again, and what is found in it."""
        if self._in_place:
            self._front.tell(EDITING)
        try:
            edited = self._edit(code)
        except (EOFError, KeyboardInterrupt):
            edited = None
        if edited is None or edited == code:
            self._front.tell("The code is as it was.")
            return code, findings
        findings = self._findings(edited)
        self._front.listing(edited)
        self._warn(findings)
        return edited, findings


_ANSWERS = {word: name for name in ("yes", "edit", "no", "all", "quit") for word in (name, name[0])} | {"stop": "quit"}


def read_answer(typed: str) -> tuple[str, str]:
    """Return which answer was typed ("" for none of them), and the reason that came with a no.

    Only a no takes more words: "yes, but ..." is no yes.
    """
    match = re.match(r"(\w+)[,:;.!]*\s*(.*)$", typed.strip(), re.DOTALL)
    answer = _ANSWERS.get(match[1].lower(), "") if match else ""
    reason = match[2] if match else ""
    return ("", "") if reason and answer != "no" else (answer, reason)


HELP = "Type 3 TEXT to replace line 3, 3 to delete it, +3 TEXT to insert below it (+0: at the top); Enter when done."


def edit_by_lines(code: str, ask: Callable[[str], str], front: Front) -> str:
    """Return `code` as edited by commands such as "3 new text": for front ends that have only a line to type in."""
    lines = code.split("\n")
    front.tell(HELP)
    while True:
        front.listing("\n".join(lines))
        typed = ask("edit> ")
        if not typed.strip():
            return "\n".join(lines)
        if not _edit_line(lines, typed):
            front.tell(f"That is no edit: lines go from 1 to {len(lines)}. {HELP}")


def _edit_line(lines: list[str], typed: str) -> bool:
    """Carry out one command on `lines`; False where it is none."""
    match = re.match(r"\s*(\+?)(\d{1,6})(?: (.*))?$", typed, re.DOTALL)
    if match is None or not (0 if match[1] else 1) <= int(match[2]) <= len(lines):
        return False
    number, text = int(match[2]), match[3]
    if match[1]:
        lines.insert(number, text or "")
    elif text is None:
        del lines[number - 1]
    else:
        lines[number - 1] = text
    return True
