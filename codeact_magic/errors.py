"""The exceptions of codeact_magic.

    CodeActError             shown in one line, never as a traceback
    ├── UsageError           the user's: an unknown option, no endpoint, nobody to ask
    ├── EndpointError        the endpoint's: refused, 401, an unknown model, a stream that broke
    ├── LimitReachedError    a limit that the user set ended the turn
    ├── StoppedError         the user stopped the turn
    ├── SessionError         a saved session that cannot be read or written
    └── LocalModelError      the local model: the fetch, the file's hash, the server

A mistake of the model's is not an exception: it goes back to the model as an observation.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hints import Hint


class CodeActError(Exception):
    """An error that is shown in one line: the fact, and the remedies.

    Args:
        fact: the problem, in words that hold in every front end.
        hints: the remedies, as values.

    The front end that shows the error words the hints and puts them into `advice`; until then `str(error)` is the fact.
    """

    def __init__(self, fact: str, *hints: Hint) -> None:
        super().__init__(fact)
        self.fact = fact
        self.hints = hints
        self.advice = ""

    def __str__(self) -> str:
        return with_advice(self.fact, self.advice)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback (IPython looks for this name)."""
        name = type(self).__name__
        if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
            name = f"\x1b[31m{name}\x1b[0m"
        return [f"{name}: {self}"]


class UsageError(CodeActError):
    """The request cannot be carried out as it was written."""


class EndpointError(CodeActError):
    """The endpoint cannot be reached, refuses, or does not make sense."""


class LimitReachedError(CodeActError):
    """A limit ended the turn; the thread can go on."""


class StoppedError(CodeActError):
    """The user ended the turn; the thread can go on."""


class SessionError(CodeActError):
    """A session file cannot be read or written."""


class LocalModelError(CodeActError):
    """The local model cannot be fetched, checked or served."""


def with_advice(fact: str, advice: str) -> str:
    """Return a line of two sentences: `fact`, and `advice` if there is any."""
    if not advice:
        return fact
    end = "" if fact.endswith((".", "?")) else "."
    return f"{fact}{end} {advice}"
