"""Only a page that the user admitted decides."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from codeact_magic.frontends.control_channel import ControlChannel
from codeact_magic.frontends.pages import CALL_PATIENCE, Pages, RefusedRequestError
from codeact_magic.session import Json

from .signing import SigningPage

MINE, OTHER = SigningPage("mine0001", b"m" * 32), SigningPage("other001", b"o" * 32)


class Kernel:
    """The pages of a kernel, the calls that they get, and a clock."""

    def __init__(self) -> None:
        self.calls: list[Json] = []
        self.now = 100.0
        self.pages = Pages(self.calls.append, lambda: self.now)

    def greet(self, page: SigningPage) -> str:
        """Have a page say hello, and return why it is refused ("" if it is admitted)."""
        hello = page.hello()
        try:
            self.pages.greet(hello["page"], hello["key"])
        except RefusedRequestError as refused:
            return refused.reason
        return ""

    def read(self, by: SigningPage, **changes: Any) -> Any:
        """Return what a page has signed, as the kernel reads it, or why it is refused."""
        signed = by.signed({"op": "say", "text": "é \ud800"}) | changes
        try:
            return self.pages.opened(signed["page"], signed["text"], signed["proof"])
        except RefusedRequestError as refused:
            return refused.reason


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def test_the_first_page_is_admitted_and_no_other(kernel: Kernel) -> None:
    assert kernel.greet(MINE) == kernel.greet(MINE) == ""
    assert kernel.greet(OTHER) == "stranger"
    assert kernel.read(MINE) == {"op": "say", "text": "é \ud800"}
    assert kernel.read(OTHER) == "stranger"


def test_what_is_not_signed_with_the_key_of_its_page_is_refused(kernel: Kernel) -> None:
    kernel.greet(MINE)
    for changes in ({"proof": ""}, {"proof": "é"}, {"text": '{"op": "say"}'}, {"proof": "0" * 64}):
        assert kernel.read(MINE, **changes) == "unproven"
    assert kernel.read(SigningPage(MINE.page, b"x" * 32)) == "unproven"
    assert kernel.read(OTHER, page=MINE.page) == "unproven"


def test_nobody_takes_the_id_of_a_page(kernel: Kernel) -> None:
    kernel.greet(MINE)
    assert kernel.greet(SigningPage(MINE.page, b"x" * 32)) == "malformed"
    assert kernel.read(MINE)["op"] == "say"


@pytest.mark.parametrize("changes", [{"key": "00"}, {"key": "x" * 64}, {"page": ""}, {"page": "a b c d e f"}])
def test_a_page_needs_an_id_and_a_key(kernel: Kernel, changes: dict[str, str]) -> None:
    hello = MINE.hello() | changes
    with pytest.raises(RefusedRequestError):
        kernel.pages.greet(hello["page"], hello["key"])
    assert kernel.greet(OTHER) == ""


def test_another_page_is_admitted_by_the_code_that_both_show(kernel: Kernel) -> None:
    kernel.greet(MINE)
    kernel.greet(OTHER)
    (call,) = kernel.calls
    assert call["page"] == OTHER.page
    for page, code in ((OTHER.page, "????"), ("nobody01", call["code"]), ("nobody01", "")):
        with pytest.raises(RefusedRequestError):
            kernel.pages.admit(page, code)
    kernel.pages.admit(OTHER.page, call["code"])
    assert kernel.read(OTHER)["op"] == kernel.read(MINE)["op"] == "say"
    assert kernel.greet(OTHER) == ""


def test_a_page_that_answers_keeps_its_place(kernel: Kernel) -> None:
    kernel.greet(MINE)
    kernel.greet(OTHER)
    kernel.pages.here("another call")
    kernel.pages.here(kernel.calls[0]["call"])
    kernel.now += 2 * CALL_PATIENCE
    assert kernel.greet(OTHER) == "stranger"
    assert kernel.read(MINE)["op"] == "say"


def test_a_page_that_is_gone_makes_room_for_the_next(kernel: Kernel) -> None:
    kernel.greet(MINE)
    assert kernel.greet(OTHER) == "stranger"
    kernel.now += CALL_PATIENCE / 2
    assert kernel.greet(OTHER) == "stranger"
    kernel.now += CALL_PATIENCE
    assert kernel.greet(OTHER) == ""
    assert kernel.read(OTHER)["op"] == "say"
    assert kernel.read(MINE) == "stranger"


def test_a_page_that_is_left_makes_room_at_once(kernel: Kernel) -> None:
    kernel.greet(MINE)
    assert kernel.greet(OTHER) == "stranger"
    kernel.pages.leave(MINE.page)
    assert kernel.read(MINE) != {"op": "say", "text": "é \ud800"}
    assert kernel.greet(OTHER) == ""
    assert kernel.greet(MINE) == "stranger"


def test_many_strangers_are_called_for_once(kernel: Kernel) -> None:
    kernel.greet(MINE)
    for number in range(100):
        assert kernel.greet(SigningPage(f"stranger{number}")) == "stranger"
    assert len(kernel.calls) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"op": "decide", "id": "a-1", "decision": "approve", "code": "x"},
        {"op": "say", "text": "do it"},
        {"op": "here", "call": ""},
        {"op": "admit", "page": OTHER.page, "code": ""},
    ],
)
def test_what_needs_a_proof_is_refused_without_one(content: Json) -> None:
    channel = ControlChannel(interrupt=lambda: None)
    channel.begin("main", 1, "count", 20)
    channel.answer(MINE.hello())
    assert channel.answer(content)["reason"] == "unproven"
    assert channel.answer(OTHER.signed(content))["reason"] == "stranger"


@pytest.mark.parametrize("content", [{"op": "state"}, {"op": "signed"}, [], None, {"op": "hello"}])
def test_only_what_needs_a_proof_may_be_signed(content: Any) -> None:
    channel = ControlChannel()
    channel.answer(MINE.hello())
    signed = MINE.signed({"op": "say", "text": "x"})

    text = json.dumps(content)
    proof = hmac.new(b"m" * 32, text.encode(), hashlib.sha256).hexdigest()
    assert channel.answer(signed | {"text": text, "proof": proof})["reason"] == "malformed"
