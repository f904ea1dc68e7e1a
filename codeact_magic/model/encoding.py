"""Write requests as JSON. The messages that were sent before are kept as bytes, and the new ones appended to them."""

from __future__ import annotations

import json
from typing import Any

from ..session import Json


class BodyEncoder:
    """Encodes the requests of one conversation after the other.

    A request mostly begins with all the messages of the one before it, so only what is new takes time. `field` is the
    name of the list that grows: "messages", or "input" of the Responses API.
    """

    def __init__(self) -> None:
        self._field = ""
        self._items: list[Any] = []
        self._ends: list[int] = []  # where each item ends in the bytes
        self._bytes = bytearray()

    def encode(self, body: Json, field: str = "messages") -> bytes:
        """Return `body` as JSON, with the list `field` at its end."""
        if field != self._field:
            self._field = field
            self._forget(0)
        self._append(body[field])
        rest = json.dumps({name: value for name, value in body.items() if name != field}, separators=(",", ":"))
        head = f"{rest[:-1]}{',' if len(rest) > 2 else ''}{json.dumps(field)}:["
        return b"".join((head.encode(), self._bytes, b"]}"))

    def _append(self, items: list[Any]) -> None:
        self._forget(self._count_of_same(items))
        for item in items[len(self._items) :]:
            if self._items:
                self._bytes += b","
            self._bytes += json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
            self._items.append(item)
            self._ends.append(len(self._bytes))

    def _count_of_same(self, items: list[Any]) -> int:
        """Return how many items at the beginning are those that were encoded last."""
        count = min(len(items), len(self._items))
        if self._items[:count] == items[:count]:  # compares by identity first, and so takes microseconds
            return count
        return next(index for index in range(count) if self._items[index] != items[index])

    def _forget(self, kept: int) -> None:
        """Forget all but the first `kept` items."""
        del self._items[kept:], self._ends[kept:]
        del self._bytes[self._ends[-1] if self._ends else 0 :]
