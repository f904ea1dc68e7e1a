"""A kernel behind a Jupyter server or kernel gateway, over HTTP and a websocket."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..errors import UsageError
from ..session import Json
from ..text import mask, one_line
from .kernels import START, Message

TOKEN = "JUPYTER_TOKEN"  # the environment variable; the token is never on a command line, in a message or in a file
AT_ONCE = 10.0  # seconds that the server has to carry out small requests
RECONNECT = 30.0  # seconds after which a lost connection is given up
CLOSING = 2.0  # seconds that the thread of a websocket has to notice its end
MISSING = "A kernel behind a server needs one more package: pip install 'codeact-magic[gateway]'"

LOST = "the connection to it was lost"
_DEAD = ("restarting", "autorestarting", "dead")


def token() -> str:
    """Return the token for the server, empty where none is set."""
    return os.environ.get(TOKEN, "")


def _headers() -> dict[str, str]:
    """Return what shows the token, in the form that servers and gateways take alike.

    Left to itself, the library would also put it into the websocket's address, which servers write into their logs.
    """
    return {"Authorization": f"token {token()}"} if token() else {}


class GatewayKernel:
    """A kernel on a server.

    Args:
        url: the server's address, without any token.
        name: a kernelspec's name there; "" is the server's default.
        path: the folder that it starts in, as the server names it.
    """

    def __init__(self, url: str, name: str = "", path: str = "") -> None:
        self._url, self._name, self._path = _checked(url), name, path
        self._manager: Any = None
        self._client: Any = None
        self._death = ""
        self._lost = self._tried = 0.0  # when the connection was lost, and when it was last tried to open it again

    def start(self) -> None:
        """Start it and wait until it answers. Raises UsageError where it cannot be started."""
        try:
            from jupyter_kernel_client.manager import KernelHttpManager
        except ImportError:
            raise UsageError(MISSING) from None
        self._death, self._lost = "", 0.0
        self._manager = KernelHttpManager(self._url, None, headers=_headers(), log=_silent())
        try:
            self._manager.start_kernel(self._known(self._name), self._path or None)
            self._connect()
        except UsageError:
            raise
        except Exception as error:
            self.end(at_once=True)
            raise UsageError(self._told(error)) from None
        except BaseException:
            self.end(at_once=True)
            raise

    def send(self, channel: str, kind: str, content: Json) -> str:
        """Send a message on a channel ("shell", "stdin") and return its id."""
        message = self._client.session.msg(kind, content)
        if not self._sent(channel, message):
            _hang_up(self._client)
            self._reconnect(time.monotonic())
            if not self._sent(channel, message):
                self._death = self._death or LOST
        return str(message["header"]["msg_id"])

    def _sent(self, channel: str, message: Any) -> bool:
        """Send a message, and return whether the connection bore it."""
        try:
            self._channel(channel).send(message)
        except Exception:  # the library's websocket raises many, and AttributeError where it is closed
            return False
        return True

    def receive(self, patience: float) -> Message | None:
        """Return the next message, or None where none comes within `patience` seconds."""
        name = next((name for name in ("iopub", "stdin", "shell") if self._channel(name).msg_ready()), "iopub")
        try:
            message = self._channel(name).get_msg(timeout=patience)
        except queue.Empty:
            return None
        if message["msg_type"] == "status" and message["content"].get("execution_state") in _DEAD:
            self._death = "it ended on the server"
        parent = (message.get("parent_header") or {}).get("msg_id", "")
        return Message(name, parent, message["msg_type"], message["content"])

    def death(self) -> str:
        """Return how the kernel has died, or "" while it lives; a connection that is lost is opened again."""
        if self._client is not None and not self._death and not self._client.channels_running:
            self._reconnect(time.monotonic())
        return self._death

    def interrupt(self) -> None:
        """Interrupt the code that runs."""
        with contextlib.suppress(OSError):  # that the server is gone is noticed elsewhere
            self._manager.interrupt_kernel(timeout=AT_ONCE)

    def end(self, at_once: bool = False) -> None:
        """End it; does nothing where it has ended."""
        manager, client, self._manager, self._client = self._manager, self._client, None, None
        if manager is not None and manager.has_kernel:
            with contextlib.suppress(OSError):
                manager.shutdown_kernel(now=True, timeout=AT_ONCE)
        if client is not None:
            _hang_up(client)
            client.stop_channels()

    def _connect(self) -> None:
        self._open(START)
        if not self._client.channels_running:
            raise OSError("the server lets no websocket through")
        self._client.wait_for_ready(timeout=START)

    def _open(self, patience: float, session: str = "") -> None:
        """Open a websocket to the kernel; the server has kept what came since that of the same `session` was lost."""
        from jupyter_kernel_client.wsclient import KernelWebSocketClient

        address = f"ws{self._manager.kernel_url.removeprefix('http')}/channels"
        self._client = KernelWebSocketClient(address, headers=_headers(), timeout=patience, log=_silent())
        if session:
            self._client.session.session = session
        self._client.start_channels()

    def _reconnect(self, now: float) -> None:
        """Try to go on with the same kernel, once a second, and give it up in the end."""
        self._lost = self._lost or now
        if now < self._tried + 1.0:
            return
        self._tried = now
        client = self._client
        with contextlib.suppress(OSError):
            if self._manager.refresh_model(AT_ONCE) is None:
                self._death = "it ended on the server"
                return
            client.stop_channels()
            self._open(AT_ONCE, client.session.session)
        if self._client.channels_running:
            self._lost = 0.0
        elif now > self._lost + RECONNECT:
            self._death = LOST

    def _known(self, name: str) -> str:
        """Return the name of the kernel that is asked for. Raises UsageError where the server has none of that name."""
        from jupyter_kernel_client.manager import fetch

        specs = fetch(f"{self._url}/api/kernelspecs", headers=_headers(), timeout=AT_ONCE).json()
        known = sorted(specs.get("kernelspecs", {}))
        if name and name not in known:
            told = one_line(mask(", ".join(known), [token()]))  # a server can name its kernels as it likes
            raise UsageError(f"{self._url} has no kernel {one_line(name, 60)!r}; it has: {told}")
        return name or str(specs.get("default", "python3"))

    def _channel(self, name: str) -> Any:
        return getattr(self._client, f"{name}_channel")

    def _told(self, error: Exception) -> str:
        """Return the line about a server that gives no kernel."""
        status = getattr(getattr(error, "response", None), "status_code", 0)
        if status in (401, 403):
            told = "is not the right one" if token() else "is not set"
            return f"{self._url} wants a token: {TOKEN} {told}."
        if status:
            return f"{self._url} starts no kernel: it answered with HTTP {status}."
        return f"{self._url} cannot be reached as a Jupyter server: {_reason(error)}"


def _hang_up(client: Any) -> None:
    """End the connection below the websocket, and wait until its thread has seen that: it would sleep for 10 s."""
    with contextlib.suppress(AttributeError, OSError):  # it has ended already
        client.kernel_socket.sock.sock.shutdown(socket.SHUT_RDWR)
    deadline = time.monotonic() + CLOSING
    while client.channels_running and time.monotonic() < deadline:
        time.sleep(0.01)


def _checked(url: str) -> str:
    """Return the address of a server. Raises UsageError, in which no token is repeated."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise UsageError("That is no address of a Jupyter server. It looks like http://localhost:8888")
    if parts.query or parts.username or parts.password or parts.fragment:
        raise UsageError(f"The address goes without a token or a password: put the token into {TOKEN}.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _reason(error: BaseException) -> str:
    """Return the innermost reason of a chain of exceptions, on one line."""
    while error.__context__ is not None:
        error = error.__context__
    return one_line(getattr(error, "strerror", None) or error, 160)


def _silent() -> logging.Logger:
    """Return a logger that writes nowhere: what matters is told in lines of our own."""
    logger = logging.getLogger(__name__)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger
