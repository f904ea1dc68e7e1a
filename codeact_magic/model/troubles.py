"""What can go wrong on the way to a reply, before anyone has judged what it means.

Trouble
├── Unusable     the client cannot be set up: the address, a proxy, a certificate
├── Unreachable  no answer: the connection was refused, reset or never made
├── BrokenOff    an answer that ended before its end
├── Silent       nothing came for too long
├── Refused      an HTTP status that is an error
├── Reported     an error in the middle of the stream
├── Garbage      an answer, but no chat completion
└── TooMuch      an answer that goes on and on
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Trouble(Exception):
    """Something went wrong."""


class Unusable(Trouble):
    """The client cannot be set up."""


class Unreachable(Trouble):
    """There was no answer."""


class BrokenOff(Trouble):
    """The answer ended before its end."""


class Silent(Trouble):
    """Nothing came for too long."""


class TooMuch(Trouble):
    """The answer is larger than any reply."""


class Garbage(Trouble):
    """The answer is no chat completion; the message quotes it."""


class Refused(Trouble):
    """The answer is an HTTP error; `headers` have lower-case names or none."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(status)
        self.status, self.headers, self.text = status, headers, text


class Reported(Trouble):
    """The stream holds an error: OpenAI's JSON for one, or a text."""

    def __init__(self, error: Any) -> None:
        super().__init__()
        self.error = error


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what led to it, the nearest first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
