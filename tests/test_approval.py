"""Who decides: every answer a user can give, and what happens where there is nobody to give one."""

from __future__ import annotations

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


class Desk:
    """A user who types the given lines, and what such a user is shown. An exception among the lines is raised."""

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
    desk: Desk, code: str = SAFE, mode: str = "ask", edit: Callable[[str], str | None] | None = None
) -> Decision:
    return Gate(mode, desk, ask=desk.ask, edit=edit).decide(1, reading(code))


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
    decision = decide(Desk([typed]))
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
def test_a_no_may_bring_its_reason(typed: str, reason: str) -> None:
    decision = decide(Desk([typed]))
    assert (decision.verdict, decision.reason, decision.code, decision.runs) == ("reject", reason, "", False)


def test_a_bare_no_is_asked_why() -> None:
    desk = Desk(["n", "  too slow "])
    assert decide(desk).reason == "too slow"
    assert desk.asked == [QUESTION, WHY]


@pytest.mark.parametrize("typed", ["", "   ", EOFError()])
def test_a_no_needs_no_reason(typed: str | BaseException) -> None:
    decision = decide(Desk(["no", typed]))
    assert (decision.verdict, decision.reason) == ("reject", "")


@pytest.mark.parametrize("typed", ["q", "Q", "quit", "stop", EOFError(), KeyboardInterrupt()])
def test_quitting_in_any_way_stops_the_turn(typed: str | BaseException) -> None:
    decision = decide(Desk([typed]))
    assert (decision.verdict, decision.runs) == ("stop", False)


def test_interrupting_the_question_why_stops_the_turn() -> None:
    assert decide(Desk(["n", KeyboardInterrupt()])).verdict == "stop"


@pytest.mark.parametrize(
    "typed", ["", " ", "x", "ye", "yep", "1", "y but not now", "yes, if it is safe", "nope", "?", "да", "y n"]
)
def test_what_is_not_clearly_an_answer_is_asked_again(typed: str) -> None:
    desk = Desk([typed, "y"])
    assert decide(desk).verdict == "approve"
    assert desk.told == ["Please answer y, e, n, a or q."]


def test_five_unreadable_answers_stop_the_turn() -> None:
    desk = Desk([""] * MOST_UNREADABLE)
    decision = decide(desk)
    assert (decision.verdict, decision.reason) == ("stop", "no answer")
    assert desk.lines == []


@given(st.text())
def test_only_a_yes_and_nothing_else_says_yes(typed: str) -> None:
    answer, reason = read_answer(typed)
    if answer in ("yes", "all"):
        assert typed.strip().rstrip(",:;.!").strip().lower() in ("y", "yes", "a", "all")
    if answer != "no":
        assert reason == ""


def test_the_time_that_the_user_takes_is_kept() -> None:
    assert 0 <= decide(Desk(["y"])).seconds < 10


# -- all of this turn --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["a", "ALL", " a "])
def test_all_of_this_turn_asks_no_more(typed: str) -> None:
    desk = Desk([typed])
    gate = Gate("ask", desk, ask=desk.ask)
    decisions = [gate.decide(number, reading(code)) for number, code in enumerate([SAFE, SAFE, RISKY], 1)]
    assert [decision.verdict for decision in decisions] == ["approve"] * 3
    assert [decision.by for decision in decisions] == ["user", "user, all of this turn", "user, all of this turn"]
    assert decisions[2].findings == ("deletes data.csv",)


def test_all_of_this_turn_ends_with_the_turn() -> None:
    desk = Desk(["a", "n not this"])
    Gate("ask", desk, ask=desk.ask).decide(1, reading(SAFE))
    assert Gate("ask", desk, ask=desk.ask).decide(1, reading(SAFE)).verdict == "reject"


# -- editing -----------------------------------------------------------------------------------------------------------


def test_edited_code_is_what_runs_after_it_was_shown_and_asked_about_again() -> None:
    desk = Desk(["e", "y"])
    decision = decide(desk, edit=editing("2 + 2"))
    assert (decision.verdict, decision.code) == ("edit", "2 + 2")
    assert desk.listed == ["2 + 2"]
    assert desk.asked == [QUESTION, QUESTION]


def test_code_that_is_edited_back_counts_as_approved() -> None:
    decision = decide(Desk(["e", "e", "y"]), edit=editing("2 + 2", SAFE))
    assert (decision.verdict, decision.code) == ("approve", SAFE)


@pytest.mark.parametrize("result", [None, SAFE, KeyboardInterrupt(), EOFError()])
def test_an_edit_that_is_given_up_leaves_the_code_as_it_was(result: str | BaseException | None) -> None:
    desk = Desk(["e", "y"])
    decision = decide(desk, edit=editing(result))
    assert (decision.verdict, decision.code) == ("approve", SAFE)
    assert desk.told == [EDITING, "The code is as it was."]


def test_what_is_found_is_what_is_found_in_the_edited_code() -> None:
    desk = Desk(["e", "y"])
    decision = decide(desk, edit=editing(RISKY))
    assert decision.findings == ("deletes data.csv",)
    assert desk.warned == ["Look twice: deletes data.csv."]


