"""What a turn costs: where prices come from, and what is shown, saved and limited."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from codeact_magic.errors import UsageError
from codeact_magic.frontends.captions import money, tokens
from codeact_magic.model import OpenAIModel, Settings, prices
from codeact_magic.model.prices import Price
from codeact_magic.options import Options, environment
from codeact_magic.session import Reply, Session, Step, Turn, Usage
from codeact_magic.sessions.saving.from_notebook import from_notebook
from codeact_magic.sessions.saving.to_notebook import to_notebook
from codeact_magic.testing import FakeEndpoint, Raw, Say

from .shells import Shell, isolate, new_shell

STEP = "```python\nprint(1)\n```"
MILLION = Say(STEP, usage=(1_000_000, 400_000, 100_000))


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_listed", {})


def test_cached_tokens_have_a_price_of_their_own() -> None:
    assert Price(2, 0.5, 8).cost(Usage(1_000_000, 400_000, 100_000)) == pytest.approx(1.2 + 0.2 + 0.8)


@pytest.mark.parametrize(
    "model",
    [
        {"pricing": {"prompt": "0.000002", "completion": "0.000008", "input_cache_read": "0.0000005"}},  # OpenRouter
        {"pricing": {"hourly": 0, "input": 2, "cached_input": 0.5, "output": 8, "base": 0}},  # Together
        {
            "input_cost_per_token": 2e-6,
            "cache_read_input_token_cost": 5e-7,
            "output_cost_per_token": 8e-6,
        },  # LiteLLM
    ],
)
def test_prices_are_read_from_lists_of_models(model: Any) -> None:
    assert prices.listed(model) == pytest.approx(Price(2, 0.5, 8))


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"pricing": None},
        {"pricing": "free"},
        {"pricing": {"prompt": "-1", "completion": "-1"}},
        {"pricing": {"prompt": "?", "completion": "1"}},
        {"pricing": {"prompt": "nan", "completion": "inf"}},
        {"pricing": {"prompt": True, "completion": []}},
    ],
)
def test_what_is_no_price_is_not_known(model: Any) -> None:
    assert prices.listed(model) is None


def test_without_a_price_for_cached_tokens_they_cost_what_others_do() -> None:
    assert prices.listed({"pricing": {"prompt": 0.000002, "completion": 0}}) == pytest.approx(Price(2, 2, 0))


def test_the_users_prices_go_before_the_lists_and_the_lists_before_the_table() -> None:
    url = "http://127.0.0.1:1/v1"
    assert prices.price_of(url, "gpt-4o-2024-11-20") == Price(2.5, 1.25, 10)
    prices.remember(url, [{"id": "gpt-4o-2024-11-20", "pricing": {"input": 1, "output": 1}}, {"id": "free"}])
    assert prices.price_of(url, "gpt-4o-2024-11-20") == Price(1, 1, 1)
    assert prices.price_of(url, "gpt-4o-2024-11-20", Price(3, 3, 3)) == Price(3, 3, 3)
    assert prices.price_of(url, "free") is None
    assert prices.price_of("http://127.0.0.1:2/v1", "unknown") is None


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Usage(1, 0, 1, cost=0.5), Usage(1, 0, 1, cost=0.25), 0.75),
        (Usage(), Usage(1, 0, 1, cost=0.25), 0.25),
        (Usage(1, 0, 1, cost=0.25), Usage(), 0.25),
        (Usage(1, 0, 1), Usage(1, 0, 1, cost=0.25), None),
        (Usage(), Usage(), None),
    ],
)
def test_a_sum_has_a_cost_if_all_of_it_has(one: Usage, other: Usage, both: float | None) -> None:
    assert (one + other).cost == both


def test_a_cost_is_shown_if_it_is_known() -> None:
    assert tokens(Usage(812, 700, 45, True, 0.00214)) == "about 812 tokens in (700 cached), 45 out, $0.0021"
    assert tokens(Usage(812, 0, 45)) == "812 tokens in, 45 out"
    assert money(1234.5) == "$1,234.50"


def test_a_cost_is_saved_and_a_session_without_one_loads() -> None:
    reply = Reply("Done.", usage=Usage(10, 0, 5, cost=0.25))
    turn = Turn("go", steps=(Step(reply, thought="Done.", assistant_message="Done."),), outcome="answered")
    session = Session("abc", turns=(turn,))
    assert from_notebook(to_notebook(session)).usage.cost == 0.25
    free = replace(turn, steps=(replace(turn.steps[0], reply=replace(reply, usage=Usage(10, 0, 5))),))
    notebook = to_notebook(Session("abc", turns=(free,)))
    assert "cost" not in json.dumps(notebook)
    assert from_notebook(notebook).usage == Usage(10, 0, 5)


# -- options -----------------------------------------------------------------------------------------------------------


def test_prices_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEACT_PRICES", '{"m": [1, 0.5, 2]}')
    assert environment(()) == {"prices": {"m": [1, 0.5, 2]}}


@pytest.mark.parametrize(
    "text", ["1", "[1]", "{", '{"m": 1}', '{"m": [1, 2]}', '{"m": [1, 2, -3]}', '{"m": [1, 2, "3"]}']
)
def test_what_is_no_table_of_prices_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CODEACT_PRICES", text)
    with pytest.raises(UsageError, match="CODEACT_PRICES"):
        environment(())


def test_options_keep_their_prices() -> None:
    options = Options(prices={"m": (1, 0.5, 2)})
    assert Options(**options.by_name()).prices == {"m": (1, 0.5, 2)}


# -- in a notebook -----------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    isolate(monkeypatch, tmp_path)
    with new_shell() as ipython:
        ipython.run_line_magic("load_ext", "codeact_magic")
        yield Shell(ipython, capsys)


def take(shell: Shell, endpoint: FakeEndpoint, config: str) -> str:
    shell.run(f"%config CodeAct.approve = 'auto'\n%config CodeAct.max_tokens_per_turn = 0\n{config}")
    return shell.run(f"%%codeact -u {endpoint.base_url} -m fake-model\nGo").shown


PRICED = "%config CodeAct.prices = {'fake-model': (2, 0.5, 8)}"


def test_the_lines_below_step_and_turn_tell_the_cost(shell: Shell) -> None:
    with FakeEndpoint([MILLION, Say("Done.", usage=(1000, 0, 10))]) as endpoint:
        shown = take(shell, endpoint, PRICED)
    assert "1,000,000 tokens in (400,000 cached), 100,000 out, $2.20" in shown
    assert "2 steps · 1,001,000 tokens in (400,000 cached), 100,010 out, $2.20" in shown
    assert "$2.20" in shell.run("%codeact usage").shown
    assert "$2.20" in shell.run("%codeact").shown


def test_a_cost_that_is_not_known_is_told(shell: Shell) -> None:
    with FakeEndpoint(["Done."]) as endpoint:
        assert "$" not in take(shell, endpoint, "")
    assert shell.run("%codeact usage").shown.split("\n")[1].split()[-2] == "unknown"


def test_a_turn_ends_at_its_limit_of_cost(shell: Shell) -> None:
    with FakeEndpoint([MILLION] * 3) as endpoint:
        shown = take(shell, endpoint, f"{PRICED}\n%config CodeAct.max_cost_per_turn = 3.5")
        assert len(endpoint.requests) == 2
    assert "The turn reached its limit of $3.5." in shown
    assert "%config CodeAct.max_cost_per_turn = 7.0" in shown


def test_a_limit_of_cost_needs_prices(shell: Shell) -> None:
    with FakeEndpoint([MILLION] * 3) as endpoint:
        shown = take(shell, endpoint, "%config CodeAct.max_cost_per_turn = 3.5")
    assert "The prices of fake-model are not known, so the turn cannot be kept below $3.5" in shown
    assert "%config CodeAct.prices = " in shown


def test_a_limit_of_cost_takes_the_prices_of_the_list_of_models(shell: Shell) -> None:
    listing = {"data": [{"id": "fake-model", "pricing": {"prompt": "0.000002", "completion": "0.000008"}}]}
    with FakeEndpoint([MILLION] * 3) as endpoint:
        endpoint._listing = lambda: Raw(json.dumps(listing).encode(), content_type="application/json")  # type: ignore[method-assign]
        shown = take(shell, endpoint, "%config CodeAct.max_cost_per_turn = 3.5")
    assert "The turn reached its limit of $3.5." in shown
    assert "$2.80" in shown


def test_an_endpoint_without_a_list_has_no_prices() -> None:
    with FakeEndpoint(api_key="another") as endpoint:
        model = OpenAIModel(Settings(endpoint.base_url, "fake-model"))
        model.look_up_price()
        assert model.price is None
