"""The errors of a single request. `error_classifier` decides how each is worded for the user.

TransportError
├── ClientSetupError     the client cannot be set up: the address, a proxy, a certificate
├── UnreachableError     no answer: the connection was refused, reset or never made
├── TruncatedReplyError  the answer broke off
├── IdleTimeoutError     nothing arrived for too long
├── HttpStatusError      the HTTP status is an error
├── StreamedError        the endpoint reported an error within the stream
├── RefusedReplyError    the model refused to reply, and says so outside of the text
├── FilteredReplyError   a filter of the endpoint withheld the reply
├── FailedReplyError     the endpoint ended the reply with an error
├── TornReplyError       the endpoint ended the reply in an unknown way, and it is not complete
├── MalformedReplyError  the answer is not a chat completion
└── OversizedReplyError  the answer does not end
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class TransportError(Exception):
    """A request failed."""


class ClientSetupError(TransportError):
    """The client cannot be set up."""


class UnreachableError(TransportError):
    """There was no answer."""


class TruncatedReplyError(TransportError):
    """The answer broke off before it was complete."""


class IdleTimeoutError(TransportError):
    """Nothing arrived for too long."""


class RefusedReplyError(TransportError):
    """The model refused to reply; the message holds its words."""


class FilteredReplyError(TransportError):
    """A filter of the endpoint withheld the reply; the message is the finish_reason."""


class FailedReplyError(TransportError):
    """The endpoint ended the reply with an error; the message is the finish_reason."""


class TornReplyError(TransportError):
    """The reply ended in an unknown way and is not complete; the message is the finish_reason."""


class OversizedReplyError(TransportError):
    """The answer is larger than any reply can be."""


class MalformedReplyError(TransportError):
    """The answer is not a chat completion; the message quotes it."""


class HttpStatusError(TransportError):
    """The HTTP status of the answer is an error. Names in `headers` are in lower case, or matched without case."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.text = text


class StreamedError(TransportError):
    """The endpoint reported an error within the stream: in OpenAI's JSON, in other JSON, or as text."""

    def __init__(self, error: Any) -> None:
        super().__init__()
        self.error = error


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error`, then its cause, and so on back to the first one."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
