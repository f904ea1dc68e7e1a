"""How an endpoint is called, and which part of that may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from .prices import Price

UNREADABLE = "(an address that cannot be read)"


@dataclass(frozen=True)
class Settings:
    """How an endpoint is called. Equal settings can share an `OpenAIModel`.

    If `base_url` has a user and a password, they are sent instead of the key. A temperature of None and 0 tokens stand
    for the endpoint's defaults.
    """

    base_url: str
    model: str
    key: str = ""
    key_name: str = "OPENAI_API_KEY"  # the environment variable that holds the key, for error lines
    temperature: float | None = 0.0
    max_tokens: int = 0
    timeout: float = 300.0  # seconds of silence
    retries: int = 3
    price: Price | None = None  # the user's own price of the model
    api: str = "auto"  # or "chat", "responses"
    reasoning_effort: str = ""
    top_p: float | None = None
    seed: int | None = None
    extra_body: str = ""  # JSON
    extra_headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Settings({self.endpoint!r}, {self.model!r})"

    @property
    def endpoint(self) -> str:
        """The address without credentials."""
        return public_url(self.base_url)

    @property
    def login(self) -> str:
        """The "user:password" of the address, percent-decoded; "" if it has none."""
        user_info, _, _ = urlsplit(self.base_url).netloc.rpartition("@")
        return unquote(user_info)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The strings that an endpoint may repeat, and that must never be shown."""
        query = (value for _, value in parse_qsl(urlsplit(self.base_url).query) if len(value) >= 8)
        password = self.login.partition(":")[2]
        headers = (text for _, text in self.extra_headers if len(text) >= 8)
        return tuple(filter(None, (self.key, self.key.strip(), password, quote(password, safe=""), *query, *headers)))


def public_url(url: str) -> str:
    """Return `url` without credentials, query and fragment, so that it may be shown and saved."""
    if not is_address(url):
        return UNREADABLE if "@" in url else url.partition("?")[0]
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":  # a password that holds a slash or the like
        return UNREADABLE
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def is_address(url: str) -> bool:
    """Return whether `url` can be the address of an endpoint."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
