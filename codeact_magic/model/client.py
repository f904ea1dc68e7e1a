"""The connection to an endpoint. Only this module imports openai, on first use: the import takes half a second."""

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
from .background_reader import BackgroundReader
from .settings import Settings, is_address
from .transport_errors import (
    ClientSetupError,
    HttpStatusError,
    MalformedReplyError,
    OversizedReplyError,
    TransportError,
    TruncatedReplyError,
    UnreachableError,
    causes,
)

CONNECT_TIMEOUT = 15.0  # seconds
MOST_BYTES = 100_000_000  # of one answer


class Client:
    """Sends one request at a time. Its methods run on the thread of a `BackgroundReader`, and raise TransportError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = _Connection()

    def stream(self, body: Json, reader: BackgroundReader[bytes]) -> Iterator[bytes]:
        """Yield the bytes of the stream that answers the chat request `body`."""
        with _raised_as(ClientSetupError):
            client = self._openai
        create = client.chat.completions.with_streaming_response.create
        with ExitStack() as stack:
            with _raised_as(UnreachableError):
                self._connection.begin(reader)
                # As `extra_body`, because openai spends 0.2 ms on every message that is passed as a parameter.
                manager = create(model="", messages=[], stream=True, extra_body=body, **self._headers)
                response = stack.enter_context(manager)
            with _raised_as(TruncatedReplyError):
                yield from response.iter_bytes()

    def models(self, reader: BackgroundReader[list[str]]) -> Iterator[list[str]]:
        """Yield one list: the names of the models that the endpoint offers."""
        with _raised_as(ClientSetupError):
            client = self._openai
        with _raised_as(UnreachableError):
            self._connection.begin(reader)
            response = client.models.with_raw_response.list(**self._headers).http_response
        with _raised_as(MalformedReplyError):
            listed = response.json()
            offered = listed["data"] if isinstance(listed, dict) else listed
            names = sorted(str(model["id"]) for model in offered or ())
        yield names

    @cached_property
    def _openai(self) -> Any:
        import openai

        settings = self._settings
        if not is_address(settings.base_url):
            raise ClientSetupError("it begins with http:// or https://, and names a host")
        parts = urlsplit(settings.base_url)
        http = openai.DefaultHttpxClient(
            # Loading the certificates takes 40 ms; plain HTTP without redirects does not need them.
            verify=parts.scheme == "https",
            follow_redirects=False,
            event_hooks={"request": [self._connection.trace], "response": [_bound]},
        )
        weakref.finalize(self, http.close)
        return openai.OpenAI(
            base_url=urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")),
            api_key="sent by our own header",
            default_query=dict(parse_qsl(parts.query)),
            max_retries=0,  # our own retries are shown to the user and can be interrupted
            # The reader watches for silence; this timeout ends a thread that it could not wake.
            timeout=openai.Timeout(settings.timeout + 10, connect=min(CONNECT_TIMEOUT, settings.timeout)),
            http_client=http,
        )

    @cached_property
    def _headers(self) -> Json:
        """The header that openai would get wrong if there is no key, or a user and a password."""
        import openai

        return {"extra_headers": {"Authorization": _authorization(self._settings) or openai.Omit()}}


class _Connection:
    """The socket of the client.

    httpx does not expose the socket; shutting it down is the only way to wake a blocked reader. The socket stays open
    from one request to the next, so it is remembered when it is connected.
    """

    def __init__(self) -> None:
        self._thread = threading.local()
        self._socket: Any = None

    def begin(self, reader: BackgroundReader[Any]) -> None:
        """Note that the current thread is the one of `reader`, which is about to send a request."""
        self._thread.reader = reader
        reader.keep(self._socket)

    def trace(self, request: Any) -> None:
        """Have httpx report the connections that `request` makes."""
        request.extensions["trace"] = self._on_event

    def _on_event(self, event: str, info: Json) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._on_connected(info["return_value"].get_extra_info("socket"))
        elif event.endswith(".send_request_body.complete"):
            self._thread.reader.wake()

    def _on_connected(self, connected: Any) -> None:
        try:
            self._thread.reader.keep(connected)
        except ConnectionError:  # interrupted in the meantime: send nothing
            connected.close()
            raise
        self._socket = connected


def _authorization(settings: Settings) -> str:
    from base64 import b64encode

    key = settings.key.strip()
    if settings.login:
        return f"Basic {b64encode(settings.login.encode()).decode()}"
    if not key.isascii() or not key.isprintable():
        raise ClientSetupError(f"the key in {settings.key_name} holds characters that no key has")
    return f"Bearer {key}" if key else ""


def _bound(response: Any) -> None:
    """Limit the size of a body: some are read completely before anyone can look at them."""
    library = sys.modules[type(response).__module__.partition(".")[0]]  # httpx or httpx2, depending on openai
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
                    raise OversizedReplyError
                yield part

    return Bounded


@contextmanager
def _raised_as(kind: type[TransportError]) -> Iterator[None]:
    """Raise an exception of the block as HttpStatusError if an HTTP status caused it, and otherwise as `kind`."""
    try:
        yield
    except Exception as error:
        inner = next((cause for cause in causes(error) if isinstance(cause, TransportError)), None)
        if inner:
            raise inner from None
        response = getattr(error, "response", None)
        if hasattr(error, "status_code") and response is not None:
            raise HttpStatusError(response.status_code, response.headers, response.text) from None
        raise kind from error
