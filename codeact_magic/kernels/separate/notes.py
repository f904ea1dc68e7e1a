"""The sentences about runs that ended early, and about kernels that were lost. They are only shown, never parsed."""

from __future__ import annotations

from ...text import one_line
from .request import KernelRequest

NOT_BEGUN = "It was stopped before it ran."
_GONE = "A fresh kernel takes its place: all variables are gone."
_GONE_AFAR = "A fresh kernel takes its place where the server can be reached again: all variables are gone."


def of(request: KernelRequest, timeout: float) -> str:
    """Return the note about a request: why it ended early, and whether the variables are gone."""
    late = f"It was interrupted: it ran longer than the {timeout:g} s allowed." if request.rings else ""
    ended = "It did not react, so the kernel was ended." if request.ended else ""
    loss = gone(request.lost) if request.death or request.ended else ""
    return joined(late, ended, loss)


def gone(out_of_reach: bool) -> str:
    """Return the sentence about lost variables; `out_of_reach`: the kernel's server cannot be reached."""
    return _GONE_AFAR if out_of_reach else _GONE


def unused(seconds: float) -> str:
    """Return the sentence about a kernel that was ended after `seconds` without use."""
    time = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:g} s"
    return f"The kernel was not used for {time}, so it was ended."


def failure(request: KernelRequest) -> str:
    """Return why a request failed, as the end of a sentence."""
    reply = request.reply
    if reply:
        return one_line(f"{reply.get('ename', 'error')}: {reply.get('evalue', '')}")
    return request.death or "it did not react and was ended"


def sentence(words: str) -> str:
    """Return `words`, which end a sentence, as a sentence of their own."""
    return f"{words[:1].upper()}{words[1:]}."


def joined(*sentences: str) -> str:
    """Return sentences as one text, without the empty ones."""
    return " ".join(filter(None, sentences))
