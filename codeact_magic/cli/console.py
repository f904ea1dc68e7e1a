"""The front end of the command line: a terminal, whose agent runs its actions in a kernel of its own."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import TextIO

from ..errors import CodeActError, UsageError
from ..frontends import stdin
from ..frontends.front_end import Capabilities
from ..frontends.screen import Screen
from ..frontends.terminal import TerminalView
from ..kernels.separate import KernelExecutor
from ..session import Json, joined
from ..text import plain, visible

NO_NOTEBOOK = "There is no notebook here to put cells into: use %codeact insert FILE in one."


def somebody() -> bool:
    """Return whether there is a user who can be asked."""
    return sys.stdin.isatty()


class ConsoleFrontEnd:
    """A terminal, which also prints the outputs of `interpreter` and answers its questions.

    `aside` keeps standard output free for the answer: everything else goes to standard error.
    """

    def __init__(self, interpreter: KernelExecutor, *, aside: bool = False) -> None:
        self._aside = aside
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
        return _ConsoleView(self._stream(), chat=not self._aside)

    def _asker(self) -> Callable[[str], str] | None:
        if not somebody():
            return None
        return _ask_aside if self._aside else stdin.asker(None)

    def _stream(self) -> TextIO:
        return sys.stderr if self._aside else sys.stdout

    def _answer(self, question: str, hidden: bool) -> str:
        """Have the user answer a question of an action."""
        if hidden:
            from getpass import getpass

            return getpass(question, stream=self._stream())
        ask = self._asker()
        assert ask is not None
        return ask(question)


class _ConsoleView(TerminalView):
    """Tells its lines in words for a terminal."""

    def __init__(self, stream: TextIO, chat: bool) -> None:
        super().__init__(stream)
        self._chat = chat

    def tell(self, line: str) -> None:
        """Print a line of our own."""
        super().tell(here(line, self._chat))


def _ask_aside(question: str) -> str:
    """Ask as `input` does, without a word on standard output."""
    stdin.forget_typed()
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


class OutputPrinter:
    """Prints the outputs of a kernel as they come; `stream` returns where to."""

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream
        self._midline = False

    def __call__(self, output: Json) -> None:
        """Print an output, or a piece of one."""
        match output["output_type"]:
            case "stream":
                self._write(output["text"])
            case "error":
                self._write_below("\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}")
            case "display_data" | "execute_result":
                self._write_below(_as_text(output["data"]))

    def _write_below(self, text: str) -> None:
        """Write lines of their own."""
        start = "\n" if self._midline else ""
        self._write(f"{start}{text}\n")

    def _write(self, text: str) -> None:
        stream = self._stream()
        stream.write(tame(text) if Screen(stream, "neutral").styled else visible(plain(text).replace("\r", "\n")))
        stream.flush()
        self._midline = not text.endswith("\n")


_HARMLESS = re.compile(r"(\x1b\[[0-9;]*[mKA]|[\r\b])")  # colours, and what progress bars draw with


def tame(text: str) -> str:
    """Return what code has printed as a terminal may get it: nothing but colours and progress bars acts on it."""
    parts = _HARMLESS.split(text)
    return "".join(part if place % 2 else visible(part) for place, part in enumerate(parts))


def _as_text(data: Json) -> str:
    """Return a display as text; what else it holds is named."""
    text = next((joined(data[kind]) for kind in ("text/plain", "text/markdown", "text/latex") if kind in data), "")
    pictures = [kind for kind in data if kind.startswith("image/")]
    return " ".join([text, *(f"[{kind}: in the saved session]" for kind in pictures)]).strip()


# -- words for the terminal --------------------------------------------------------------------------------------------

_WORDS: tuple[tuple[str, Callable[[re.Match[str]], str] | str], ...] = (
    (r"Set the save_folder option to (.*), then run %codeact save\.", r"Set CODEACT_SAVE_FOLDER to \1."),
    (r"%config CodeAct\.(\w+) = (\S+)", lambda match: f"CODEACT_{match[1].upper()}={match[2]}"),
    (r"%?(?:config )?\bCodeAct\.(\w+)", lambda match: f"CODEACT_{match[1].upper()}"),
    (r"(another|a) %%codeact cell", r"\1 prompt"),
    (r"Run the cell again later", "Try again later"),
    (r"A cell that begins with %%codeact starts one", "A prompt starts one"),
    (r"%%codeact\? lists the options", "--help lists the options"),
    (r"%config CodeAct, %codeact help, %%codeact\?", "/help, codeact chat --help"),
    (r"--thread NAME, --new", "--thread NAME"),
)

_ALONE: tuple[tuple[str, str], ...] = (  # where a prompt was the only one
    (r"Go on with another %%codeact cell", "Go on with codeact chat --session FILE"),
)


def here(text: str, chat: bool = False) -> str:
    """Return a text that was written for a notebook as it holds on the command line, or in a `chat`."""
    for pattern, words in _WORDS if chat else [*_ALONE, *_WORDS]:
        text = re.sub(pattern, words, text)
    return re.sub(r"%codeact (\w+)", lambda match: _command(match[1], chat), text)


def _command(name: str, chat: bool) -> str:
    if chat:
        return f"/{name}"
    return f"codeact {name}" if name in ("sessions", "verify") else f"/{name} in codeact chat"


def print_here(do: Callable[[], None], chat: bool = False) -> None:
    """Print what `do` prints as it holds in a terminal."""
    with redirect_stdout(io.StringIO()) as printed:
        do()
    print(here(printed.getvalue(), chat), end="")


def told(error: CodeActError, chat: bool = False) -> str:
    """Return an error as one line for a terminal."""
    return f"{type(error).__name__}: {here(str(error), chat)}"
