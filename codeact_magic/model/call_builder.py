"""Build tool calls from their deltas. Servers differ in how they tell which call a delta belongs to."""

from __future__ import annotations

import json
from typing import Any

from ..session import Json, ToolCall
from ..text import storable
from .content import merge

_KNOWN = ("index", "id", "type", "function")


class CallsBuilder:
    """Builds the tool calls of one reply."""

    def __init__(self) -> None:
        self._calls: list[_CallBuilder] = []

    def add(self, delta: Json) -> str:
        """Add a part of a call, and return the part of its arguments."""
        function = delta.get("function") or {}
        index = _number(delta.get("index"))
        id = str(delta.get("id") or "")
        call = self._call_of(index, id, str(function.get("name") or ""))
        return call.add(index, id, function, delta)

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the complete calls."""
        return tuple(call.tool_call(number) for number, call in enumerate(self._calls))

    def _call_of(self, index: int | None, id: str, name: str) -> _CallBuilder:
        """Return the call that a delta belongs to; a new one if it begins one.

        The id decides if there is one, then the index. What has neither goes on with the last call, unless it names a
        function and the last call is complete. A first delta without an index may get one with the next delta.
        """
        found = [call for call in self._calls if id and call.id == id]
        if not found and index is not None:
            found = [call for call in self._calls if call.index == index]
            if not found and not id and not name:
                found = [call for call in self._calls[-1:] if call.index is None]
        elif not found and not id:
            found = self._calls[-1:]
        if not found or found[-1].is_followed_by(id, name):
            found = [_CallBuilder(index)]
            self._calls += found
        return found[-1]


class _CallBuilder:
    """Builds one tool call."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self._name = ""
        self._arguments: list[str] = []
        self._extra: Json = {}

    def is_followed_by(self, id: str, name: str) -> bool:
        """Return whether a delta for this index begins another call: some servers number all calls 0."""
        if id and self.id:
            return id != self.id
        return bool(name and not id and self._is_complete())

    def add(self, index: int | None, id: str, function: Json, delta: Json) -> str:
        """Add a part of the call. Most servers send the arguments in parts, some at once, and some as an object."""
        self.index = index if self.index is None else self.index
        self.id = id or self.id
        self._name = str(function.get("name") or self._name)
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        self._arguments.append(storable(arguments))
        self._keep_extra(function, delta)
        return self._arguments[-1]

    def tool_call(self, number: int) -> ToolCall:
        """Return the complete call. If the server sent no id, `number` makes one."""
        extra = storable(json.dumps(self._extra, ensure_ascii=False)) if self._extra else ""
        return ToolCall(self.id or f"call-{number}", self._name, "".join(self._arguments), extra)

    def _keep_extra(self, function: Json, delta: Json) -> None:
        if len(delta) > len(_KNOWN) or not delta.keys() <= set(_KNOWN):
            merge(self._extra, {name: value for name, value in delta.items() if name not in _KNOWN})
        inner = {name: value for name, value in function.items() if name not in ("name", "arguments")}
        if inner:
            merge(self._extra, {"function": inner})

    def _is_complete(self) -> bool:
        text = "".join(self._arguments).strip()
        if not text.endswith("}"):
            return False
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return True


def _number(index: Any) -> int | None:
    """Return the index of a call: a number, or the text of one."""
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) < 9:
        return int(index)
    return index if isinstance(index, int) else None
