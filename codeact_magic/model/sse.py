"""Decode what an endpoint sends, as it arrives, into OpenAI's chunks.

The rule is: what OpenAI's own client takes, this takes. Server-sent events come with any line ending, with or without a
byte order mark, and with their data on one line or on several. Some servers also send chunks as lines of JSON without
"data:", or answer with one JSON body although a stream was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..session import Json
from .error_details import is_error, reported_error
from .transport_errors import (
    MalformedReplyError,
    OversizedReplyError,
    StreamedError,
    TransportError,
    TruncatedReplyError,
)

LONGEST_LINE = 4_000_000  # bytes
QUOTED = 1000  # bytes of an unknown answer that an error quotes
_BOM = b"\xef\xbb\xbf"
_OTHER_FIELDS = (b"", b"id", b"retry")


class SseDecoder:
    """Decodes one stream. Its bytes may be split anywhere.

    `is_done` says that the endpoint ended the stream by its own syntax: with [DONE], or with the end of a JSON body.
    """

    def __init__(self) -> None:
        self.is_done = False
        self._rest = b""  # a line that is not complete yet
        self._at_start = True  # no line was read yet
        self._after_return = False  # the last byte was a carriage return, so a line feed belongs to it
        self._event = b""  # the name of the event that is being read
        self._data: list[bytes] = []  # lines of data that are not JSON by themselves
        self._body: list[bytes] = []  # lines of a JSON body
        self._body_size = 0
        self._unknown = b""  # data that is not a chunk
        self._has_chunks = False

    def chunks(self, data: bytes) -> Iterator[Json]:
        """Yield the chunks that `data` completes.

        Raises:
            MalformedReplyError: the data is not JSON.
            OversizedReplyError: a line does not end.
            StreamedError: the stream holds an error.
        """
        if b"\r" in data or self._after_return:
            data = self._with_line_feeds(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise OversizedReplyError
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[Json]:
        """Yield the chunks that the end of the stream completes. Raises as `chunks` does."""
        line = self._rest
        self._rest = b""
        if self._body or line.lstrip(_BOM + b" \t").startswith((b"{", b"[", b"error:")):
            yield from self._line(line)
        elif line:
            self._rest = line  # half an event
        if self._body:
            yield from self._json_body()
        elif self._data and not self._rest:
            yield from self._dispatch()

    def error_at_end(self) -> TransportError:
        """Return the error of a stream that ends here: it broke off, or it was never a stream of chunks."""
        for line in [*self._body, self._rest]:
            if not line.startswith(b"data"):
                self._keep_unknown(line)
        if self._has_chunks or not self._unknown.strip():
            return TruncatedReplyError()
        return MalformedReplyError(_text(self._unknown))

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes) -> Iterator[Json]:
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = not line.strip()
        if self._body:
            self._keep_body(line)
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            yield from self._data_line(value.strip())
        elif not line.strip():
            yield from self._dispatch()
        elif field == b"event":
            self._event = value.strip()
        elif field == b"error":  # some versions of llama.cpp
            raise StreamedError(_text(value.strip()))
        elif line.lstrip()[:1] in (b"{", b"["):
            yield from self._json_line(line)
        elif field not in _OTHER_FIELDS:
            self._keep_unknown(line)

    def _data_line(self, value: bytes) -> Iterator[Json]:
        """Yield the chunk of a line of data at once if it is one: not every server ends an event with a blank line."""
        if value == b"[DONE]":
            self.is_done = True
        elif self._data:
            self._data.append(value)
        elif value:
            try:
                chunk = json.loads(value)
            except (ValueError, RecursionError):
                self._data.append(value)
            else:
                yield from self._chunk(chunk, value)

    def _dispatch(self) -> Iterator[Json]:
        """Yield the chunk of an event that ends here, if its data is on several lines."""
        lines = self._data
        self._data = []
        if lines:
            value = b"\n".join(lines)
            try:
                chunk = json.loads(value)
            except (ValueError, RecursionError) as error:
                if self._event == b"error":
                    raise StreamedError(_text(value)) from None
                raise MalformedReplyError(_text(value)) from error
            yield from self._chunk(chunk, value)
        self._event = b""

    def _json_line(self, line: bytes) -> Iterator[Json]:
        """Yield the chunk of a line of JSON. A line that is not JSON by itself begins a body."""
        try:
            chunk = json.loads(line)
        except (ValueError, RecursionError):
            if self._has_chunks:
                self._keep_unknown(line)
            else:
                self._keep_body(line)
        else:
            self.is_done = self.is_done or _is_body(chunk)
            yield from self._chunk(chunk, line)

    def _keep_body(self, line: bytes) -> None:
        self._body.append(line)
        self._body_size += len(line)
        if self._body_size > LONGEST_LINE:
            raise OversizedReplyError

    def _json_body(self) -> Iterator[Json]:
        value = b"\n".join(self._body)
        try:
            chunk = json.loads(value)
        except (ValueError, RecursionError):
            return  # `error_at_end` quotes it
        self._body = []
        self.is_done = True
        yield from self._chunk(chunk, value)

    def _chunk(self, chunk: Any, value: bytes) -> Iterator[Json]:
        if isinstance(chunk, list) and len(chunk) == 1:  # Gemini puts its errors in a list
            chunk = chunk[0]
        if not isinstance(chunk, dict):
            self._keep_unknown(value)
        elif self._event == b"error" or is_error(chunk):
            raise StreamedError(reported_error(chunk))
        elif "choices" in chunk:
            self._has_chunks = True
            yield chunk
        else:
            self._keep_unknown(value)

    def _keep_unknown(self, line: bytes) -> None:
        self._unknown += line[: QUOTED - len(self._unknown)]


def _is_body(chunk: Any) -> bool:
    """Return whether a chunk is a whole completion: its choices have messages and not deltas."""
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    return isinstance(choices, list) and any(isinstance(choice, dict) and "message" in choice for choice in choices)


def _text(data: bytes) -> str:
    return data[:QUOTED].decode(errors="replace")
