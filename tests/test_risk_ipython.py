"""Every line that IPython would run is found, whatever Python makes of it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from codeact_magic.risk import Namespace, scan
from codeact_magic.risk.ipython_syntax import parse
from codeact_magic.risk.magics import is_magic

from .test_risk import badges_of, kinds


def test_a_string_that_looks_like_a_line_of_ipython_is_only_a_string() -> None:
    assert badges_of('x = """\n!not this\n"""\n!ls\ny = "%run that"') == ("shell: ls",)


def test_code_is_unreadable_if_a_line_within_a_string_was_taken_for_ipython() -> None:
    # To a tokenizer that does not know f-strings, the second line starts a statement; to Python it does not.
    assert "unreadable" in kinds("!ls\nx = f'''{f'''\n%who {exit()}\n'''}'''")


LINES_OF_CELLS = r"""
x = 1
!ls -la
!!ls
!ls \
%pip install x
    %cd y
%%bash
%%who
y = !ls
z = %who
if x:
    !rm x
    pass
s = '''
'''
s = 'a!b'
# !ls
df?
?df
x = (1,
2)
% b
\
  -la
f'{x}'
x = f'''
a = b % c
'it
d = {'a': 1,
}
/f x
,f a b
"""


@pytest.mark.slow
@given(st.lists(st.sampled_from(LINES_OF_CELLS.splitlines()), min_size=1, max_size=6).map("\n".join))
@settings(max_examples=500, deadline=None)
def test_every_line_that_ipython_would_run_is_found(cell: str) -> None:
    try:
        tree = ast.parse(TransformerManager().transform_cell(cell))  # type: ignore[no-untyped-call]
    except SyntaxError:
        return  # IPython does not run it
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    run = [call for call in calls if call.startswith("get_ipython().") and "'pinfo" not in call]
    try:
        _, commands = parse(cell, is_magic)
    except SyntaxError:
        return  # unreadable, which is a finding
    assert len([command for command in commands if "?" not in command.sign]) >= len(run)


def live(code: str, **user: object) -> set[str]:
    """Return the badges of code in a kernel whose user has given these names to values."""
    found = {name: {"is": "object", "name": "builtins.int"} for name in user}
    namespace = Namespace(
        user,
        describe=lambda mentioned: {
            "names": {name: found[name] for name in mentioned if name in found},
            "types": {},
            "sources": {},
            "unread": [],
        },
        transform=TransformerManager().transform_cell,  # type: ignore[no-untyped-call]
        magics=["rm", "ls", "sx", "time", "precision", "mine"],
    )
    return {str(finding) for finding in scan(code, namespace)}


@pytest.mark.parametrize(
    ("line", "badge"),
    [
        ("rm * victim", "deletes victim"),
        ("ls > files.txt", "shell: ls > files.txt"),
        ("sx > x", "shell: > x"),
        ("mine - x", "IPython: %mine - x"),
        ("precision {open('x', 'w')}", "IPython: %precision {open('x', 'w')}"),
        ("%config InlineBackend.rc = {}; open('a', 'w')", "IPython: %config InlineBackend.rc = {}; open('a', 'w')"),
        ("%config InlineBackend.x = __import__('os')", "IPython: %config InlineBackend.x = __import__('os')"),
    ],
)
def test_a_line_that_looks_like_python_is_a_magic_where_ipython_takes_it_for_one(line: str, badge: str) -> None:
    assert badge in live(line)


@pytest.mark.parametrize("line", ["rm = 3", "rm, x = 1, 2", "x = ls > 3", "rm * 2\nls", "time.sleep(0)"])
def test_a_line_that_ipython_takes_for_python_is_no_magic(line: str) -> None:
    assert live(line) == set()


def test_a_name_of_the_users_hides_a_magic() -> None:
    assert live("rm * 2", rm=3) == set()


def test_what_only_ipython_takes_for_a_line_of_its_own_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = Namespace(
        transform=lambda cell: "x = 1\nget_ipython().run_line_magic('time', 'exit()')\nget_ipython().system('ls')\n"
    )
    assert [str(finding) for finding in scan("x = 1", namespace)] == ["ends the kernel: exit", "shell: ls"]
