"""Masks the secrets of one run: those that are known, and those that are told by their form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from ..text import mask, mask_all
from . import forms

SHORTEST_PART = 16  # characters of a line of a key that is masked by itself
_CONTEXT = 300  # characters that were shown already, and may be the beginning of a secret


class Masker:
    """Masks `secrets`, and what has the form of a secret, except for `lifted`.

    `masked` are the secrets that have been masked so far, each with its kind ("" if it is one of `secrets`).
    """

    def __init__(self, secrets: Sequence[str] = (), lifted: Collection[str] = ()) -> None:
        self.secrets = tuple(secrets)
        self.masked: dict[str, str] = {}
        self._lifted = frozenset(lifted)
        self._kinds: dict[str, str] = {}

    @property
    def note(self) -> str:
        """The sentence that says how many secrets were masked; empty if none was."""
        count = len(self.masked)
        return f"{count} secret{'' if count == 1 else 's'} masked." if count else ""

    def text(self, text: str) -> str:
        """Return `text` with every secret replaced by ***."""
        self.learn(text)
        return self.known(text)

    def known(self, text: str) -> str:
        """Return `text` with the secrets that are known by now replaced by ***."""
        hidden = mask(text, self.secrets)
        if hidden != text:
            self._note(text)
        return hidden

    def all(self, value: Any) -> Any:
        """Return JSON with every secret in it replaced by ***."""
        for text in _texts(value):
            self.learn(text)
        hidden = mask_all(value, self.secrets)
        if hidden != value:
            for text in _texts(value):
                self._note(text)
        return hidden

    def learn(self, text: str) -> None:
        """Take what has the form of a secret in `text` for one from now on."""
        for span in forms.found(text):
            self._add(text[span.start : span.end], span.kind)

    def _add(self, secret: str, kind: str) -> None:
        if secret in self._lifted or secret in self._kinds:
            return
        parts = [line for line in secret.replace("\\n", "\n").split("\n") if len(line.strip()) >= SHORTEST_PART]
        for one in dict.fromkeys([secret, *parts]):
            self._kinds.setdefault(one, kind)
        self.secrets = (*self.secrets, *dict.fromkeys([secret, *parts]))

    def _note(self, text: str) -> None:
        rest = text
        for secret in sorted(filter(None, self.secrets), key=len, reverse=True):
            if secret in rest:
                self.masked.setdefault(secret, self._kinds.get(secret, ""))
                rest = rest.replace(secret, "")


class Pieces:
    """Masks a text that comes in pieces: what may be the beginning of a secret is held back until more has come."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""
        self._shown = ""  # of the token at the end: what has been passed on already

    def add(self, text: str, last: bool = False) -> str:
        """Return what can be shown, now that `text` has come; all that is left if it is the `last`."""
        if not text and not self._held:
            return ""
        text = self._hidden(self._held + text)
        start = len(text) if last else self._safe(text)
        self._held = text[start:]
        shown = text[:start]
        self._shown = _last_token(self._shown + shown)
        return shown

    def _hidden(self, text: str) -> str:
        """Return `text` masked. A secret may have begun before it, with what all secrets of its form begin with."""
        before = len(self._shown)
        whole = self._shown + text
        self._masker.learn(whole)
        if before:
            for span in forms.found(whole):
                if span.start < before < span.end and whole[span.start : span.end] in self._masker.secrets:
                    self._masker._note(whole[span.start : span.end])
                    text = f"***{whole[span.end :]}"
                    break
        return self._masker.known(text)

    def _safe(self, text: str) -> int:
        """Return the length of the beginning of `text` that is not part of a secret, whatever comes."""
        known = max((partial_secret(text, secret) for secret in self._masker.secrets), default=0)
        opening = forms.opening(self._shown + text) - len(self._shown)
        return max(min(len(text) - known, opening), 0)


def partial_secret(text: str, secret: str) -> int:
    """Return the length of the longest beginning of `secret` that `text` ends with (0: none)."""
    if not text or text[-1] not in secret:
        return 0
    sizes = range(min(len(text), len(secret) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(secret[:size])), 0)


def _last_token(text: str) -> str:
    tail = text[-_CONTEXT:]
    return tail[max(tail.rfind(space) for space in " \n\t\r") + 1 :] if not tail.endswith("-----BEGIN") else tail


def _texts(value: Any, kind: str = "") -> Iterator[str]:
    """Yield the texts in JSON, lists of lines as one; an image is not text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.startswith("image/") and key != "image/svg+xml"):
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _texts(item)
