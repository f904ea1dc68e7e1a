"""The front end of the command line: a terminal, whose agent runs its actions in a separate kernel."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from ..context import words
from ..errors import UsageError
from ..frontends import stdin
from ..frontends.advice import Advice
from ..frontends.front_end import Capabilities
from ..frontends.screen import Screen
from ..frontends.terminal import TerminalView
from ..kernels.separate import KernelExecutor
from ..session import Json
from ..text import plain, visible

NO_NOTEBOOK = "There is no notebook here to put cells into: use %codeact insert FILE in one."


def has_user() -> bool:
    """Return whether there is a user who can be asked."""
    return sys.stdin.isatty()


class ConsoleFrontEnd:
    """A terminal, which also prints the outputs of `interpreter` and answers its questions.

    Args:
        interpreter: runs the actions in a separate kernel.
        advice: names the commands and options: those of a chat, or of a command in a shell.
        to_stderr: standard output is kept for the answer; everything else goes to standard error.
    """

    def __init__(self, interpreter: KernelExecutor, advice: Advice, *, to_stderr: bool = False) -> None:
        self.advice = advice
        self._to_stderr = to_stderr
        self._view = self._new_view()
        interpreter.show = OutputPrinter(self._stream)
        interpreter.tell = lambda line: self._view.tell(line)
        interpreter.ask = self._answer if self._asker() else None

    def capabilities(self) -> Capabilities:
        """Return the capabilities for the next turn."""
        self._view = self._new_view()
        return Capabilities(
            self._view,
            ask=self._asker(),
            edit=stdin.editor(None) if sys.stdout.isatty() else None,
        )

    def insert(self, cells: Sequence[Json], inserted: str, otherwise: str) -> None:
        """Raise UsageError: there is no notebook."""
        raise UsageError(NO_NOTEBOOK)

    def _new_view(self) -> TerminalView:
        return TerminalView(self._stream())

    def _asker(self) -> Callable[[str], str] | None:
        if not has_user():
            return None
        return _ask_on_stderr if self._to_stderr else stdin.asker(None)

    def _stream(self) -> TextIO:
        return sys.stderr if self._to_stderr else sys.stdout

    def _answer(self, question: str, hidden: bool) -> str:
        """Return the user's answer to a question that an action asks."""
        if hidden:
            from getpass import getpass

            return getpass(question, stream=self._stream())
        ask = self._asker()
        assert ask is not None
        return ask(question)


def _ask_on_stderr(question: str) -> str:
    """Ask as `input` does, but write nothing to standard output."""
    stdin.forget_typed()
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


class OutputPrinter:
    """Prints the outputs of a kernel as they come; `stream` returns the stream to print to."""

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream
        self._in_line = False  # the last thing that was printed did not end its line

    def __call__(self, output: Json) -> None:
        """Print an output, or a part of one."""
        match output["output_type"]:
            case "stream":
                self._write(output["text"])
            case "error":
                self._write_below("\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}")
            case "display_data" | "execute_result":
                self._write_below(_as_text(output["data"]))

    def _write_below(self, text: str) -> None:
        """Write text that begins and ends a line."""
        start = "\n" if self._in_line else ""
        self._write(f"{start}{text}\n")

    def _write(self, text: str) -> None:
        stream = self._stream()
        if Screen(stream, "neutral").styled:
            stream.write(harmless(text))
        else:
            stream.write(visible(plain(text).replace("\r", "\n")))
        stream.flush()
        self._in_line = not text.endswith("\n")


_HARMLESS = re.compile(r"(\x1b\[[0-9;]*[mKA]|[\r\b])")  # colours, and what progress bars draw with


def harmless(text: str) -> str:
    """Return the output of code as it may be sent to a terminal: only colours and progress bars keep their effect."""
    parts = _HARMLESS.split(text)  # those at odd places are the separators
    return "".join(part if place % 2 else visible(part) for place, part in enumerate(parts))


def _as_text(data: Json) -> str:
    """Return a display as text, with the names of the pictures in it."""
    text = words(data)
    pictures = [kind for kind in data if kind.startswith("image/")]
    return " ".join([text, *(f"[{kind}: in the saved session]" for kind in pictures)]).strip()
