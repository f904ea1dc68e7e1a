"""What tokens cost: as the user says, as the endpoint's list of models says, or by a small table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..session import Json, Usage

MILLION = 1_000_000


class Price(NamedTuple):
    """Dollars for a million tokens: read, read from the endpoint's cache, and written."""

    input: float
    cached: float
    output: float

    def cost(self, usage: Usage) -> float:
        """Return the cost of `usage` in dollars."""
        new = max(0, usage.prompt - usage.cached)
        dollars = new * self.input + usage.cached * self.cached + usage.completion * self.output
        return dollars / MILLION


# List prices of the providers themselves, in dollars for a million tokens. They change: `prices` goes before them.
TABLE: Mapping[str, Sequence[float]] = {
    "gpt-4o": (2.5, 1.25, 10),
    "gpt-4o-mini": (0.15, 0.075, 0.6),
    "gpt-4.1": (2, 0.5, 8),
    "gpt-4.1-mini": (0.4, 0.1, 1.6),
    "gpt-4.1-nano": (0.1, 0.025, 0.4),
    "o3": (2, 0.5, 8),
    "o4-mini": (1.1, 0.275, 4.4),
    "gpt-5": (1.25, 0.125, 10),
    "gpt-5-mini": (0.25, 0.025, 2),
    "gpt-5-nano": (0.05, 0.005, 0.4),
    "claude-haiku-4-5": (1, 0.1, 5),
    "claude-sonnet-4-5": (3, 0.3, 15),
    "gemini-2.5-flash": (0.3, 0.03, 2.5),
    "gemini-2.5-pro": (1.25, 0.125, 10),
}

# By endpoint, for the life of the process: the prices in its list of models.
_listed: dict[str, dict[str, Price]] = {}


def given(table: Mapping[str, Sequence[float]], model: str) -> Price | None:
    """Return the price of `model` in a table, whose keys may leave out the date at the end of a name."""
    for name in (model, re.sub(r"-\d{4}-?\d\d-?\d\d$", "", model)):
        if name in table:
            return Price(*map(float, table[name]))
    return None


def remember(endpoint: str, models: Iterable[Json]) -> None:
    """Remember the prices in the list of models of `endpoint`."""
    prices = {str(model["id"]): price for model in models if (price := listed(model))}
    _listed.setdefault(endpoint, {}).update(prices)


def price_of(endpoint: str, model: str, own: Price | None = None) -> Price | None:
    """Return the price of `model`: `own` is the user's; None if it is not known."""
    return own or _listed.get(endpoint, {}).get(model) or given(TABLE, model)


def with_cost(usage: Usage, price: Price | None) -> Usage:
    """Return `usage` with its cost, unless the endpoint has told it, or the price is not known."""
    return usage if usage.cost is not None or price is None else replace(usage, cost=price.cost(usage))


def listed(model: Json) -> Price | None:
    """Return the price of a model as an endpoint lists it; None if it does not, or not so that it can be read.

    OpenRouter gives dollars for a token, as texts; Together for a million; LiteLLM for a token, by names of its own.
    """
    pricing = model.get("pricing")
    if isinstance(pricing, dict) and "prompt" in pricing:
        return _price(pricing, ("prompt", "input_cache_read", "completion"), MILLION)
    if isinstance(pricing, dict):
        return _price(pricing, ("input", "cached_input", "output"), 1)
    names = ("input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token")
    return _price(model, names, MILLION)


def _price(table: Json, names: tuple[str, str, str], unit: float) -> Price | None:
    input, cached, output = (_dollars(table.get(name)) for name in names)
    if input is None or output is None:
        return None
    return Price(input * unit, (input if cached is None else cached) * unit, output * unit)


def _dollars(value: Any) -> float | None:
    """Return a price as a number; None if it is none, such as the -1 of a model that chooses another one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
