"""What a run showed, as nbformat outputs, within limits; filled while it is shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Any

from ...session import Json
from ...text import mask

# What a record keeps; all of it is shown.
MOST_TEXT = 1_000_000  # characters of one stream output: half of them from its beginning, half from its end
MOST_OUTPUTS = 1_000  # displays and stretches of stdout or stderr; errors are kept beyond that
MOST_RICH = 20_000_000  # characters of all displays together

LEFT_OUT = "\n... {count:,} characters were shown here, but are not kept ...\n"
MORE = "... more was shown, but is not kept ...\n"


class Record:
    """The outputs of one run, as they are when all updates and clearings that came so far are carried out."""

    def __init__(self) -> None:
        self._shown: list[Json | Text] = []
        self._displays: dict[str, list[Json]] = {}
        self._clear_next = False
        self._room = MOST_RICH

    def outputs(self) -> list[Json]:
        """Return the outputs; what comes later does not change those of streams."""
        return [shown.output() if isinstance(shown, Text) else shown for shown in self._shown]

    def write(self, name: str, text: str) -> None:
        """Take `text`, which was written to the stream `name`."""
        last = self._shown[-1] if self._shown and not self._clear_next else None
        if not isinstance(last, Text) or last.name != name:
            last = self._add(Text(name))
        last.add(text)

    def display(self, data: Json, metadata: Json, display_id: str | None = None, update: bool = False) -> None:
        """Take a display, or what takes the place of the displays of that id."""
        bundle = self._bundle(data, metadata)
        if update:
            for shown in self._displays.get(display_id or "", ()):
                shown.update(bundle)
            return
        output = self._add({"output_type": "display_data", **bundle})
        if display_id:
            self._displays.setdefault(display_id, []).append(output)

    def result(self, data: Json, metadata: Json, count: int | None) -> None:
        """Take the value of an expression."""
        result = {"output_type": "execute_result", "execution_count": count}
        self._add(result | self._bundle(data, metadata))

    def error(self, name: str, message: str, lines: Sequence[str]) -> None:
        """Take an error with its traceback: it is kept whatever the limits."""
        if self._clear_next:
            self._clear()
        self._shown.append({"output_type": "error", "ename": name, "evalue": message, "traceback": list(lines)})

    def clear(self, wait: bool) -> None:
        """Forget what there is, now or when more comes."""
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
        """Return a display as it is kept: without what is too large where there is no room left."""
        kept = jsonable(data)
        self._room -= sum(len(value) for value in kept.values() if isinstance(value, str))
        if self._room < 0:
            kept = {"text/plain": f"{str(kept.get('text/plain', ''))[:1000]}\n{MORE}"}
        return {"data": kept, "metadata": jsonable(metadata)}


class Text:
    """A stretch of one stream: the beginning and the end of it."""

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
        """Return the stretch as an nbformat output."""
        left_out = [LEFT_OUT.format(count=self._dropped)] if self._dropped else []
        return {"output_type": "stream", "name": self.name, "text": "".join(chain(self._head, left_out, self._tail))}


def begun(text: str, secret: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `secret`."""
    if not text or text[-1] not in secret:
        return 0
    sizes = range(min(len(text), len(secret) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(secret[:size])), 0)


def masked(value: Any, secrets: Sequence[str]) -> Any:
    """Return MIME data in which no secret shows, however deep it lies."""
    if not secrets:
        return value
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {masked(key, secrets): masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if all(isinstance(line, str) for line in value) and (whole := "".join(value)) != (
            hidden := mask(whole, secrets)
        ):
            return [hidden]  # a text that was cut into lines
        return [masked(item, secrets) for item in value]
    return value


def jsonable(value: Any) -> Any:
    """Return MIME data as JSON can hold it: bytes as base64, as the kernel itself sends them."""
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
