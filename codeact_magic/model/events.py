"""Server-sent events, read as they come: from bytes to OpenAI's chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..session import Json
from .troubles import BrokenOff, Garbage, Reported, TooMuch, Trouble

LONGEST_LINE = 4_000_000  # bytes
QUOTED = 1000  # bytes of what is not understood
_OTHER_FIELDS = (b"", b"event", b"id", b"retry")


class Events:
    """The events of one stream, whose bytes may be split anywhere."""

    def __init__(self) -> None:
        self._rest = b""  # of a line whose end has not come
        self._strange = b""  # what came and is no chunk
        self._understood = False

    def chunks(self, data: bytes) -> Iterator[Json]:
        """Yield the chunks that `data` completes. Raises Garbage, Reported, TooMuch."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise TooMuch
        for line in lines:
            field, _, value = line.partition(b":")
            if field == b"data":
                yield from self._chunk(value.strip())
            elif field == b"error":  # so llama.cpp has put it
                raise Reported(_text(value.strip()))
            elif field not in _OTHER_FIELDS:
                self._note(line)

    def unfinished(self) -> Trouble:
        """Return what the stream is, if it ends here: broken off, or no stream of chunks at all."""
        if not self._rest.startswith(b"data"):
            self._note(self._rest)
        if self._understood or not self._strange.strip():
            return BrokenOff()
        return Garbage(_text(self._strange))

    def _chunk(self, value: bytes) -> Iterator[Json]:
        if value == b"[DONE]":
            return
        try:
            chunk = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Garbage(_text(value)) from error
        if not isinstance(chunk, dict):
            self._note(value)
        elif chunk.get("error") or chunk.get("object") == "error":
            raise Reported(chunk.get("error") or chunk)
        elif "choices" in chunk:
            self._understood = True
            yield chunk
        else:
            self._note(value)

    def _note(self, line: bytes) -> None:
        self._strange += line[: QUOTED - len(self._strange)]


def _text(data: bytes) -> str:
    return data[:QUOTED].decode(errors="replace")
