"""Requests as JSON: what was sent before is kept as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.model import encoding
from codeact_magic.model.encoding import BodyEncoder
from codeact_magic.session import Json

MESSAGES: list[Json] = [
    {"role": "system", "content": "Rules."},
    {"role": "user", "content": 'Größe? "42"\n'},
    {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
]


@given(st.lists(st.lists(st.sampled_from(MESSAGES))), st.sampled_from(["messages", "input"]))
def test_a_request_is_the_same_json_whatever_was_sent_before(requests: list[list[Json]], field: str) -> None:
    encoder = BodyEncoder()
    for messages in requests:
        for body in ({"model": "m", field: messages}, {field: messages}):
            assert json.loads(encoder.encode(body, field)) == body


def test_a_request_begins_with_the_bytes_of_the_one_before_it() -> None:
    encoder = BodyEncoder()
    first = encoder.encode({"model": "m", "messages": MESSAGES[:2]})
    copies = [dict(message) for message in MESSAGES]
    assert encoder.encode({"model": "m", "messages": copies}).startswith(first.removesuffix(b"]}") + b",")


def test_messages_that_were_sent_are_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Any] = []
    dumps = json.dumps
    monkeypatch.setattr(encoding.json, "dumps", lambda value, **how: encoded.append(value) or dumps(value, **how))  # type: ignore[attr-defined, func-returns-value]
    encoder = BodyEncoder()
    encoder.encode({"messages": MESSAGES[:2]})
    encoded.clear()
    encoder.encode({"messages": MESSAGES})
    assert [value for value in encoded if value in MESSAGES] == MESSAGES[2:]
