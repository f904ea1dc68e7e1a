"""Which pages may decide: a decision counts only with the proof that it comes from a page that the user admitted.

Each page makes a key when it is loaded, before any output can run script in it, and hands it over as it says hello.
What it then asks for is signed with that key (HMAC-SHA256). The first page of a kernel is admitted. Another one is told
to be a second view, and the user admits it in a page that is. A page that is left, or loaded again, says bye, and the
next one takes its place. So it does if no admitted page answers a call for long: a script can keep a page busy for a
moment, but not unnoticed for `CALL_PATIENCE`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..session import Json  # making its classes takes 5 ms, and this is imported when the extension is loaded

CALL_MIME = "application/vnd.codeact.call+json"
CALL_PATIENCE = 10.0  # seconds in which an admitted page answers a call, or is taken to be gone
CALL_AGAIN = 20.0  # seconds until an answered call is repeated for the same page
MOST_PAGES = 20  # that wait to be admitted: the oldest is forgotten
KEY_SIZE = 32  # bytes


class RefusedRequestError(Exception):
    """A request is refused and changes nothing. `reason` is for the page, the message for the user."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Pages:
    """The pages of one kernel, by id. `call` publishes a message to all of them."""

    def __init__(self, call: Callable[[Json], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._clock = clock
        self._admitted: dict[str, bytes] = {}
        self._strangers: dict[str, tuple[bytes, str]] = {}  # their keys, and the codes that the user compares
        self._called: tuple[str, float] | None = None  # an unanswered call, and when it was made
        self._answered = 0.0  # when a call was last answered

    def greet(self, page: str, key: str) -> None:
        """Admit a page that says hello, if it is the first or no other answers. Raises RefusedRequestError."""
        secret = _key(page, key)
        known = self._admitted.get(page)
        if known is not None or not self._admitted:
            if known not in (None, secret):
                raise RefusedRequestError("malformed", "This page has another key.")
            self._admitted[page] = secret
            self._strangers.pop(page, None)
            return
        _, code = self._strangers.get(page, (b"", ""))
        if not code:
            code = os.urandom(2).hex().upper()
            while len(self._strangers) >= MOST_PAGES:
                del self._strangers[next(iter(self._strangers))]
            self._strangers[page] = (secret, code)
        if self._strangers[page][0] == secret and self._is_silent():
            self._admitted = {page: secret}
            del self._strangers[page]
            self._called = None
            return
        self._ring(page, code)
        raise RefusedRequestError("stranger", STRANGER.format(code=code))

    def opened(self, page: str, text: str, proof: str) -> Any:
        """Return the JSON that an admitted page has signed. Raises RefusedRequestError if the proof is not right."""
        import hashlib
        import hmac
        import json

        key = self._admitted.get(page)
        if key is None:
            code = self._strangers.get(page, (b"", ""))[1]
            raise RefusedRequestError("stranger", STRANGER.format(code=code) if code else UNKNOWN_PAGE)
        right = hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), proof.encode("utf-8", "replace")):
            raise RefusedRequestError("unproven", UNPROVEN)
        try:
            return json.loads(text)
        except ValueError:
            raise RefusedRequestError("malformed", "What was signed is not JSON.") from None

    def here(self, call: str) -> None:
        """Take note that an admitted page has answered a call."""
        if self._called is not None and self._called[0] == call:
            self._called = None
            self._answered = self._clock()

    def leave(self, page: str) -> None:
        """Take note that a page is left. If it was the only one, the next one is admitted."""
        self._admitted.pop(page, None)

    def admit(self, page: str, code: str) -> None:
        """Admit a stranger, as the user said in a page that is admitted. Raises RefusedRequestError."""
        key, expected = self._strangers.get(page, (b"", ""))
        if not expected or code != expected:
            raise RefusedRequestError("unknown", "No such page asks to be admitted.")
        self._admitted[page] = key
        del self._strangers[page]

    def _is_silent(self) -> bool:
        return self._called is not None and self._clock() - self._called[1] > CALL_PATIENCE

    def _ring(self, page: str, code: str) -> None:
        """Call the admitted pages, unless a call is under way or was just answered."""
        now = self._clock()
        if self._called is None and (not self._answered or now - self._answered > CALL_AGAIN):
            self._called = (os.urandom(8).hex(), now)
            self._call({"call": self._called[0], "page": page, "code": code})


STRANGER = "Another page decides about the steps of this kernel. Admit this one there: its code is {code}."
UNKNOWN_PAGE = "This kernel does not know this page. Reload it."
UNPROVEN = "This did not come from the page itself."


def _key(page: str, key: str) -> bytes:
    try:
        secret = bytes.fromhex(key)
    except ValueError:
        secret = b""
    if len(secret) != KEY_SIZE or not 8 <= len(page) <= 64 or not page.isalnum():
        raise RefusedRequestError("malformed", "A page has an id, and a key of 32 bytes.")
    return secret
