"""How a terminal shows a turn: every reply once, whatever its format, and no control character of it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codeact_magic import formats
from codeact_magic.agent import Delta
from codeact_magic.frontends import captions, screen, terminal
from codeact_magic.frontends.terminal import TerminalView
from codeact_magic.session import Action, Decision, Format, Observation, Reply, Step, ToolCall, Turn, Usage
from codeact_magic.text import is_hidden

CODE = "total = sum(prices)\nprint(total)"
FENCED = f"I add them up.\n\n```python\n{CODE}\n```"
SHOWN_CODE = "  | total = sum(prices)\n  | print(total)\n"


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Stands in for the module `time` in terminal.py and screen.py."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that only the test moves, in a terminal of 60 columns."""
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    monkeypatch.setattr(screen, "time", clock)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return clock


def on_screen(written: str) -> str:
    """Return the text that a terminal shows after it was written to, without its styles."""
    written = re.sub(r"\x1b\[[0-9;]*m", "", written)
    return re.sub(r"[^\n]*\r\x1b\[K", "", written)


def play(
    text: str,
    pieces: Iterable[str] | None = None,
    stream: io.StringIO | None = None,
    reply: Reply | None = None,
    expected: Format = "fence",
) -> str:
    """Return the output of a step whose reply is `text` and comes in `pieces`."""
    stream = stream or io.StringIO()
    view = TerminalView(stream)
    view.thinking(1)
    for piece in [text] if pieces is None else pieces:
        view.show(Delta(text=piece))
    view.proposed(1, formats.read(reply or Reply(text), expected))
    return stream.getvalue()


def one_by_one(text: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "INTERVAL", 0.0)
        return play(text, list(text))


