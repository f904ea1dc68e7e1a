"""A page that proves its requests, as the extension for JupyterLab does."""

from __future__ import annotations

import hashlib
import hmac
import json

from codeact_magic.frontends.control_channel import PROVEN
from codeact_magic.session import Json


class SigningPage:
    """A page with an id and a key of its own."""

    def __init__(self, page: str = "page0001", key: bytes = b"k" * 32) -> None:
        self.page = page
        self._key = key

    def hello(self, **fields: object) -> Json:
        """Return what the page says first."""
        return {"op": "hello", "page": self.page, "key": self._key.hex(), **fields}

    def signed(self, content: Json) -> Json:
        """Return `content` as the page asks for it: signed, if it has to be."""
        if content.get("op") == "hello":
            return self.hello(**{name: value for name, value in content.items() if name != "op"})
        if content.get("op") not in PROVEN:
            return content
        text = json.dumps(content)
        proof = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        return {"op": "signed", "page": self.page, "text": text, "proof": proof}
