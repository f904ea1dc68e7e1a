"""A kernel behind a Jupyter server or kernel gateway, over HTTP and a websocket."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import socket
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ...errors import UsageError
from ...session import Json
from ...text import is_web_address, mask, one_line
from .background import Background
from .kernels import START, Message

TOKEN = "JUPYTER_TOKEN"  # the environment variable; the token is never on a command line, in a message or in a file
AT_ONCE = 10.0  # seconds that the server has to answer a small request
RECONNECT = 10.0  # seconds until a lost connection is given up
REFUSED = 5.0  # the same, if the server refuses connections
AGAIN = 1.0  # seconds between attempts to reconnect
PROMPT = 1.0  # seconds to wait for requests whose result does not matter
CLOSING = 2.0  # seconds that the thread of a websocket has to notice that it is closed
MISSING = "A kernel behind a server needs one more package: pip install 'codeact-magic[gateway]'"

ENDED = "the kernel died (it ended on the server)"
_DEAD = ("restarting", "autorestarting", "dead")
_REFUSED = os.strerror(errno.ECONNREFUSED)


def token() -> str:
    """Return the token for the server, "" if none is set."""
    return os.environ.get(TOKEN, "")


def _headers() -> dict[str, str]:
    """Return the HTTP headers with the token, in the form that servers and gateways both accept.

    If the library were given the token, it would also put it into the websocket's address, and servers log addresses.
    """
    return {"Authorization": f"token {token()}"} if token() else {}


class GatewayKernel:
    """A kernel on a server.

    A lost connection is opened again; the messages that the kernel sent meanwhile are received then.

    Args:
        url: the server's address, without a token.
        name: a kernelspec's name on the server; "" is the server's default.
        path: the folder that the kernel starts in, as the server names it.

    Raises UsageError if `url` is not such an address.
    """

    def __init__(self, url: str, name: str = "", path: str = "") -> None:
        self._url = _checked(url)
        self._name = name
        self._path = path
        self._manager: Any = None
        self._client: Any = None
        self._reset()

    def _reset(self) -> None:
        self._death = ""
        self._unsent: list[tuple[str, Any]] = []  # pairs of a channel and a message that could not be sent yet
        self._lost = 0.0  # when the connection was lost
        self._tried = 0.0  # when the last attempt to reconnect began
        self._attempt: Background[Any] | None = None
        self._reason = ""  # why the last attempt failed

    def start(self) -> None:
        """Start the kernel and wait until it answers. Raises UsageError if it cannot be started."""
        try:
            from jupyter_kernel_client.manager import KernelHttpManager
        except ImportError:
            raise UsageError(MISSING) from None
        self._reset()
        self._manager = manager = KernelHttpManager(self._url, None, headers=_headers(), log=_silent())
        try:
            name = self._known(self._name)
            Background(lambda: manager.start_kernel(name, self._path or None)).result(START)
            self._client = Background(lambda: _opened(manager, START)).result(START)
            self._client.wait_for_ready(timeout=START)
        except UsageError:
            raise
        except Exception as error:
            self.end(at_once=True)
            raise UsageError(self._explained(error)) from None
        except BaseException:
            self.end(at_once=True)
            raise

    def send(self, channel: str, kind: str, content: Json) -> str:
        """Send a message on a channel ("shell", "stdin") and return its id.

        While the connection is lost, the message is kept and sent later.
        """
        message = self._client.session.msg(kind, content)
        self._unsent.append((channel, message))
        self._send_on()
        return str(message["header"]["msg_id"])

    def _send_on(self) -> None:
        """Send the messages not yet sent, until one fails."""
        while self._unsent and self._client.channels_running:
            channel, message = self._unsent[0]
            try:
                self._channel(channel).send(message)
            except Exception:  # the library's websocket raises many kinds, and AttributeError if it is closed
                _hang_up(self._client)
                return
            del self._unsent[0]

    def receive(self, patience: float) -> Message | None:
        """Return the next message, or None if none comes within `patience` seconds."""
        name = next((name for name in ("iopub", "stdin", "shell") if self._channel(name).msg_ready()), "iopub")
        try:
            message = self._channel(name).get_msg(timeout=patience)
        except queue.Empty:
            return None
        if message["msg_type"] == "status" and message["content"].get("execution_state") in _DEAD:
            self._death = ENDED
        parent = (message.get("parent_header") or {}).get("msg_id", "")
        return Message(name, parent, message["msg_type"], message["content"])

    def death(self) -> str:
        """Return how the kernel died, as the end of a sentence, or "" while it lives."""
        if self._client is not None and not self._death and not self._client.channels_running:
            self._reconnect(time.monotonic())
        return self._death

    def trouble(self) -> str:
        """Return a sentence about a lost connection, both during and after the attempts to restore it; "" otherwise."""
        return f"The connection to {self._url} is lost; it is tried again." if self._lost else ""

    def interrupt(self) -> None:
        """Interrupt the running code. A failure is ignored here: `death` and `trouble` report it."""
        manager = self._manager
        if not self._lost:
            Background(lambda: manager.interrupt_kernel(timeout=AT_ONCE)).over(PROMPT)

    def end(self, at_once: bool = False) -> None:
        """End the kernel, and wait for the server unless `at_once`. Does nothing if it has ended."""
        manager = self._manager
        client = self._client
        attempt = self._attempt
        self._manager = None
        self._client = None
        self._attempt = None
        if manager is not None and manager.has_kernel:
            Background(lambda: manager.shutdown_kernel(now=True, timeout=AT_ONCE)).over(self._patience(at_once))
        if client is not None:
            Background(lambda: _close(client)).over(CLOSING)
        if attempt is not None:
            Background(lambda: _close(attempt.result(RECONNECT)))

    def _patience(self, at_once: bool) -> float:
        """Return how many seconds to wait for the end of the kernel."""
        if self._lost:
            return 0.0
        return PROMPT if at_once else AT_ONCE

    def kill(self) -> None:
        """Kill the kernel while it may be in use, from any thread or a signal handler. `end` must still be called."""
        self._death = self._death or (
            f"the connection to {self._url} was lost" if self._lost else "the kernel was ended"
        )

    def _reconnect(self, now: float) -> None:
        """Try to open the connection again, and give up after a while."""
        self._lost = self._lost or now
        if self._attempt is None and now >= self._tried + AGAIN:
            self._tried = now
            manager = self._manager
            client = self._client
            self._attempt = Background(lambda: _opened_again(manager, client))
        elif self._attempt is not None and self._attempt.over():
            self._finish(self._attempt)
            self._attempt = None
        if self._lost and not self._death and now > self._lost + (REFUSED if self._reason == _REFUSED else RECONNECT):
            why = f" ({self._reason})" if self._reason else ""
            self._death = f"the connection to {self._url} was lost, and the server is gone{why}"

    def _finish(self, attempt: Background[Any]) -> None:
        """Use the result of an attempt to open the connection again."""
        try:
            client = attempt.result(0.0)
        except Exception as error:  # a server that is just starting fails in many ways
            self._reason = _reason(error)
            return
        self._lost = 0.0
        self._reason = ""
        if client is None:
            self._death = ENDED
        else:
            self._client = client
            self._send_on()

    def _known(self, name: str) -> str:
        """Return the name of the requested kernel. Raises UsageError if the server has none of that name."""
        from jupyter_kernel_client.manager import fetch

        address = f"{self._url}/api/kernelspecs"
        specs = Background(lambda: fetch(address, headers=_headers(), timeout=AT_ONCE).json()).result(AT_ONCE)
        known = sorted(specs.get("kernelspecs", {}))
        if name and name not in known:
            others = one_line(mask(", ".join(known), [token()]))  # a server can name its kernels as it likes
            raise UsageError(f"{self._url} has no kernel {one_line(name, 60)!r}; it has: {others}")
        return name or str(specs.get("default", "python3"))

    def _channel(self, name: str) -> Any:
        return getattr(self._client, f"{name}_channel")

    def _explained(self, error: Exception) -> str:
        """Return the line for the user about a server that did not start a kernel."""
        status = getattr(getattr(error, "response", None), "status_code", 0)
        if status in (401, 403):
            fault = "is not the right one" if token() else "is not set"
            return f"{self._url} wants a token: {TOKEN} {fault}."
        if status:
            return f"{self._url} starts no kernel: it answered with HTTP {status}."
        return f"{self._url} cannot be reached as a Jupyter server: {_reason(error)}"


def _opened(manager: Any, patience: float, session: str = "") -> Any:
    """Return a client on a websocket to the kernel.

    With the id of an earlier `session`, the server first sends the messages that it kept since that session's
    connection was lost. Call this on a background thread: otherwise the websocket's thread would hold up the end of
    the process. Raises OSError.
    """
    from jupyter_kernel_client.wsclient import KernelWebSocketClient

    address = f"ws{manager.kernel_url.removeprefix('http')}/channels"
    client = KernelWebSocketClient(address, headers=_headers(), timeout=patience, log=_silent())
    if session:
        client.session.session = session
    client.start_channels()
    if not client.channels_running:
        _close(client)
        raise OSError("the server lets no websocket through")
    return client


def _opened_again(manager: Any, client: Any) -> Any:
    """Return a client that continues the session of a client without connection, None if the kernel has ended."""
    if manager.refresh_model(AT_ONCE) is None:
        return None
    _close(client)
    return _opened(manager, AT_ONCE, client.session.session)


def _close(client: Any) -> None:
    """Close a connection, and wait only briefly for it."""
    if client is not None:
        _hang_up(client)
        client.timeout = CLOSING
        client.stop_channels()


def _hang_up(client: Any) -> None:
    """Shut down the socket below the websocket, and wait until its thread notices: otherwise it would sleep 10 s."""
    with contextlib.suppress(AttributeError, OSError):  # it has ended already
        client.kernel_socket.sock.sock.shutdown(socket.SHUT_RDWR)
    deadline = time.monotonic() + CLOSING
    while client.channels_running and time.monotonic() < deadline:
        time.sleep(0.01)


def _checked(url: str) -> str:
    """Return the address of a server, normalized. Raises UsageError, without repeating a token."""
    if not is_web_address(url):
        raise UsageError("That is not the address of a Jupyter server. It looks like http://localhost:8888")
    parts = urlsplit(url)
    if parts.query or parts.username or parts.password or parts.fragment:
        raise UsageError(f"The address goes without a token or a password: put the token into {TOKEN}.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _reason(error: BaseException) -> str:
    """Return the message of the innermost exception of a chain, on one line."""
    while error.__context__ is not None:
        error = error.__context__
    return one_line(getattr(error, "strerror", None) or error, 160)


def _silent() -> logging.Logger:
    """Return a logger that writes nowhere: the user is shown lines of our own."""
    logger = logging.getLogger(__name__)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger
