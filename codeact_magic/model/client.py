"""The connection to an endpoint: the only file that knows openai, which it imports on first use (half a second)."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ..session import Json
from .pump import Pump
from .settings import Settings, is_address
from .troubles import BrokenOff, Garbage, Refused, TooMuch, Trouble, Unreachable, Unusable, causes

CONNECTING = 15.0  # seconds at most
MOST_BYTES = 100_000_000  # of one answer


class Client:
    """Sends requests, one at a time. Raises Trouble, whatever goes wrong; its methods run on a pump's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._line = _Line()

    def stream(self, body: Json, pump: Pump[bytes]) -> Iterator[bytes]:
        """Yield the bytes of the stream that answers a chat request."""
        with _as(Unusable):
            client = self._openai
        create = client.chat.completions.with_streaming_response.create
        with ExitStack() as stack:
            with _as(Unreachable):
                self._line.begin(pump)
                # As `extra_body`, since openai spends 0.2 ms on every message that it is given as a parameter.
                manager = create(model="", messages=[], stream=True, extra_body=body, **self._headers)
                response = stack.enter_context(manager)
            with _as(BrokenOff):
                yield from response.iter_bytes()

    def models(self, pump: Pump[list[str]]) -> Iterator[list[str]]:
        """Yield the names of what the endpoint offers, all at once."""
        with _as(Unusable):
            client = self._openai
        with _as(Unreachable):
            self._line.begin(pump)
            response = client.models.with_raw_response.list(**self._headers).http_response
        with _as(Garbage):
            listed = response.json()
            offered = listed["data"] if isinstance(listed, dict) else listed
            names = sorted(str(model["id"]) for model in offered or ())
        yield names

    @cached_property
    def _openai(self) -> Any:
        import openai

        settings = self._settings
        if not is_address(settings.base_url):
            raise Unusable("it begins with http:// or https://, and names a host")
        parts = urlsplit(settings.base_url)
        http = openai.DefaultHttpxClient(
            # Loading the certificates takes 40 ms, and without redirects they are not needed here.
            verify=parts.scheme == "https",
            follow_redirects=False,
            event_hooks={"request": [self._line.trace], "response": [_bound]},
        )
        weakref.finalize(self, http.close)
        return openai.OpenAI(
            base_url=urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")),
            api_key="sent by our own header",
            default_query=dict(parse_qsl(parts.query)),
            max_retries=0,  # ours are visible, and Stop works in them
            # The pump watches over silence; this is for a thread that it could not wake.
            timeout=openai.Timeout(settings.timeout + 10, connect=min(CONNECTING, settings.timeout)),
            http_client=http,
        )

    @cached_property
    def _headers(self) -> Json:
        """The header that openai would get wrong, where there is no key, or a user and a password."""
        import openai

        return {"extra_headers": {"Authorization": _authorization(self._settings) or openai.Omit()}}


class _Line:
    """The socket that requests go through: no client tells, and only its shutdown wakes a thread that reads from it.

    It stays open from one request to the next, so it is known before a request only if it is remembered.
    """

    def __init__(self) -> None:
        self._thread = threading.local()
        self._socket: Any = None

    def begin(self, pump: Pump[Any]) -> None:
        """The current thread is `pump`'s, and about to send a request."""
        self._thread.pump = pump
        pump.keep(self._socket)

    def trace(self, request: Any) -> None:
        """Have the connections traced that `request` makes."""
        request.extensions["trace"] = self._happened

    def _happened(self, event: str, info: Json) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._connected(info["return_value"].get_extra_info("socket"))
        elif event.endswith(".send_request_body.complete"):
            self._thread.pump.wake()

    def _connected(self, link: Any) -> None:
        try:
            self._thread.pump.keep(link)
        except ConnectionError:  # stopped in the meantime: nothing is sent any more
            link.close()
            raise
        self._socket = link


def _authorization(settings: Settings) -> str:
    from base64 import b64encode

    key = settings.key.strip()
    if settings.login:
        return f"Basic {b64encode(settings.login.encode()).decode()}"
    if not key.isascii() or not key.isprintable():
        raise Unusable(f"the key in {settings.key_name} holds characters that no key has")
    return f"Bearer {key}" if key else ""


def _bound(response: Any) -> None:
    """Let no body grow for ever: some are read whole before anyone can look at them."""
    library = sys.modules[type(response).__module__.partition(".")[0]]  # httpx or httpx2, as openai has it
    response.stream = _bounded(library.SyncByteStream)(response.stream)


@cache
def _bounded(base: Any) -> Any:
    class Bounded(base):  # type: ignore[misc]
        def __init__(self, source: Any) -> None:
            self.source = source
            self.close = source.close

        def __iter__(self) -> Iterator[bytes]:
            count = 0
            for part in self.source:
                count += len(part)
                if count > MOST_BYTES:
                    raise TooMuch
                yield part

    return Bounded


@contextmanager
def _as(trouble: type[Trouble]) -> Iterator[None]:
    """Raise what goes wrong within as Refused where it is an HTTP status, and else as `trouble`."""
    try:
        yield
    except Exception as error:
        inner = next((cause for cause in causes(error) if isinstance(cause, Trouble)), None)
        if inner:
            raise inner from None
        response = getattr(error, "response", None)
        if hasattr(error, "status_code") and response is not None:
            raise Refused(response.status_code, response.headers, response.text) from None
        raise trouble from error
