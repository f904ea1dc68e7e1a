"""Decides whether an action runs: asks the user, or follows the policy that the user chose.

Silence is not consent: an answer that is not clearly a yes is asked for again, and in the end the turn is stopped.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import chain
from typing import Protocol

from .errors import UsageError
from .formats import Reading
from .hints import AskElsewhere, SetOption
from .session import Decision, Occasion
from .text import one_line

QUESTION = "Run it? [y]es  [e]dit  [n]o (why)  [a]ll of this turn  [q]uit: "
QUESTIONS: dict[Occasion, str] = {
    "turn": QUESTION,
    "replay": "Run it? [y]es  [e]dit  [n]o  [a]ll that follow  [q]uit: ",
    "consent": "Run it? [y]es  [n]o: ",
}
CONFIRM = "Code of earlier is still running ({running}) and could type for you. To run this step, type {number}: "
EDITING = "Alt+Enter (or Esc, then Enter) ends the editing; Ctrl+C leaves the code as it was."
WHY = "Why? (the model is told; Enter for no reason) "
MOST_UNREADABLE = 5  # answers in a row; after that, nobody seems to be there

NOBODY = "Nobody can be asked here: this front end has no input"
ALLOW = (SetOption("approve", "auto", to="let code run unseen"), AskElsewhere())


class MessageView(Protocol):
    """Shows the user lines and code while a decision is made."""

    def tell(self, line: str) -> None:
        """Show a line."""

    def warn(self, line: str) -> None:
        """Show a line that must not be overlooked."""

    def listing(self, code: str) -> None:
        """Show code with its lines numbered."""


class ButtonAsker(Protocol):
    """Asks the user about a step with buttons."""

    @property
    def attached(self) -> bool:
        """Whether somebody who has such buttons has been seen in this kernel."""

    def ask(self, number: int, reading: Reading, findings: tuple[str, ...], why: str) -> tuple[Decision, bool] | None:
        """Return the user's decision, and whether it holds for the rest of the turn; None if nobody has buttons."""


