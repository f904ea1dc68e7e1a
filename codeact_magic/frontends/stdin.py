"""How a user is asked for a line or edits a text, in a kernel and in the terminal that IPython runs in."""

from __future__ import annotations

import sys
from builtins import input as _input  # an action may redefine the name
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def in_kernel(shell: Any) -> bool:
    """Return whether `shell` runs in a Jupyter kernel rather than in a terminal."""
    return getattr(shell, "kernel", None) is not None


def asker(shell: Any) -> Callable[[str], str] | None:
    """Return a function that asks the user for a line, or None if nobody can be asked (nbclient, a pipe)."""
    if in_kernel(shell):
        # Whether the request under way allows it; ipykernel has no public name for it (seen in 6.29 to 7.4).
        allowed = getattr(shell.kernel, "_allow_stdin", True)
        return shell.kernel.raw_input if allowed else None
    return _ask if sys.stdin is not None and sys.stdin.isatty() else None


def _ask(question: str) -> str:
    forget_typed()
    return _input(question)


def forget_typed() -> None:
    """Discard the input from before the question: an answer counts only for a question that the user has seen."""
    try:
        import termios
    except ImportError:  # Windows
        import msvcrt

        while msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
            msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
        return
    with suppress(OSError, termios.error, ValueError):  # not a terminal
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def editor(shell: Any) -> Callable[[str], str | None] | None:
    """Return a function that lets the user edit a text in place, or None in a kernel: it takes only a line."""
    return None if in_kernel(shell) else _edit_in_terminal


def _edit_in_terminal(code: str) -> str | None:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers import PythonLexer

    session: PromptSession[str] = PromptSession(
        multiline=True,
        erase_when_done=True,  # the view lists the edited code
        lexer=PygmentsLexer(PythonLexer),
        bottom_toolbar="Alt+Enter (or Esc, then Enter): done   Ctrl+C: leave the code as it was",
    )
    try:
        return session.prompt("", default=code)
    except (KeyboardInterrupt, EOFError):
        return None
