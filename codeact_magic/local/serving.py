"""The server of a local model: llama.cpp's, in a child process, which keeps its crashes, memory and threads apart.

The child ends when this process ends, even if this process is killed.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import LocalModelError
from .child import KEY, detached
from .fetching import fetch_with_bar, find
from .known_models import DEFAULT, MODELS, gigabytes, require_extra, silent

Tick = Callable[[float], None]  # seconds waited

CONTEXT = 8192  # tokens
POLL = 0.1  # seconds between two looks at a child that loads its model
LOAD_TIMEOUT = 120.0  # seconds
LOG_READ = 8192  # bytes, at the end of the log, that an error looks at
LOG_TAIL = 4  # lines of them that an error quotes


class Server:
    """A model server in a child process that ends with this one."""

    def __init__(self, command: Sequence[str], model: str, context: int) -> None:
        self.model = model
        self.context = context  # the context window, in tokens
        self.key = secrets.token_hex(24)  # whoever asks the server has to know it
        self.address = ""  # such as http://127.0.0.1:40001, empty until the child has reported it
        self._started = time.monotonic()
        handle, log = tempfile.mkstemp(prefix="codeact-local-", suffix=".log")
        self._log = Path(log).open("rb")
        with os.fdopen(handle, "wb") as stderr:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | {KEY: self.key},
                **detached(),
            )
        with suppress(PermissionError):  # on Windows; elsewhere, an unlinked file cannot be left behind
            Path(log).unlink()
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()  # the line with the address; b"" at the end
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.stop)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                if line.startswith(b'{"address"'):  # a sitecustomize may print too
                    self._lines.put(line)
        self._lines.put(b"")

    @property
    def base_url(self) -> str:
        """The base URL for an OpenAI client."""
        return f"{self.address}/v1"

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child is running."""
        return self._process.poll() is None

    @property
    def seconds(self) -> float:
        """Seconds since the child was started."""
        return time.monotonic() - self._started

    @property
    def memory(self) -> int | None:
        """The child's resident memory in bytes, None if it is unknown."""
        try:
            return int(import_module("psutil").Process(self.pid).memory_info().rss)
        except Exception:  # psutil is not installed, or the child has ended
            return None

    def wait(self, *, timeout: float = LOAD_TIMEOUT, tick: Tick = silent) -> None:
        """Wait until the model is loaded. Raises LocalModelError if the child ends first or `timeout` seconds pass."""
        while not self._ready():
            if not self.alive:
                raise LocalModelError(f"the model server {self._end()}: {self.tail()}")
            if self.seconds > timeout:
                raise LocalModelError(f"the model server was not ready after {timeout:g} s: {self.tail()}")
            tick(self.seconds)

    def _ready(self) -> bool:
        if not self.address:
            self._read_address()
        elif self.healthy():
            return True
        else:
            time.sleep(POLL)
        return False

    def _read_address(self) -> None:
        with suppress(queue.Empty, subprocess.TimeoutExpired):
            if line := self._lines.get(timeout=POLL):
                self.address = json.loads(line)["address"]
            else:  # the child has closed its stdout, so it is about to end
                self._process.wait(timeout=5)

    def healthy(self) -> bool:
        """Return whether the server answers that its model is loaded."""
        # http.client ignores proxy settings, which must not apply to the loopback.
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=5)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        return False

    def _end(self) -> str:
        status = self._process.returncode
        if status == -9:
            return "was killed, perhaps because memory ran out (it takes about 2 GB)"
        return f"ended with exit status {status}"

    def tail(self) -> str:
        """Return the last lines of the server's log as one line."""
        if self._log.closed:
            return "its log is gone"
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - LOG_READ))
        lines = [line.strip() for line in self._log.read().decode("utf-8", "replace").splitlines()]
        return " | ".join([line for line in lines if line][-LOG_TAIL:]) or "its log is empty"

    def stop(self) -> None:
        """Kill the child: it has no data to lose."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._log.close()
        with suppress(OSError):
            Path(self._log.name).unlink(missing_ok=True)


def serve(
    path: str | Path,
    *,
    name: str = DEFAULT,
    context: int = CONTEXT,
    tick: Tick = silent,
    timeout: float = LOAD_TIMEOUT,
    command: Sequence[str] | None = None,
) -> Server:
    """Start a server for the GGUF file at `path`, wait until its model is loaded, and return it.

    Args:
        path: the GGUF file.
        name: the name under which the server offers the model.
        context: the context window, in tokens.
        tick: is called several times a second with the seconds waited.
        timeout: the most seconds to wait.
        command: replaces the child's command line.

    Raises:
        LocalModelError: an optional dependency is missing, the child ended, or `timeout` seconds passed.
    """
    require_extra()
    server = Server(command or child_command(Path(path), name, context), name, context)
    try:
        server.wait(timeout=timeout, tick=tick)
    except BaseException:
        server.stop()
        raise
    return server


# -P keeps the notebook's folder (it may hold a json.py) off the child's sys.path. The package need not be installed.
BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from codeact_magic.local.__main__ import main; sys.exit(main())"


def child_command(path: Path, name: str, context: int) -> list[str]:
    """Return the command line of a child that serves the GGUF file at `path`."""
    child = [sys.executable, "-P", "-c", BOOT, str(Path(__file__).parents[2]), "serve", "--end-with-stdin"]
    return [*child, "--model", str(path.absolute()), "--name", name, "--context", str(context)]


_server: Server | None = None


def running() -> Server | None:
    """Return this process's server, None if none is running."""
    return _server if _server is not None and _server.alive else None


def start(
    name: str = DEFAULT, *, path: str | Path | None = None, context: int = CONTEXT, tick: Tick = silent
) -> Server:
    """Return this process's server. If need be, fetch its model, with a progress bar, and start it.

    The arguments are those of `fetch` and `serve`. Raises LocalModelError.
    """
    global _server
    if (server := running()) and server.model == name:
        return server
    file = fetch_with_bar(name, path=path)
    stop()
    _server = serve(file, name=name, context=context, tick=tick)
    return _server


def stop() -> bool:
    """End this process's server, and return whether there was one."""
    global _server
    server = running()
    _server = None
    if server:
        server.stop()
    return server is not None


def status() -> str:
    """Return a line about each model (the path of its file, if fetched) and one about the server."""
    lines = [
        f"{model.name} ({gigabytes(model.size)}): {find(model.name) or 'not fetched'}" for model in MODELS.values()
    ]
    if server := running():
        memory = f", {gigabytes(server.memory)} of memory" if server.memory else ""
        lines.append(f"serving {server.model} at {server.base_url} (process {server.pid}{memory})")
    else:
        lines.append("no server is running")
    return "\n".join(lines)
