"""The administrator's cap: what it fixes, whatever the user has set, and which files count."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from codeact_magic import policy
from codeact_magic.errors import UsageError
from codeact_magic.options import Options
from codeact_magic.policy import Policy, files
from codeact_magic.policy.cap import LIMITS, parsed
from codeact_magic.testing import FakeEndpoint

from .shells import isolate, new_shell

STRICT = """\
max_approve = "ask"
endpoints = ["http://127.0.0.1:*", "local"]
models = ["fake-*"]
save_folder = "kept"
[limits]
max_steps = 2
max_tokens_per_turn = 1000
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the system's policy is in this test; its folder is the administrator's."""
    monkeypatch.setattr(files, "_PLACE", tmp_path / "policy.toml")
    monkeypatch.setattr(files, "OWNERS", (0, os.getuid()))
    monkeypatch.delenv(files.VARIABLE, raising=False)
    monkeypatch.setattr(files, "system_file", lambda: tmp_path / "policy.toml")
    return tmp_path / "policy.toml"


def nothing(line: str) -> None:
    """Expect nothing to be told."""
    raise AssertionError(line)


# -- files -------------------------------------------------------------------------------------------------------------


def test_without_a_file_all_is_allowed(place: Path) -> None:
    options = Options(approve="auto")
    assert policy.read(nothing).applied(options) == (options, {})


@pytest.mark.parametrize("mode", [0o666, 0o662])
def test_a_file_that_others_may_write_is_ignored_with_a_line(place: Path, mode: int) -> None:
    place.write_text(STRICT)
    place.chmod(mode)
    told: list[str] = []
    assert policy.read(told.append) == Policy()
    assert len(told) == 1 and "is ignored" in told[0]


def test_a_file_of_the_users_own_is_ignored(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write_text(STRICT)
    monkeypatch.setattr(files, "OWNERS", (os.getuid() + 1,))
    told: list[str] = []
    assert policy.read(told.append) == Policy()
    assert told


@pytest.mark.parametrize(
    "text",
    [
        "max_approve = 'never'",
        "max_approve = ",
        "models = 'x'",
        "limits = 3",
        "permissions = ['x']",
        "[limits]\nmodel = 3",
        "[limits]\nmax_steps = 0",
        "[limits]\nmax_steps = true",
        "save_folder = 1",
    ],
)
def test_a_file_that_cannot_be_used_allows_nothing(place: Path, text: str) -> None:
    place.write_text(text)
    with pytest.raises(UsageError, match="cannot be used"):
        policy.read(nothing)


def test_a_second_file_that_the_spawner_names_can_only_allow_less(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write_text("max_approve = 'risky'\nmodels = ['a', 'b']\n[limits]\nmax_steps = 5")
    other = place.with_name("other.toml")
    monkeypatch.setenv(files.VARIABLE, str(other))
    with pytest.raises(UsageError, match="does not exist"):
        policy.read(nothing)
    other.write_text("max_approve = 'auto'\nmodels = ['b', 'c']\n[limits]\nmax_steps = 9\nmax_repeats = 1")
    both = policy.read(nothing)
    assert (both.max_approve, both.models, both.limits) == ("risky", ("b",), {"max_steps": 5, "max_repeats": 1})
    assert str(place) in both.source and str(other) in both.source


# -- options -----------------------------------------------------------------------------------------------------------


def test_every_limit_is_an_option_and_no_limit_is_clamped() -> None:
    cap = parsed({"limits": dict.fromkeys(LIMITS, 1000)}, "file")
    options = Options(
        **{name: 0 for name in LIMITS if name not in ("max_steps", "max_repeats", "timeout", "max_output")}
    )
    _, changed = cap.applied(options)
    unlimited = {
        "max_tokens_per_turn",
        "max_cost_per_turn",
        "max_tokens",
        "context_tokens",
        "action_timeout",
        "max_saved_output",
    }
    assert unlimited <= set(changed)
    assert "retries" not in changed and "max_summary" not in changed


@pytest.mark.parametrize("name", ["model", "max_tokens", "max_completion_tokens", "messages"])
def test_further_parameters_of_a_request_replace_no_option(name: str) -> None:
    with pytest.raises(TraitError, match=f"extra_body cannot set {name}"):
        Options(extra_body={name: "x"})


@pytest.mark.parametrize(("set_to", "most", "now"), [("auto", "risky", "risky"), ("ask", "risky", "ask")])
def test_the_mode_never_asks_less_than_the_administrator_wants(set_to: str, most: str, now: str) -> None:
    options, _ = parsed({"max_approve": most}, "file").applied(Options(approve=set_to))
    assert options.approve == now


@pytest.fixture
def user(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Return what runs a cell of a user's, who has an endpoint that is allowed."""
    place.write_text(STRICT)
    isolate(monkeypatch, tmp_path)
    with FakeEndpoint(default="Done.") as endpoint, new_shell() as shell:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        monkeypatch.setenv("CODEACT_MODEL", "fake-model")
        shell.run_line_magic("load_ext", "codeact_magic")
        yield lambda cell: shell.run_cell(cell, store_history=True)


@pytest.mark.parametrize(
    "cell", ["%%codeact --approve auto\ngo", "%config CodeAct.approve = 'auto'", "%config CodeAct.max_steps = 50"]
)
def test_no_way_to_set_an_option_loosens_the_cap(
    cell: str, user: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    user(cell)
    if "config" in cell:
        user("%codeact status")
    assert policy.LIMITED in capsys.readouterr().out
    user("%codeact status")
    shown = capsys.readouterr().out
    assert "Limited by your administrator" in shown and "max_approve: ask" in shown


@pytest.mark.parametrize("line", ["--base-url http://127.0.0.2:9/v1", "--model other"])
def test_another_endpoint_or_model_is_refused(
    line: str, place: Path, user: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_text(STRICT.replace('"ask"', '"auto"'))
    user(f"%%codeact --approve auto {line}\ngo")
    captured = capsys.readouterr()
    assert "is not allowed: limited by your administrator" in captured.out + captured.err
