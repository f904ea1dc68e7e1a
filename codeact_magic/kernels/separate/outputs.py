"""The outputs in a kernel's messages: shown and recorded, with every secret masked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ...secrets import Masker, Pieces
from ...session import Json
from ..live.output_record import OutputRecord

ShowOutput = Callable[[Json], None]


class KernelOutputs:
    """The outputs of one run, collected from messages of the iopub channel.

    Args:
        secrets: the strings to mask.
        lifted: what is shown although it has the form of a secret.
        show: receives each output as it comes: streams in pieces, updates as displays, and a cleared screen as
            `{"output_type": "clear_output"}`.
        hides: returns whether the error of that name is recorded, but not shown.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        show: ShowOutput,
        hides: Callable[[str], bool] = lambda name: False,
        lifted: Collection[str] = (),
    ) -> None:
        self.masker = Masker(secrets, lifted)
        self._show = show
        self._hides = hides
        self._record = OutputRecord()
        self._pieces: dict[str, Pieces] = {}  # by stream

    def take(self, kind: str, content: Any) -> None:
        """Handle a message; ignore one that shows nothing."""
        match kind:
            case "stream":
                self._write(str(content["name"]), str(content["text"]))
            case "display_data" | "update_display_data":
                self._display(content, kind == "update_display_data")
            case "execute_result":
                data, metadata = self._bundle(content)
                self._record.result(data, metadata, content.get("execution_count"))
                self._show({"output_type": kind, "data": data, "metadata": metadata})
            case "error":
                self.fail(content["ename"], content["evalue"], content["traceback"])
            case "clear_output":
                self._record.clear(bool(content.get("wait")))
                self._show({"output_type": kind})

    def fail(self, name: str, message: str, lines: Sequence[str] = ()) -> None:
        """Show and record an error."""
        name = self.masker.text(str(name))
        message = self.masker.text(str(message))
        lines = [self.masker.text(str(line)) for line in lines]
        self._record.error(name, message, lines)
        if not self._hides(name):
            self._show({"output_type": "error", "ename": name, "evalue": message, "traceback": lines})

    def widgets(self) -> list[str]:
        """Return the ids of the models of the widgets among the outputs."""
        return self._record.widgets()

    def finished(self, widgets: Mapping[str, str] | None = None) -> tuple[Json, ...]:
        """Return the outputs, after the last message; `widgets` are their texts at the end, by the ids of models."""
        self._record.settle_widgets({model: self.masker.text(text) for model, text in (widgets or {}).items()})
        for name, pieces in self._pieces.items():
            self._pass_on(name, pieces.add("", last=True))
        return tuple(self._record.outputs())

    def _write(self, name: str, text: str) -> None:
        pieces = self._pieces.setdefault(name, Pieces(self.masker))
        self._pass_on(name, pieces.add(text))

    def _pass_on(self, name: str, text: str) -> None:
        if text:
            self._record.write(name, text)
            self._show({"output_type": "stream", "name": name, "text": text})

    def _display(self, content: Any, update: bool) -> None:
        data, metadata = self._bundle(content)
        display_id = (content.get("transient") or {}).get("display_id")
        self._record.display(data, metadata, display_id, update)
        self._show({"output_type": "display_data", "data": data, "metadata": metadata})

    def _bundle(self, content: Any) -> tuple[Json, Json]:
        data = dict(content.get("data") or {})
        metadata = dict(content.get("metadata") or {})
        joined = {str(kind): _text(value) for kind, value in data.items()}
        return self.masker.all(joined), self.masker.all(metadata)


def _text(value: Any) -> Any:
    """Return a list of lines as one text, since a secret may span lines."""
    lines = isinstance(value, list) and value and all(isinstance(line, str) for line in value)
    return "".join(value) if lines else value
