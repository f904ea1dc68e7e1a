"""Who decides: every answer that a user can give, and what happens if nobody can answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.approval import ALLOW, EDITING, MOST_UNREADABLE, QUESTION, WHY, Gate, edit_by_lines, read_answer
from codeact_magic.errors import UsageError
from codeact_magic.formats import Reading
from codeact_magic.session import Action, Decision

SAFE = "1 + 1"
RISKY = "import os\nos.remove('data.csv')"


class User:
    """A user who types the given lines, and what the user is shown. An exception among the lines is raised."""

    def __init__(self, lines: Iterable[str | BaseException] = ()) -> None:
        self.lines = list(lines)
        self.asked: list[str] = []
        self.told: list[str] = []
        self.warned: list[str] = []
        self.listed: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        return line

    def tell(self, line: str) -> None:
        self.told.append(line)

    def warn(self, line: str) -> None:
        self.warned.append(line)

    def listing(self, code: str) -> None:
        self.listed.append(code)


def reading(code: str) -> Reading:
    return Reading(thought="", action=Action(code))


def decide(
    user: User, code: str = SAFE, mode: str = "ask", edit: Callable[[str], str | None] | None = None
) -> Decision:
    return Gate(mode, user, ask=user.ask, edit=edit).decide(1, reading(code))


def editing(*results: str | BaseException | None) -> Callable[[str], str | None]:
    left = list(results)

    def edit(code: str) -> str | None:
        result = left.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result

    return edit


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["y", "Y", "yes", "YES", " y ", "y\t", "yes.", "y!"])
def test_a_yes_in_any_spelling_runs_the_code(typed: str) -> None:
    decision = decide(User([typed]))
    assert (decision.verdict, decision.code, decision.by) == ("approve", SAFE, "user")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("n because it is slow", "because it is slow"),
        ("no: reason", "reason"),
        ("no:reason", "reason"),
        ("N, use the median", "use the median"),
        ("  no  use 'sum'  ", "use 'sum'"),
        ("no. Take the other frame", "Take the other frame"),
        ("n y", "y"),
        ("n über ñ", "über ñ"),
    ],
)
def test_a_no_may_come_with_its_reason(typed: str, reason: str) -> None:
    decision = decide(User([typed]))
    assert (decision.verdict, decision.reason, decision.code, decision.runs) == ("reject", reason, "", False)


def test_a_bare_no_is_asked_why() -> None:
    user = User(["n", "  too slow "])
    assert decide(user).reason == "too slow"
    assert user.asked == [QUESTION, WHY]


@pytest.mark.parametrize("typed", ["", "   ", EOFError()])
def test_a_no_needs_no_reason(typed: str | BaseException) -> None:
    decision = decide(User(["no", typed]))
    assert (decision.verdict, decision.reason) == ("reject", "")


@pytest.mark.parametrize("typed", ["q", "Q", "quit", "stop", EOFError(), KeyboardInterrupt()])
def test_quitting_in_any_way_stops_the_turn(typed: str | BaseException) -> None:
    decision = decide(User([typed]))
    assert (decision.verdict, decision.runs) == ("stop", False)


def test_interrupting_the_question_why_stops_the_turn() -> None:
    assert decide(User(["n", KeyboardInterrupt()])).verdict == "stop"


@pytest.mark.parametrize(
    "typed", ["", " ", "x", "ye", "yep", "1", "y but not now", "yes, if it is safe", "nope", "?", "да", "y n"]
)
def test_an_unclear_answer_is_asked_for_again(typed: str) -> None:
    user = User([typed, "y"])
    assert decide(user).verdict == "approve"
    assert user.told == ["Please answer y, e, n, a or q."]


def test_five_unreadable_answers_stop_the_turn() -> None:
    user = User([""] * MOST_UNREADABLE)
    decision = decide(user)
    assert (decision.verdict, decision.reason) == ("stop", "no answer")
    assert user.lines == []


@given(st.text())
def test_only_a_yes_and_nothing_else_says_yes(typed: str) -> None:
    answer, reason = read_answer(typed)
    if answer in ("yes", "all"):
        assert typed.strip().rstrip(",:;.!").strip().lower() in ("y", "yes", "a", "all")
    if answer != "no":
        assert reason == ""


def test_the_time_that_the_user_takes_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 102.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    assert decide(User(["y"])).seconds == 2.5


# -- all of this turn --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["a", "ALL", " a "])
def test_all_of_this_turn_ends_the_questions(typed: str) -> None:
    user = User([typed])
    gate = Gate("ask", user, ask=user.ask)
    decisions = [gate.decide(number, reading(code)) for number, code in enumerate([SAFE, SAFE, RISKY], 1)]
    assert [decision.verdict for decision in decisions] == ["approve"] * 3
    assert [decision.by for decision in decisions] == ["user", "user, all of this turn", "user, all of this turn"]
    assert decisions[2].findings == ("deletes data.csv",)


def test_all_of_this_turn_ends_with_the_turn() -> None:
    user = User(["a", "n not this"])
    Gate("ask", user, ask=user.ask).decide(1, reading(SAFE))
    assert Gate("ask", user, ask=user.ask).decide(1, reading(SAFE)).verdict == "reject"


# -- editing -----------------------------------------------------------------------------------------------------------


def test_edited_code_runs_after_it_was_shown_and_asked_about_again() -> None:
    user = User(["e", "y"])
    decision = decide(user, edit=editing("2 + 2"))
    assert (decision.verdict, decision.code) == ("edit", "2 + 2")
    assert user.listed == ["2 + 2"]
    assert user.asked == [QUESTION, QUESTION]


def test_code_that_is_edited_back_counts_as_approved() -> None:
    decision = decide(User(["e", "e", "y"]), edit=editing("2 + 2", SAFE))
    assert (decision.verdict, decision.code) == ("approve", SAFE)


@pytest.mark.parametrize("result", [None, SAFE, KeyboardInterrupt(), EOFError()])
def test_an_edit_that_is_given_up_changes_nothing(result: str | BaseException | None) -> None:
    user = User(["e", "y"])
    decision = decide(user, edit=editing(result))
    assert (decision.verdict, decision.code) == ("approve", SAFE)
    assert user.told == [EDITING, "The code is as it was."]


def test_the_findings_are_those_of_the_edited_code() -> None:
    user = User(["e", "y"])
    decision = decide(user, edit=editing(RISKY))
    assert decision.findings == ("deletes data.csv",)
    assert user.warned == ["Look twice: deletes data.csv."]


def test_editing_the_risk_away_removes_the_findings() -> None:
    user = User(["e", "y"])
    assert decide(user, RISKY, edit=editing(SAFE)).findings == ()
    assert len(user.warned) == 1


def test_no_number_of_edits_counts_as_unreadable_answers() -> None:
    edits = [f"{number}" for number in range(2 * MOST_UNREADABLE)]
    decision = decide(User([*["e"] * len(edits), "y"]), edit=editing(*edits))
    assert decision.code == edits[-1]


def test_edited_code_can_still_be_refused() -> None:
    decision = decide(User(["e", "no: still wrong"]), edit=editing("2 + 2"))
    assert (decision.verdict, decision.code, decision.reason) == ("reject", "", "still wrong")


def test_all_of_this_turn_runs_what_was_edited() -> None:
    decision = decide(User(["e", "a"]), edit=editing("2 + 2"))
    assert (decision.verdict, decision.code) == ("edit", "2 + 2")


# -- editing by lines, for front ends that take only a line at a time --------------------------------------------------


def edited(code: str, *commands: str) -> str:
    user = User([*commands, ""])
    return edit_by_lines(code, user.ask, user)


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("2 B", "a\nB\nc"),
        ("2     return B", "a\n    return B\nc"),
        ("2", "a\nc"),
        ("2 ", "a\n\nc"),
        ("+2 x", "a\nb\nx\nc"),
        ("+0 x", "x\na\nb\nc"),
        ("+3 x", "a\nb\nc\nx"),
        ("+3", "a\nb\nc\n"),
        ("1 2 3", "2 3\nb\nc"),
        ("2 b  # ünï ⟦", "a\nb  # ünï ⟦\nc"),
    ],
)
def test_a_line_is_replaced_deleted_or_inserted(command: str, result: str) -> None:
    assert edited("a\nb\nc", command) == result


@pytest.mark.parametrize("command", ["0 x", "4 x", "4", "+4 x", "-1 x", "x", "2x", "two", "+", "9999999 x"])
def test_a_line_that_is_not_an_edit_changes_nothing_and_says_so(command: str) -> None:
    user = User([command, ""])
    assert edit_by_lines("a\nb\nc", user.ask, user) == "a\nb\nc"
    assert "lines go from 1 to 3" in user.told[-1]


def test_each_edit_is_shown_before_the_next() -> None:
    user = User(["1 A", "2 B", ""])
    assert edit_by_lines("a\nb", user.ask, user) == "A\nB"
    assert user.listed == ["a\nb", "A\nb", "A\nB"]


def test_all_lines_can_be_deleted_and_written_anew() -> None:
    assert edited("a\nb", "1", "1", "+0 x") == "x"


def test_lines_are_edited_if_the_front_end_has_no_editor() -> None:
    decision = decide(User(["e", "1 2 + 2", "", "y"]))
    assert (decision.verdict, decision.code) == ("edit", "2 + 2")


@pytest.mark.parametrize("end", [EOFError(), KeyboardInterrupt()])
def test_leaving_the_line_editor_changes_nothing(end: BaseException) -> None:
    decision = decide(User(["e", "1 2 + 2", end, "y"]))
    assert (decision.verdict, decision.code) == ("approve", SAFE)


@given(st.lists(st.text(st.characters(blacklist_characters="\n")), min_size=1, max_size=4), st.data())
def test_a_replaced_line_is_the_text_that_was_typed(lines: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(lines)))
    text = data.draw(st.text(st.characters(blacklist_characters="\n")))
    expected = [*lines[: number - 1], text, *lines[number:]]
    assert edited("\n".join(lines), f"{number} {text}") == "\n".join(expected)


# -- policies ----------------------------------------------------------------------------------------------------------


def test_auto_never_asks() -> None:
    decision = Gate("auto", User(), ask=None).decide(1, reading(RISKY))
    assert (decision.verdict, decision.code, decision.by) == ("approve", RISKY, "policy auto")


def test_risky_does_not_ask_about_harmless_code() -> None:
    user = User()
    decision = decide(user, SAFE, mode="risky")
    assert (decision.verdict, decision.by, user.asked) == ("approve", "policy risky", [])


def test_risky_asks_about_risky_code_and_shows_the_findings() -> None:
    user = User(["n", ""])
    decision = decide(user, RISKY, mode="risky")
    assert (decision.verdict, decision.findings) == ("reject", ("deletes data.csv",))
    assert user.warned == ["Look twice: deletes data.csv."]


def test_ask_shows_the_findings_as_well() -> None:
    user = User(["y"])
    assert decide(user, RISKY).findings == ("deletes data.csv",)
    assert user.warned == ["Look twice: deletes data.csv."]


def test_risky_code_that_nobody_can_be_asked_about_is_refused() -> None:
    gate = Gate("risky", User(), ask=None)
    assert gate.decide(1, reading(SAFE)).verdict == "approve"
    with pytest.raises(UsageError, match=r"Step 2: deletes data\.csv") as refused:
        gate.decide(2, reading(RISKY))
    assert refused.value.hints == ALLOW


def test_asking_is_refused_before_anything_happens_if_nobody_can_be_asked() -> None:
    with pytest.raises(UsageError, match="Nobody can be asked") as refused:
        Gate("ask", User(), ask=None)
    assert refused.value.hints == ALLOW


def test_a_name_of_the_user_is_not_overwritten_unasked() -> None:
    user = User(["y"])
    gate = Gate("risky", user, ask=user.ask, names=lambda: {"sales"})
    assert gate.decide(1, reading("total = 1")).by == "policy risky"
    assert gate.decide(2, reading("sales = 1")).by == "user"
    assert len(user.warned) == 1
    assert "sales" in user.warned[0]


# -- somebody else at the keyboard -------------------------------------------------------------------------------------


@pytest.mark.parametrize("right", [True, False])
def test_a_yes_to_risky_code_is_confirmed_with_a_number_while_other_code_runs(right: bool) -> None:
    user = User(["y"])

    def ask(question: str) -> str:
        if not question.startswith("Code of earlier is still running (worker)"):
            return user.ask(question)
        asked.append(question)
        user.lines.append("q")  # what follows a wrong number
        return question.rstrip(": ")[-4:] if right else "y"

    asked: list[str] = []
    gate = Gate("ask", user, ask=ask, intruders=lambda: ["worker"])
    assert gate.decide(1, reading(RISKY)).verdict == ("approve" if right else "stop")
    assert len(asked) == 1


def test_code_without_findings_needs_no_number() -> None:
    user = User(["y"])
    gate = Gate("ask", user, ask=user.ask, intruders=lambda: ["worker"])
    assert gate.decide(1, reading(SAFE)).verdict == "approve"
