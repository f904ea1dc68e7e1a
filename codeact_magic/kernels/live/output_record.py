"""The outputs of a run as nbformat outputs, within limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from ...session import Json
from ..sent.widgets import VIEW, model_of

# The limits of a record. The user is shown everything.
MOST_TEXT = 1_000_000  # characters of one stream output: half from its beginning, half from its end
MOST_OUTPUTS = 1_000  # displays, and runs of text on stdout or stderr; errors are always kept
MOST_RICH = 20_000_000  # characters of all displays together

LEFT_OUT = "\n... {count:,} characters were shown here, but are not kept ...\n"
MORE = "... more was shown, but is not kept ...\n"


class OutputRecord:
    """The outputs of one run, with all updates and clearings so far applied."""

    def __init__(self) -> None:
        self._shown: list[Json | StreamText] = []
        self._displays: dict[str, list[Json]] = {}
        self._clear_next = False
        self._room = MOST_RICH

    def outputs(self) -> list[Json]:
        """Return the outputs. Later writes do not change the stream outputs among them."""
        return [shown.output() if isinstance(shown, StreamText) else shown for shown in self._shown]

    def write(self, name: str, text: str) -> None:
        """Record `text`, which was written to the stream `name`."""
        last = self._shown[-1] if self._shown and not self._clear_next else None
        if not isinstance(last, StreamText) or last.name != name:
            last = self._add(StreamText(name))
        last.add(text)

    def display(self, data: Json, metadata: Json, display_id: str | None = None, update: bool = False) -> None:
        """Record a display. With `update`, replace the displays with that id instead."""
        bundle = self._bundle(data, metadata)
        if update:
            for shown in self._displays.get(display_id or "", ()):
                shown.update(bundle)
            return
        output = self._add({"output_type": "display_data", **bundle})
        if display_id:
            self._displays.setdefault(display_id, []).append(output)

    def result(self, data: Json, metadata: Json, count: int | None) -> None:
        """Record the value of an expression; `count` is the execution count."""
        result = {"output_type": "execute_result", "execution_count": count}
        self._add(result | self._bundle(data, metadata))

    def error(self, name: str, message: str, lines: Sequence[str]) -> None:
        """Record an error with its traceback, beyond all limits."""
        if self._clear_next:
            self._clear()
        self._shown.append({"output_type": "error", "ename": name, "evalue": message, "traceback": list(lines)})

    def widgets(self) -> list[str]:
        """Return the ids of the models of the widgets among the outputs."""
        return [model for output in self._shown if (model := _model(output))]

    def settle_widgets(self, texts: Mapping[str, str]) -> None:
        """Replace the widgets by their texts at the end; one without a text is gone. `texts`: model id -> text."""
        for output in list(self._shown):
            text = texts.get(_model(output))
            if text:
                assert isinstance(output, dict)
                output["data"] = {kind: value for kind, value in output["data"].items() if kind != VIEW}
                output["data"]["text/plain"] = text
            elif text is not None:
                self._shown.remove(output)

    def clear(self, wait: bool) -> None:
        """Drop all outputs, now or, with `wait`, before the next one."""
        self._clear_next = True
        if not wait:
            self._clear()

    def _add(self, output: Any) -> Any:
        if self._clear_next:
            self._clear()
        if len(self._shown) < MOST_OUTPUTS:
            self._shown.append(output)
        elif len(self._shown) == MOST_OUTPUTS:
            self._shown.append({"output_type": "stream", "name": "stdout", "text": MORE})
        return output

    def _clear(self) -> None:
        self._clear_next = False
        self._shown.clear()

    def _bundle(self, data: Json, metadata: Json) -> Json:
        """Return a display to keep; if there is no room left, only the beginning of its text."""
        kept = jsonable(data)
        self._room -= sum(len(value) for value in kept.values() if isinstance(value, str))
        if self._room < 0:
            kept = {"text/plain": f"{str(kept.get('text/plain', ''))[:1000]}\n{MORE}"}
        return {"data": kept, "metadata": jsonable(metadata)}


def _model(output: Any) -> str:
    return model_of(output.get("data")) if isinstance(output, dict) else ""


class StreamText:
    """Consecutive text of one stream, of which the beginning and the end are kept."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_size = self._tail_size = self._dropped = 0

    def add(self, text: str) -> None:
        """Append `text`."""
        room = MOST_TEXT // 2 - self._head_size
        if room > 0:
            self._head.append(text[:room])
            self._head_size += len(text[:room])
            text = text[room:]
        if text:
            self._add_to_tail(text)

    def _add_to_tail(self, text: str) -> None:
        most = MOST_TEXT // 2
        self._dropped += max(0, len(text) - most)
        self._tail.append(text[-most:])
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) >= most:
            dropped = len(self._tail.popleft())
            self._tail_size -= dropped
            self._dropped += dropped

    def output(self) -> Json:
        """Return the text as an nbformat output."""
        left_out = [LEFT_OUT.format(count=self._dropped)] if self._dropped else []
        return {"output_type": "stream", "name": self.name, "text": "".join(chain(self._head, left_out, self._tail))}


def jsonable(value: Any) -> Any:
    """Return MIME data as JSON: bytes become base64, as in the kernel's own messages."""
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
