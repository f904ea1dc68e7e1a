"""Decode server-sent events, as they arrive, into OpenAI's chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..session import Json
from .transport_errors import (
    MalformedReplyError,
    OversizedReplyError,
    StreamedError,
    TransportError,
    TruncatedReplyError,
)

LONGEST_LINE = 4_000_000  # bytes
QUOTED = 1000  # bytes of an unknown answer that an error quotes
_OTHER_FIELDS = (b"", b"event", b"id", b"retry")


class SseDecoder:
    """Decodes one stream. Its bytes may be split anywhere."""

    def __init__(self) -> None:
        self._rest = b""  # a line that is not complete yet
        self._unknown = b""  # data that is not a chunk
        self._has_chunks = False

    def chunks(self, data: bytes) -> Iterator[Json]:
        """Yield the chunks that `data` completes.

        Raises:
            MalformedReplyError: the data is not JSON.
            OversizedReplyError: a line does not end.
            StreamedError: the stream holds an error.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise OversizedReplyError
        for line in lines:
            field, _, value = line.partition(b":")
            if field == b"data":
                yield from self._chunk(value.strip())
            elif field == b"error":  # some versions of llama.cpp
                raise StreamedError(_text(value.strip()))
            elif field not in _OTHER_FIELDS:
                self._keep_unknown(line)

    def error_at_end(self) -> TransportError:
        """Return the error of a stream that ends here: it broke off, or it was never a stream of chunks."""
        if not self._rest.startswith(b"data"):
            self._keep_unknown(self._rest)
        if self._has_chunks or not self._unknown.strip():
            return TruncatedReplyError()
        return MalformedReplyError(_text(self._unknown))

    def _chunk(self, value: bytes) -> Iterator[Json]:
        if value == b"[DONE]":
            return
        try:
            chunk = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise MalformedReplyError(_text(value)) from error
        if not isinstance(chunk, dict):
            self._keep_unknown(value)
        elif chunk.get("error") or chunk.get("object") == "error":
            raise StreamedError(chunk.get("error") or chunk)
        elif "choices" in chunk:
            self._has_chunks = True
            yield chunk
        else:
            self._keep_unknown(value)

    def _keep_unknown(self, line: bytes) -> None:
        self._unknown += line[: QUOTED - len(self._unknown)]


def _text(data: bytes) -> str:
    return data[:QUOTED].decode(errors="replace")
