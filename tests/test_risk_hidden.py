"""What a reader of code cannot see is a finding: hidden characters, code out of sight, and look-alike names."""

# ruff: noqa: RUF001 (look-alike letters are part of the tests)

from __future__ import annotations

import pytest

from codeact_magic.risk import scan
from codeact_magic.risk.hidden import unseen

from .test_risk import badges_of


@pytest.mark.parametrize(
    ("code", "badge"),
    [
        ("x = 'a\u202eb'", "hidden characters: U+202E"),
        ("# a\u200bb\nx = '\u2066'", "hidden characters: U+200B, U+2066"),
        ("x = 1  # \x1b[2K", "hidden characters: U+001B"),
        ("# hello\rimport os", "hidden characters: U+000D"),
        ("x = 'a\u200db'", "hidden characters: U+200D"),
        ("x = '\U000e0041'", "hidden characters: U+E0041"),
        ("оs = 1", "look-alike name: оs"),
        ("pаth_x = 1", "look-alike name: pаth_x"),
        ("ｏｓ.getcwd()", "look-alike name: ｏｓ"),
        ("ﬁle = 1", "look-alike name: ﬁle"),
    ],
)
def test_hidden_characters_are_a_finding(code: str, badge: str) -> None:
    assert badge in badges_of(code)


FAR = " " * 400


@pytest.mark.parametrize(
    ("code", "badge"),
    [
        (f"x = 1{FAR}; y = 2", "code far to the right: ; y = 2"),
        ("x = 1" + "\t" * 50 + "; y = 2", "code far to the right: ; y = 2"),
        (f"x = 'a{FAR}'; y = 2", "code far to the right: '; y = 2"),
        ("x = 'a" + "\u2800" * 400 + "'; y = 2", "code far to the right: '; y = 2"),
        ("x = 'a" + "\u00a0" * 400 + "'; y = 2", "code far to the right: '; y = 2"),
        (f"x = '''{FAR}# '''; y = 2", "code far to the right: # '''; y = 2"),
        (f"if True:\n{FAR}y = 2", "code far to the right: y = 2"),
        (f"x = 1 \\\n{FAR}; y = 2", "code far to the right: ; y = 2"),
        ("x = 1" + "\n" * 401 + "y = 2", "code below 400 blank lines: y = 2"),
        ("\n" * 400 + "y = 2", "code below 400 blank lines: y = 2"),
        ("x = 1" + "\r\n \t" * 400 + "\ny = 2", "code below 400 blank lines: y = 2"),
        ("x = '''" + "\n" * 401 + "'''; y = 2", "code below 400 blank lines: '''; y = 2"),
    ],
    ids=lambda text: " ".join(text.split())[:30],
)
def test_code_out_of_sight_is_a_finding(code: str, badge: str) -> None:
    lines = code.splitlines()
    line = next(number for number, line in enumerate(lines, 1) if line.endswith(badge.split(": ", 1)[1]))
    found = [finding for finding in scan(code) if str(finding) == badge]
    assert [(finding.kind, finding.line) for finding in found] == [("hidden", line)]


@pytest.mark.parametrize(
    "code",
    [
        "x = 1" + " " * 60 + "# a comment, all the way over there",
        "y = call(first,\n" + " " * 60 + "second)",
        "def f():\n    return 1" + "\n" * 15 + "def g():\n    return 2",
        "x = 1" + "\n" * 500 + " " * 500,
    ],
    ids=["comment", "aligned", "gap", "end"],
)
def test_a_common_layout_is_not_a_finding(code: str) -> None:
    assert badges_of(code) == ()


@pytest.mark.parametrize(
    "part",
    [" ", "\n", "\t", " \n", "x" + " " * 50, "x\n" * 9 + "\n" * 30, " " * 50 + "#"],
    ids=lambda part: repr(part)[:12],
)
@pytest.mark.slow
def test_a_long_layout_has_few_findings(part: str) -> None:
    assert len(list(unseen(part * (1_000_000 // len(part)) + "x"))) <= 6


def test_a_name_in_other_letters_is_read_as_python_reads_it() -> None:
    assert "deletes x" in badges_of("𝐨𝐬.remove('x')")