def test_editing_the_risk_away_takes_the_findings_away() -> None:
    desk = Desk(["e", "y"])
    assert decide(desk, RISKY, edit=editing(SAFE)).findings == ()
    assert len(desk.warned) == 1


def test_any_number_of_edits_is_not_an_unreadable_answer() -> None:
    edits = [f"{number}" for number in range(2 * MOST_UNREADABLE)]
    decision = decide(Desk([*["e"] * len(edits), "y"]), edit=editing(*edits))
    assert decision.code == edits[-1]


def test_edited_code_can_still_be_refused() -> None:
    decision = decide(Desk(["e", "no: still wrong"]), edit=editing("2 + 2"))
    assert (decision.verdict, decision.code, decision.reason) == ("reject", "", "still wrong")


def test_all_of_this_turn_runs_what_was_edited() -> None:
    decision = decide(Desk(["e", "a"]), edit=editing("2 + 2"))
    assert (decision.verdict, decision.code) == ("edit", "2 + 2")


# -- editing by lines, where there is only a line to type in -----------------------------------------------------------


def edited(code: str, *commands: str) -> str:
    desk = Desk([*commands, ""])
    return edit_by_lines(code, desk.ask, desk)


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
def test_what_is_no_edit_changes_nothing_and_says_so(command: str) -> None:
    desk = Desk([command, ""])
    assert edit_by_lines("a\nb\nc", desk.ask, desk) == "a\nb\nc"
    assert "lines go from 1 to 3" in desk.told[-1]


def test_each_edit_is_shown_before_the_next() -> None:
    desk = Desk(["1 A", "2 B", ""])
    assert edit_by_lines("a\nb", desk.ask, desk) == "A\nB"
    assert desk.listed == ["a\nb", "A\nb", "A\nB"]


def test_all_lines_can_be_deleted_and_written_anew() -> None:
    assert edited("a\nb", "1", "1", "+0 x") == "x"


def test_lines_are_edited_where_the_front_end_has_no_editor() -> None:
    decision = decide(Desk(["e", "1 2 + 2", "", "y"]))
    assert (decision.verdict, decision.code) == ("edit", "2 + 2")


@pytest.mark.parametrize("end", [EOFError(), KeyboardInterrupt()])
def test_leaving_the_line_editor_leaves_the_code_as_it_was(end: BaseException) -> None:
    decision = decide(Desk(["e", "1 2 + 2", end, "y"]))
    assert (decision.verdict, decision.code) == ("approve", SAFE)


@given(st.lists(st.text(st.characters(blacklist_characters="\n")), min_size=1, max_size=4), st.data())
def test_replacing_a_line_gives_just_what_was_typed(lines: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(lines)))
    text = data.draw(st.text(st.characters(blacklist_characters="\n")))
    expected = [*lines[: number - 1], text, *lines[number:]]
    assert edited("\n".join(lines), f"{number} {text}") == "\n".join(expected)


# -- policies ----------------------------------------------------------------------------------------------------------


def test_auto_never_asks() -> None:
    decision = Gate("auto", Desk(), ask=None).decide(1, reading(RISKY))
    assert (decision.verdict, decision.code, decision.by) == ("approve", RISKY, "policy auto")


def test_risky_does_not_ask_about_harmless_code() -> None:
    desk = Desk()
    decision = decide(desk, SAFE, mode="risky")
    assert (decision.verdict, decision.by, desk.asked) == ("approve", "policy risky", [])


def test_risky_asks_about_risky_code_and_says_what_was_found() -> None:
    desk = Desk(["n", ""])
    decision = decide(desk, RISKY, mode="risky")
    assert (decision.verdict, decision.findings) == ("reject", ("deletes data.csv",))
    assert desk.warned == ["Look twice: deletes data.csv."]


def test_ask_says_what_was_found_as_well() -> None:
    desk = Desk(["y"])
    assert decide(desk, RISKY).findings == ("deletes data.csv",)
    assert desk.warned == ["Look twice: deletes data.csv."]


def test_risky_code_that_nobody_can_be_asked_about_is_refused() -> None:
    gate = Gate("risky", Desk(), ask=None)
    assert gate.decide(1, reading(SAFE)).verdict == "approve"
    with pytest.raises(UsageError, match=r"Step 2: deletes data\.csv") as refused:
        gate.decide(2, reading(RISKY))
    assert refused.value.hints == ALLOW


def test_asking_where_nobody_can_be_asked_is_refused_before_anything_happens() -> None:
    with pytest.raises(UsageError, match="Nobody can be asked") as refused:
        Gate("ask", Desk(), ask=None)
    assert refused.value.hints == ALLOW


def test_a_name_of_the_users_is_not_overwritten_unasked() -> None:
    desk = Desk(["y"])
    gate = Gate("risky", desk, ask=desk.ask, names=lambda: {"sales"})
    assert gate.decide(1, reading("total = 1")).by == "policy risky"
    assert gate.decide(2, reading("sales = 1")).by == "user"
    assert len(desk.warned) == 1
    assert "sales" in desk.warned[0]