class Gate:
    """Lets the actions of one turn through, or not.

    `mode` is "ask" (ask about every action), "risky" (ask if `risk.scan` finds something) or "auto" (never ask).
    `buttons` asks first; if nobody has buttons, `ask` puts a question and returns the line that the user types. With
    neither, nobody can be asked. `edit` lets the user edit a text and returns it, or None if the user gives up.
    `names` returns the user's own names, which an action should not overwrite; a `risk.Namespace` also describes them.
    `occasion` is the run that the actions are part of: a "turn", a "replay" (no model is told why the user says no), or
    "consent" to code that runs as a whole or not at all.

    `intruders` returns the names of threads that could answer in the user's place: a yes to code with findings is then
    asked for a second time.
    """

    def __init__(
        self,
        mode: str,
        view: MessageView,
        *,
        ask: Callable[[str], str] | None,
        edit: Callable[[str], str | None] | None = None,
        names: Callable[[], Collection[str]] = tuple,
        buttons: ButtonAsker | None = None,
        occasion: Occasion = "turn",
        intruders: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        if mode == "ask" and ask is None and not (buttons and buttons.attached):
            raise UsageError(NOBODY, *ALLOW)
        self.mode = mode
        self._view = view
        self._ask = ask
        self._edits_in_place = edit is not None
        self._edit = edit or (lambda code: edit_by_lines(code, self._asked, view))
        self._names = names
        self._buttons = buttons
        self._occasion = occasion
        self._intruders = intruders
        self._all = False

    def decide(self, number: int, reading: Reading, parts: Sequence[str] = ()) -> Decision:
        """Return the decision about the action of step `number`. Raises UsageError if nobody can be asked.

        `parts` are the parts of its code if they run one by one: each is scanned by itself.
        """
        assert reading.action is not None
        code = reading.action.code
        if self.mode == "auto":
            return Decision("approve", code, by="policy auto")
        found = chain.from_iterable(map(self._findings, parts or (code,)))
        findings = tuple(dict.fromkeys(found))  # each once
        if self._all:
            return Decision("approve", code, by="user, all of this turn", findings=findings)
        if self.mode == "risky" and not findings:
            return Decision("approve", code, by="policy risky")
        began = time.monotonic()
        try:
            decision = self._ask_with_buttons(number, reading, findings) or self._ask_line(number, code, findings)
        except (EOFError, KeyboardInterrupt):
            decision = Decision("stop", findings=findings)
        return replace(decision, seconds=round(time.monotonic() - began, 3))

    def _ask_with_buttons(self, number: int, reading: Reading, findings: tuple[str, ...]) -> Decision | None:
        if self._buttons is None:
            return None
        why = "; ".join(findings) if self.mode == "risky" else "every step is asked for"
        answer = self._buttons.ask(number, reading, findings, why)
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
        code = proposed
        unreadable = 0
        self._warn(findings)
        while unreadable < MOST_UNREADABLE:
            answer, rest = read_answer(self._asked(QUESTIONS[self._occasion]))
            if answer in ("yes", "all") and findings and not self._is_confirmed():
                unreadable += 1
                self._view.tell("That was not the number.")
            elif answer in ("yes", "all"):
                self._all = answer == "all"
                return Decision("approve" if code == proposed else "edit", code, findings=findings)
            elif answer == "no":
                return Decision("reject", reason=rest or self._reason(), findings=findings)
            elif answer == "quit":
                return Decision("stop", findings=findings)
            elif answer == "edit" and self._occasion == "consent":
                unreadable += 1
                self._view.tell("It runs as it is, or not at all: please answer y or n.")
            elif answer == "edit":
                unreadable = 0
                code, findings = self._edited(code, findings)
            else:
                unreadable += 1
                self._view.tell("Please answer y, e, n, a or q.")
        self._view.tell("No answer is no: the turn is stopped.")
        return Decision("stop", reason="no answer", findings=findings)

    def _is_confirmed(self) -> bool:
        """Return whether it is the user who answers: code that still runs could type an answer, but not a number."""
        threads = self._intruders()
        if not threads:
            return True
        number = str(1000 + secrets.randbelow(9000))
        running = one_line(", ".join(threads), 80)
        return self._asked(CONFIRM.format(running=running, number=number)).strip() == number

    def _asked(self, question: str) -> str:
        assert self._ask is not None
        return self._ask(question)

    def _reason(self) -> str:
        if self._occasion != "turn":
            return ""
        try:
            return self._asked(WHY).strip()
        except EOFError:
            return ""

    def _findings(self, code: str) -> tuple[str, ...]:
        from .risk import scan  # imported on use: its tables are needed only once an action is asked about

        return tuple(str(finding) for finding in scan(code, self._names()))

    def _warn(self, findings: tuple[str, ...]) -> None:
        if findings:
            self._view.warn(f"Look twice: {'; '.join(findings)}.")

    def _edited(self, code: str, findings: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Have the user edit the code, show it again, and return it with its findings."""
        if self._edits_in_place:
            self._view.tell(EDITING)
        try:
            edited = self._edit(code)
        except (EOFError, KeyboardInterrupt):
            edited = None
        if edited is None or edited == code:
            self._view.tell("The code is as it was.")
            return code, findings
        findings = self._findings(edited)
        self._view.listing(edited)
        self._warn(findings)
        return edited, findings


_ANSWERS = ("yes", "edit", "no", "all", "quit")
_OTHER_WORDS = {"y": "yes", "e": "edit", "n": "no", "a": "all", "q": "quit", "stop": "quit"}


def read_answer(typed: str) -> tuple[str, str]:
    """Return the answer that was typed ("" if it is not one), and the reason if it is a no.

    Only a no may have more words: "yes, but ..." is not a yes.
    """
    match = re.match(r"(\w+)[,:;.!]*\s*(.*)$", typed.strip(), re.DOTALL)
    if match is None:
        return "", ""
    word = match[1].lower()
    answer = _OTHER_WORDS.get(word, word)
    reason = match[2]
    if answer not in _ANSWERS or (reason and answer != "no"):
        return "", ""
    return answer, reason


HELP = "Type 3 TEXT to replace line 3, 3 to delete it, +3 TEXT to insert below it (+0: at the top); Enter when done."


def edit_by_lines(code: str, ask: Callable[[str], str], view: MessageView) -> str:
    """Return `code` as edited with commands such as "3 new text", for front ends that take only a line at a time."""
    lines = code.split("\n")
    view.tell(HELP)
    while True:
        view.listing("\n".join(lines))
        typed = ask("edit> ")
        if not typed.strip():
            return "\n".join(lines)
        if not _edit_line(lines, typed):
            view.tell(f"That is not an edit: lines go from 1 to {len(lines)}. {HELP}")


def _edit_line(lines: list[str], typed: str) -> bool:
    """Carry out a command on `lines`, and return whether it is one."""
    match = re.match(r"\s*(\+?)(\d{1,6})(?: (.*))?$", typed, re.DOTALL)
    if match is None:
        return False
    inserts = bool(match[1])
    number = int(match[2])
    text = match[3]
    first = 0 if inserts else 1  # text may be inserted above the first line
    if not first <= number <= len(lines):
        return False
    if inserts:
        lines.insert(number, text or "")
    elif text is None:
        del lines[number - 1]
    else:
        lines[number - 1] = text
    return True
