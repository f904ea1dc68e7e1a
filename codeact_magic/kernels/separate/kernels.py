"""The interface of a kernel, and a kernel process on this machine."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, NamedTuple, Protocol

from ...errors import UsageError
from ...session import Json
from ...text import one_line

START = 60.0  # seconds that a kernel has until its first answer
KILLED = 1.0  # seconds that the system has to end a process
LONGEST_SOCKET = 90  # bytes of a path; the kernel adds a few, and every system accepts 104
MISSING = "Code that runs in a kernel of its own needs more packages: pip install 'codeact-magic[chat]'"


# The kernel must not import modules from the working directory; IPython adds that directory for the code itself.
_LAUNCH = """\
import sys
sys.path[:] = filter(None, sys.path)
from ipykernel import kernelapp
kernelapp.launch_new_instance()
"""


class Message(NamedTuple):
    """A message of a kernel: its channel, the id of the request that it belongs to, its kind and content."""

    channel: str
    parent: str
    kind: str
    content: Json


class Kernel(Protocol):
    """A kernel, here or elsewhere. Requests have ids, and its messages are received in order."""

    def start(self) -> None:
        """Start the kernel and wait until it answers. Raises UsageError if it cannot be started."""

    def send(self, channel: str, kind: str, content: Json) -> str:
        """Send a message on a channel ("shell", "stdin") and return its id."""

    def receive(self, patience: float) -> Message | None:
        """Return the next message, or None if none comes within `patience` seconds."""

    def death(self) -> str:
        """Return how the kernel died, as the end of a sentence, or "" while it lives."""

    def trouble(self) -> str:
        """Return a sentence about a lost connection, both during and after the attempts to restore it; "" otherwise."""

    def interrupt(self) -> None:
        """Interrupt the running code."""

    def end(self, at_once: bool = False) -> None:
        """Shut the kernel down, or kill it `at_once`. Does nothing if it has ended."""

    def kill(self) -> None:
        """Kill the kernel while it may be in use, from any thread or a signal handler. `end` must still be called."""


class LocalKernel:
    """A kernel process on this machine. It ends with this process, even if this process is killed.

    Args:
        name: a kernelspec's name; "" is IPython's kernel in the running Python.
        cwd: the working directory; defaults to the current one.
    """

    def __init__(self, name: str = "", cwd: Path | None = None) -> None:
        self._name = name
        self._cwd = cwd
        self._manager: Any = None
        self._client: Any = None
        self._kill: Callable[[], object] = _nothing

    def start(self) -> None:
        """Start the kernel and wait until it answers. Raises UsageError if it cannot be started."""
        self._manager = _manager(self._name)
        with tempfile.TemporaryFile() as complaints:
            try:
                self._launch(complaints)
            except Exception as error:
                self.end(at_once=True)
                reason = _last_line(complaints) or one_line(error)
                raise UsageError(f"The kernel could not be started: {reason}") from None
            except BaseException:
                self.end(at_once=True)
                raise

    def _launch(self, complaints: IO[bytes]) -> None:
        """Start the process. Its standard output is discarded: the output of code comes in messages."""
        self._manager.start_kernel(
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            preexec_fn=_dying_with_us(),
            cwd=str(self._cwd or Path.cwd()),
            env=_environment(),
        )
        self._kill = weakref.finalize(self, _kill, self._manager.provisioner.process)  # if nobody calls `end`
        self._client = self._manager.client(context=_context(os.getpid()))
        self._client.start_channels(hb=False)
        self._client.wait_for_ready(timeout=START)

    def send(self, channel: str, kind: str, content: Json) -> str:
        """Send a message on a channel ("shell", "stdin") and return its id."""
        message = self._client.session.msg(kind, content)
        getattr(self._client, f"{channel}_channel").send(message)
        return str(message["header"]["msg_id"])

    def receive(self, patience: float) -> Message | None:
        """Return the next message, or None if none comes within `patience` seconds."""
        import zmq

        channels = {getattr(self._client, f"{name}_channel").socket: name for name in ("iopub", "stdin", "shell")}
        poller = zmq.Poller()
        for socket in channels:
            poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(int(patience * 1000)))
        socket = next((socket for socket in channels if socket in ready), None)
        if socket is None:
            return None
        _, message = self._client.session.recv(socket, zmq.NOBLOCK)
        parent = message["parent_header"].get("msg_id", "")
        return Message(channels[socket], parent, message["msg_type"], message["content"])

    def death(self) -> str:
        """Return how the kernel died, as the end of a sentence, or "" while it lives."""
        if self._manager is None or self._manager.is_alive():
            return ""
        return f"the kernel died ({_cause(getattr(self._manager.provisioner, 'process', None))})"

    def trouble(self) -> str:
        """Return "": there is no connection to lose."""
        return ""

    def interrupt(self) -> None:
        """Interrupt the running code."""
        self._manager.interrupt_kernel()

    def end(self, at_once: bool = False) -> None:
        """Shut the kernel down, or kill it `at_once`. Does nothing if it has ended."""
        manager = self._manager
        client = self._client
        self._manager = None
        self._client = None
        try:
            if client is not None:
                client.stop_channels()
            if manager is not None and manager.has_kernel:
                with contextlib.suppress(Exception):
                    manager.shutdown_kernel(now=at_once)
                _close_loop()
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill the kernel while it may be in use, from any thread or a signal handler. `end` must still be called."""
        self._kill()