def step(**changes: object) -> Step:
    made = Step(
        reply=Reply("", usage=Usage(812, 700, 45), seconds=1.24),
        action=Action(CODE),
        decision=Decision("approve", CODE),
        observation=Observation("ok", seconds=0.31),
        observation_message="Output:\n6",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


# -- one reply, shown once ---------------------------------------------------------------------------------------------


def test_code_in_a_fence_is_shown_once_behind_a_bar() -> None:
    assert play(FENCED) == f"I add them up.\n\n{SHOWN_CODE}\n"


@pytest.mark.parametrize(
    "text",
    [
        f"I add them up.\n<execute>\n{CODE}\n</execute>",
        f"I add them up.\n<execute>{CODE}</execute>",
        f"I add them up. <execute>{CODE}</execute>",
        f"I add them up.\n<execute>\n```python\n{CODE}\n```\n</execute>",
        f"I add them up.\n```py\n\n{CODE}\n\n```\n",
        f"I add them up.\n~~~python\n{CODE}\n~~~",
        f"I add them up.\n```python\n{CODE}",
        f"I add them up.\r\n```python\r\n{CODE}\r\n```\r\n".replace("s)\np", "s)\r\np"),
        '{"thought": "I add them up.", "code": "total = sum(prices)\\nprint(total)"}',
        'I add them up.\n```json\n{"code": "total = sum(prices)\\nprint(total)"}\n```',
        'I add them up.\n<tool_call>\n{"name": "python", "arguments": {"code": "total = sum(prices)\\nprint(total)"}}\n'
        "</tool_call>",
    ],
)
@pytest.mark.parametrize("play_it", [play, one_by_one])
def test_thought_and_code_look_the_same_in_every_format(text: str, play_it: Callable[[str], str]) -> None:
    assert on_screen(play_it(text)) == f"I add them up.\n\n{SHOWN_CODE}\n"


def test_a_tool_call_shows_its_code_once() -> None:
    call = ToolCall("1", "python", '{"code": "total = sum(prices)\\nprint(total)"}')
    shown = play("I add them up.", reply=Reply("I add them up.", tool_calls=(call,), finish="tool_calls"))
    assert shown == f"I add them up.\n\n{SHOWN_CODE}\n"


def test_an_answer_in_json_is_shown_as_an_answer() -> None:
    assert play('{"thought": "", "answer": "It is **6**.\\n\\nDone."}', expected="json") == "It is **6**.\n\nDone.\n"


def test_json_that_is_part_of_an_answer_is_shown() -> None:
    text = 'Your record:\n```json\n{"name": "Ann", "age": 41}\n```\nThat is all.'
    assert play(text) == 'Your record:\n\n  | {"name": "Ann", "age": 41}\n\nThat is all.\n'


def test_code_that_is_read_differently_than_written_is_shown_as_it_would_run() -> None:
    shown = play("Look:\n- ```python\n  x = 1\n  y = 2\n  ```")
    assert shown == "Look:\n\n  |   x = 1\n  |   y = 2\n\nwhat would run:\n\n  | x = 1\n  | y = 2\n\n"


def test_code_with_a_fence_in_a_string_is_shown_as_it_would_run() -> None:
    code = 'text = """\n```\n"""\nprint(text)'
    shown = play(f"```python\n{code}\n```")
    assert shown.endswith("what would run:\n\n" + "".join(f"  | {line}\n" for line in code.split("\n")) + "\n")


def test_a_block_in_another_language_stays_part_of_the_answer() -> None:
    assert play("Run\n```bash\npip list\n```\nyourself.") == "Run\n\n  | pip list\n\nyourself.\n"


def test_an_empty_reply_shows_its_fault() -> None:
    assert play("") == f"{formats.EMPTY}\n"


def test_a_reply_that_is_cut_off_shows_its_text_and_its_fault() -> None:
    text = "Now:\n```python\nfor i in"
    shown = play(text, reply=Reply(text, finish="length"))
    assert shown == f"Now:\n\n  | for i in\n{formats.CUT_OFF}\n"


FRAGMENTS = ["word", " ", "  ", "\n", "\n\n", "- ", "1. ", "```python\n", "\n```\n", "```", "x = 1", "<execute>"]
FRAGMENTS += ["</execute>", "{", '"a": 1}', "|", "`a`", "<", "~~~", "\r\n", "é", "\u202e", "> "]


@given(st.sampled_from(["", "<think>why\nnot</think>", "\n<think>\n</think>\n"]), st.lists(st.sampled_from(FRAGMENTS)))
@example("", ["word", " ", "<execute>", "x = 1", "</execute>"])
def test_a_reply_looks_the_same_however_it_is_cut_into_pieces(reasoning: str, fragments: list[str]) -> None:
    text = "".join([reasoning, *fragments])
    assert on_screen(one_by_one(text)) == on_screen(play(text))


@given(st.text())
def test_no_control_character_of_a_reply_reaches_the_terminal(text: str) -> None:
    shown = play(text)
    assert not [char for char in shown if is_hidden(ord(char))]


def test_the_hidden_characters_of_a_hostile_reply_are_visible() -> None:
    tty = Tty()
    shown = on_screen(play("\x1b[2J\x1b]0;title\x07Hi\r\n```python\nx = 'a\u202eb'  # \u200b\n```", stream=tty))
    assert shown == ("⟦U+001B⟧[2J⟦U+001B⟧]0;title⟦U+0007⟧Hi\n\n  │ x = 'a⟦U+202E⟧b'  # ⟦U+200B⟧\n\n")
    assert not re.search(r"\x1b(?!\[[0-9;]*m)", tty.getvalue())


# -- while it is written -----------------------------------------------------------------------------------------------


def test_prose_is_shown_word_by_word_and_code_line_by_line(clock: Clock) -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    view.thinking(1)
    seen = []
    for piece in ["I a", "dd th", "em\n```py", "thon\nx = ", "1\ny", " = 2\n"]:
        clock.now += 1
        view.show(Delta(text=piece))
        seen.append(stream.getvalue())
    assert seen[0] == "I"
    assert seen[1] == "I add"
    assert seen[2] == "I add them\n"
    assert seen[3] == "I add them\n"
    assert seen[4] == "I add them\n\n  | x = 1\n"
    assert seen[5] == "I add them\n\n  | x = 1\n  | y = 2\n"


def test_there_are_at_most_twenty_updates_a_second(clock: Clock) -> None:
    writes = []

    class Counting(io.StringIO):
        def flush(self) -> None:
            writes.append(clock.now)

    view = TerminalView(Counting())
    view.thinking(1)
    for _ in range(1000):
        clock.now += 0.001
        view.show(Delta(text="word\n"))
    assert len({round(now, 4) for now in writes}) <= 20


def test_a_waiting_line_is_shown_after_a_second_and_disappears(clock: Clock) -> None:
    tty = Tty()
    view = TerminalView(tty)
    view.thinking(1)
    clock.now += 0.9
    view.show(Delta())
    assert tty.getvalue() == ""
    clock.now += 2
    view.show(Delta())
    assert on_screen(tty.getvalue()) == "thinking … 3 s"
    clock.now += 0.1
    view.show(Delta(text="Yes.\n"))
    assert on_screen(tty.getvalue()) == "Yes.\n"
    clock.now += 5
    view.show(Delta())
    assert on_screen(tty.getvalue()) == "Yes.\nwriting … 8 s"
    view.close()
    assert on_screen(tty.getvalue()) == "Yes.\n"


def test_no_waiting_line_is_shown_if_lines_cannot_be_replaced(clock: Clock) -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    view.thinking(1)
    clock.now += 9
    view.show(Delta())
    view.waiting("the local model is loading … 9 s")
    assert stream.getvalue() == ""


def test_a_waiting_line_is_shown_until_an_empty_one_comes() -> None:
    tty = Tty()
    view = TerminalView(tty)
    view.waiting("the local model is loading … 1 s")
    view.waiting("the local model is loading … 2 s")
    assert on_screen(tty.getvalue()) == "the local model is loading … 2 s"
    view.waiting("")
    assert on_screen(tty.getvalue()) == ""


def test_removing_no_waiting_line_leaves_other_output_alone() -> None:
    tty = Tty()
    view = TerminalView(tty)
    tty.write("printed by the code, without an end of line")
    view.waiting("")
    view.close()
    assert on_screen(tty.getvalue()) == "printed by the code, without an end of line"


def test_a_retry_is_announced_and_voids_the_reply_so_far(clock: Clock) -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    view.thinking(1)
    clock.now += 1
    view.show(Delta(text="Half a rep"))
    view.show(Delta(note="The reply broke off. Trying again in 0.5 s (1 of 3)."))
    clock.now += 1
    view.show(Delta(text="A whole reply."))
    view.proposed(1, formats.read(Reply("A whole reply.")))
    assert stream.getvalue() == ("Half a\n\nThe reply broke off. Trying again in 0.5 s (1 of 3).\nA whole reply.\n")


# -- reasoning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("play_it", [play, one_by_one])
def test_reasoning_is_folded_into_a_line(play_it: Callable[[str], str]) -> None:
    text = f"<think>I could\n```python\nrm()\n```\nbut no.</think>\n{FENCED}"
    assert on_screen(play_it(text)) == f"reasoning: 7 words\nI add them up.\n\n{SHOWN_CODE}\n"


def test_reasoning_in_a_field_of_its_own_is_folded_as_well(clock: Clock) -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    view.thinking(1)
    view.show(Delta(reasoning="one two "))
    view.show(Delta(reasoning="three"))
    clock.now += 1
    view.show(Delta(text="Yes.\n"))
    view.proposed(1, formats.read(Reply("Yes.\n", reasoning="one two three")))
    assert stream.getvalue() == "reasoning: 3 words\nYes.\n"


def test_reasoning_without_an_opening_tag_is_named_when_it_ends() -> None:
    shown = one_by_one("I could do it.\n</think>\nIt is 6.")
    assert shown == "I could do it.\n\nreasoning: 4 words\nIt is 6.\n"


def test_reasoning_that_begins_like_json_is_named_and_the_answer_is_shown_once() -> None:
    shown = one_by_one('{"plan": 1}\n</think>\nIt is\n6.')
    assert shown == "reasoning: 2 words\nIt is\n6.\n"


# -- styles ------------------------------------------------------------------------------------------------------------


def test_colours_go_to_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in play(FENCED)
    assert "\x1b[" in play(FENCED, stream=Tty())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in play(FENCED, stream=Tty())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in play(FENCED, stream=Tty())


def test_highlighting_changes_no_character() -> None:
    code = 'def f(x):\n    """Two\n    lines."""\n\n    return f"{x!r}"  # é\n\n%time f(1)\n!ls\nf("\\n", \'\t\')'
    shown = on_screen(play(f"```python\n{code}\n```", stream=Tty()))
    assert shown == "".join(f"  │ {line}\n" for line in code.split("\n")) + "\n"


def test_prose_is_wrapped_between_words_and_lists_are_indented() -> None:
    text = "- " + "word " * 20 + "\n| a table | " + "cell " * 20 + "|\n"
    lines = on_screen(play(text, stream=Tty())).split("\n")
    assert lines[0] == "- " + " ".join(["word"] * 11)
    assert lines[1] == "  " + " ".join(["word"] * 9)
    assert lines[2].startswith("| a table | cell") and lines[2].endswith("cell |")


def test_prose_is_not_wrapped_in_a_pipe() -> None:
    text = "word " * 40 + "end"
    assert play(text) == f"{text}\n"


def test_a_warning_stands_out() -> None:
    tty = Tty()
    TerminalView(tty).warn("Look twice: deletes data.csv.")
    assert tty.getvalue() == "\x1b[1;33mLook twice: deletes data.csv.\x1b[0m\n"


def test_edited_code_is_listed_like_proposed_code() -> None:
    stream = io.StringIO()
    TerminalView(stream).listing("x = 1\u202e\ny = 2")
    assert stream.getvalue() == "  | x = 1⟦U+202E⟧\n  | y = 2\n\n"


# -- steps and turns ---------------------------------------------------------------------------------------------------


def test_a_step_ends_in_one_line_below_its_output() -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    view.finished(1, step())
    assert stream.getvalue() == ("step 1 · approved · ran 0.3 s · model 1.2 s · 812 tokens in (700 cached), 45 out\n")


def test_output_that_does_not_end_its_line_gets_an_end_of_line() -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    output = {"output_type": "stream", "name": "stdout", "text": "no end"}
    stream.write("no end")
    view.finished(1, step(observation=Observation("ok", outputs=(output,))))
    assert stream.getvalue().startswith("no end\nstep 1 ")


def test_steps_are_set_apart_by_a_blank_line() -> None:
    stream = io.StringIO()
    view = TerminalView(stream)
    for number in (1, 2):
        view.thinking(number)
        view.proposed(number, formats.read(Reply(FENCED)))
        view.show(Delta(text=FENCED))
        view.finished(number, step())
    assert re.search(r"out\n\n[^\n]", stream.getvalue())
    assert "\n\n\n" not in stream.getvalue()


def test_an_answer_has_no_line_of_its_own() -> None:
    stream = io.StringIO()
    TerminalView(stream).finished(2, step(action=None, decision=None, observation=None, observation_message=""))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"decision": Decision("approve", CODE, by="policy auto")}, "approved by policy auto · ran 0.3 s"),
        ({"decision": Decision("edit", "1")}, "edited · ran 0.3 s"),
        (
            {"decision": Decision("reject", reason="too\nslow"), "observation": None},
            "rejected: too slow · model",
        ),
        ({"decision": Decision("stop"), "observation": None}, "stopped · model"),
        ({"observation": Observation("error", seconds=2.0)}, "approved · error · ran 2.0 s"),
        ({"observation": Observation("interrupted")}, "approved · interrupted · ran 0.0 s"),
        ({"decision": None, "observation": None}, "step 3 · not run: the same code again · model"),
        ({"action": None, "decision": None, "observation": None}, "step 3 · model 1.2 s"),
    ],
)
def test_the_line_of_a_step_says_how_it_went(changes: dict[str, object], expected: str) -> None:
    assert expected in captions.footer("step 3", step(**changes))


def test_the_line_of_a_turn_sums_up() -> None:
    turn = Turn("", steps=(step(), step()), seconds=3.456)
    assert captions.turn_line(turn) == "2 steps · 1,624 tokens in (1,400 cached), 90 out · 3.5 s"


def test_estimated_tokens_are_called_so() -> None:
    assert captions.tokens(Usage(1000, 0, 1, estimated=True)) == "about 1,000 tokens in, 1 out"


def test_numbered_lines_have_their_hidden_characters_visible() -> None:
    assert captions.numbered("a\n\u200bb") == "  1 a\n  2 ⟦U+200B⟧b"
