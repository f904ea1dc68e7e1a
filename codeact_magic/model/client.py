"""The connection to an endpoint. Only this module imports httpx2, on first use: the import takes 50 ms."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, cached_property
from operator import itemgetter
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

CHAT = "chat/completions"  # the path of chat requests
CONNECT_TIMEOUT = 15.0  # seconds
MOST_BYTES = 100_000_000  # of one answer


class Client:
    """Sends one request at a time. Its methods run on the thread of a `BackgroundReader`, and raise TransportError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = _Connection()

    def stream(self, body: bytes, reader: BackgroundReader[bytes], path: str = CHAT) -> Iterator[bytes]:
        """Yield the bytes of the stream that answers the request `body`, which is JSON."""
        with _raised_as(ClientSetupError):
            request = self._request("POST", path, body)
        with ExitStack() as stack:
            with _raised_as(UnreachableError):
                self._connection.begin(reader)
                response = self._http.send(request, stream=True)
                stack.callback(response.close)
                _check(response)
            with _raised_as(TruncatedReplyError):
                yield from response.iter_bytes()

    def models(self, reader: BackgroundReader[list[Json]]) -> Iterator[list[Json]]:
        """Yield one list: the models that the endpoint offers, sorted by their ids."""
        with _raised_as(ClientSetupError):
            request = self._request("GET", "models")
        with _raised_as(UnreachableError):
            self._connection.begin(reader)
            response = self._http.send(request)
            _check(response)
        with _raised_as(MalformedReplyError):
            listed = response.json()
            offered = listed["data"] if isinstance(listed, dict) else listed
            models = [{**model, "id": str(model["id"])} for model in offered or ()]
        yield sorted(models, key=itemgetter("id"))

    def _request(self, method: str, path: str, body: bytes | None = None) -> Any:
        return self._http.build_request(method, path, content=body, headers=self._headers)

    @cached_property
    def _http(self) -> Any:
        settings = self._settings
        if not is_address(settings.base_url):
            raise ClientSetupError("it begins with http:// or https://, and names a host")
        import httpx2

        parts = urlsplit(settings.base_url)
        http = httpx2.Client(
            base_url=urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")),
            params=dict(parse_qsl(parts.query)),
            # Loading the certificates takes 40 ms; plain HTTP without redirects does not need them.
            verify=parts.scheme == "https",
            follow_redirects=False,
            event_hooks={"request": [self._connection.trace], "response": [_bound]},
            # The reader watches for silence; this timeout ends a thread that it could not wake.
            timeout=httpx2.Timeout(settings.timeout + 10, connect=min(CONNECT_TIMEOUT, settings.timeout)),
        )
        weakref.finalize(self, http.close)
        return http

    @cached_property
    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "codeact-magic",
        }
        if authorization := _authorization(self._settings):
            headers["Authorization"] = authorization
        return headers | dict(self._settings.extra_headers)


def preload() -> None:
    """Import what the first request needs."""
    import httpx2

    httpx2.Client(verify=False, trust_env=False).close()  # it imports more when it is made


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
        # A model may think for minutes; a network between us and it may forget a connection that is silent for so long.
        with suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
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
    import httpx2

    response.stream = _bounded(httpx2.SyncByteStream)(response.stream)


def _check(response: Any) -> None:
    """Raise HttpStatusError if the status of `response` is an error, or a redirect."""
    if not response.is_success:
        response.read()
        raise HttpStatusError(response.status_code, response.headers, response.text)


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
    """Raise an exception of the block as `kind`, unless it is or was caused by a TransportError."""
    try:
        yield
    except Exception as error:
        inner = next((cause for cause in causes(error) if isinstance(cause, TransportError)), None)
        if inner:
            raise inner from None
        raise kind from error