def _manager(name: str) -> Any:
    try:
        import ipykernel  # noqa: F401
        from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
        from jupyter_client.manager import KernelManager
    except ImportError:
        raise UsageError(MISSING) from None

    class ThisPython(KernelSpecManager):
        """Offers a single kernel: that of this environment, whatever is installed under the name python3."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            command = [sys.executable, "-c", _LAUNCH, "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="Python", language="python")

    if not name:
        return KernelManager(kernel_spec_manager=ThisPython(), context=_context(os.getpid()), **_sockets())
    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        known = ", ".join(sorted(KernelSpecManager().find_kernel_specs())) or "none"
        raise UsageError(f"There is no kernel {one_line(name, 60)!r} here; there is: {one_line(known)}") from None
    return KernelManager(kernel_name=name, context=_context(os.getpid()))


@functools.cache
def _context(process: int) -> Any:
    """Return the context that all sockets of `process`, this process, share; it is never terminated.

    A context per client would be terminated by the garbage collector. That blocks until the client's sockets are
    closed, and sockets collected along with the context never are.
    """
    import zmq

    return zmq.Context()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a kernel's process, and the processes that it has started. Does nothing if it has ended."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait(KILLED)


def _nothing() -> None:
    """Stand in for killing a kernel that was never started."""


def _dying_with_us() -> Callable[[], object] | None:
    """Return a function that makes a new process end with this one, if it calls it. Only Linux has such a function.

    The process would end with the thread that starts it, so other threads than the main one do without. The kernel
    also checks by itself whether this process is there, but only while it runs no code.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    import ctypes

    return functools.partial(ctypes.CDLL(None).prctl, _PARENT_DEATH_SIGNAL, int(signal.SIGKILL))


_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG in <linux/prctl.h>


def _close_loop() -> None:
    """Close the event loop that jupyter_client made for a thread other than the main one."""
    if threading.current_thread() is not threading.main_thread():
        from jupyter_core.utils import ensure_event_loop

        with contextlib.suppress(RuntimeError):  # it is running, so it belongs to somebody else
            ensure_event_loop().close()


def _sockets() -> dict[str, str]:
    """Return where the kernel listens: on socket files of the user's own, if the system allows such a path."""
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())
    file = str(folder / f"codeact-{token_hex(6)}.json")
    if os.name != "posix" or len(os.fsencode(file)) > LONGEST_SOCKET:
        return {}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"transport": "ipc", "connection_file": file}


def _environment() -> dict[str, str]:
    """Return the environment of a kernel: it shows figures inline, whatever this process does."""
    return dict(os.environ) | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def _cause(process: Any) -> str:
    """Return how a process ended, if that is known."""
    code = process.poll() if process is not None else None
    if code is None:
        return "it is gone"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
    return f"its exit status was {code}"


def _last_line(complaints: IO[bytes]) -> str:
    """Return the last line that a process has written."""
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1]) if lines else ""
