"""Secrets, and characters that UTF-8 cannot hold, are kept out of a session's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from math import isfinite
from typing import Any, get_args

from ...session import Format, Outcome, Status, Verdict
from ...text import mask, storable

# The words that sessions and outputs are made of give nothing away, even if somebody's key is one of them.
_WORDS = frozenset(
    [word for kind in (Format, Verdict, Status, Outcome) for word in get_args(kind)]
    + "output_type stream display_data execute_result execution_count metadata ename evalue traceback".split()
)
_SHORTEST_SECRET = 6  # a shorter one is a placeholder ("none", "EMPTY"): masking it would garble the code


def masking(secrets: Sequence[str]) -> Callable[[str], str]:
    """Return a function that makes a text storable, without `secrets`, neither as they are nor as JSON has them."""
    forms: set[str] = set()
    for secret in secrets:
        if len(real := secret.strip()) >= _SHORTEST_SECRET:
            forms |= {real, json.dumps(real)[1:-1], json.dumps(real, ensure_ascii=False)[1:-1]}
    longest_first = sorted(forms, key=len, reverse=True)  # one key may be the beginning of another

    def masked(text: str) -> str:
        return text if text in _WORDS else storable(mask(text, longest_first))

    return masked


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value of session.py with `change` made to all its texts.

    A value that JSON cannot hold becomes null, or a text.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return change(value)
        case float():
            return value if isfinite(value) else None
        case tuple():
            return tuple(map_texts(item, change) for item in value)
        case list():
            return [map_texts(item, change) for item in value]
        case dict():
            return {change(str(key)): map_texts(item, change) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{name: map_texts(item, change) for name, item in held.items()})
    return change(str(value))
