"""A kernel in a process of its own on this machine: starts it, sends it messages, tells whether it lives."""

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

START = 60.0  # seconds in which a kernel has to answer for the first time
KILLED = 1.0  # seconds that the system may take to end a process
LONGEST_SOCKET = 90  # bytes of a path; the kernel adds a few, and systems take 104 at least
MISSING = "Code that runs in a kernel of its own needs more packages: pip install 'codeact-magic[chat]'"


# What lies in the working directory must not be taken for a part of the kernel; IPython itself adds that for the code.
_LAUNCH = """\
import sys
sys.path[:] = filter(None, sys.path)
from ipykernel import kernelapp
kernelapp.launch_new_instance()
"""


class Message(NamedTuple):
    """What a kernel sent: on which channel, in answer to which request, of which kind."""

    channel: str
    parent: str
    kind: str
    content: Json


class Kernel(Protocol):
    """A kernel, wherever it runs. What it is asked for is told by id; what it sends is received in order."""

    def start(self) -> None:
        """Start it and wait until it answers. Raises UsageError where it cannot be started."""

    def send(self, channel: str, kind: str, content: Json) -> str:
        """Send a message on a channel ("shell", "stdin") and return its id."""

    def receive(self, patience: float) -> Message | None:
        """Return the next message, or None where none comes within `patience` seconds."""

    def death(self) -> str:
        """Return what became of the kernel, as the end of a sentence, or "" while it lives."""

    def trouble(self) -> str:
        """Return a sentence about a connection that is lost, while it is tried again and after that was given up."""

    def interrupt(self) -> None:
        """Interrupt the code that runs."""

    def end(self, at_once: bool = False) -> None:
        """End it, politely unless `at_once`; does nothing where it has ended."""

    def kill(self) -> None:
        """Have it die under whoever uses it, in any thread or in a signal handler; `end` is called all the same."""


class LocalKernel:
    """A kernel process on this machine, which ends with this process whatever ends that.

    Args:
        name: a kernelspec's name; "" is IPython's kernel in this very Python.
        cwd: the working directory; the present one where it is None.
    """

    def __init__(self, name: str = "", cwd: Path | None = None) -> None:
        self._name, self._cwd = name, cwd
        self._manager: Any = None
        self._client: Any = None
        self._kill: Callable[[], object] = _nothing

    def start(self) -> None:
        """Start it and wait until it answers. Raises UsageError where it cannot be started."""
        self._manager = _manager(self._name)
        with tempfile.TemporaryFile() as complaints:
            try:
                self._launch(complaints)
            except Exception as error:
                self.end(at_once=True)
                said = _last_line(complaints) or one_line(error)
                raise UsageError(f"The kernel could not be started: {said}") from None
            except BaseException:
                self.end(at_once=True)
                raise

    def _launch(self, complaints: IO[bytes]) -> None:
        """Start the process. What it says past the messages is no output of anybody's code: it has no screen."""
        place = {"cwd": str(self._cwd or Path.cwd()), "env": _environment()}
        options = {"stdout": subprocess.DEVNULL, "stderr": complaints, "preexec_fn": _dying_with_us()}
        self._manager.start_kernel(**options, **place)
        self._kill = weakref.finalize(self, _kill, self._manager.provisioner.process)  # nobody may have called `end`
        self._client = self._manager.client(context=_context(os.getpid()))
        self._client.start_channels(hb=False)
        self._client.wait_for_ready(timeout=START)

    def send(self, channel: str, kind: str, content: Json) -> str:
        """Send a message on a channel ("shell", "stdin") and return its id."""
        message = self._client.session.msg(kind, content)
        getattr(self._client, f"{channel}_channel").send(message)
        return str(message["header"]["msg_id"])

    def receive(self, patience: float) -> Message | None:
        """Return the next message, or None where none comes within `patience` seconds."""
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
        """Return what became of the kernel, as the end of a sentence, or "" while it lives."""
        if self._manager is None or self._manager.is_alive():
            return ""
        return f"the kernel died ({_cause(getattr(self._manager.provisioner, 'process', None))})"

    def trouble(self) -> str:
        """Return "": there is no connection that could be lost."""
        return ""

    def interrupt(self) -> None:
        """Interrupt the code that runs."""
        self._manager.interrupt_kernel()

    def end(self, at_once: bool = False) -> None:
        """End it; does nothing where it has ended."""
        manager, client, self._manager, self._client = self._manager, self._client, None, None
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
        """Have it die under whoever uses it, in any thread or in a signal handler; `end` is called all the same."""
        self._kill()


def _manager(name: str) -> Any:
    try:
        import ipykernel  # noqa: F401
        from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
        from jupyter_client.manager import KernelManager
    except ImportError:
        raise UsageError(MISSING) from None

    class ThisPython(KernelSpecManager):
        """Knows one kernel: that of this very environment, whatever is installed under the name of python3."""

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
    """Return the one context of all sockets that this process has: nothing ever ends it.

    One of a client's own would end when the garbage collector finds it, and that waits until its sockets are closed:
    those that the collector found with it never are.
    """
    import zmq

    return zmq.Context()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a kernel's process, and those that it has started; does nothing where it has ended."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            process.wait(KILLED)


def _nothing() -> None:
    """Do what there is to do for a kernel that was never started."""


def _dying_with_us() -> Callable[[], object] | None:
    """Return what a new process has to call so that it ends with this one whatever it does: only Linux knows how.

    It would end with the thread that starts it, so only the main one does that. Elsewhere the kernel looks by itself,
    as soon as its code lets it, whether this process is there.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    import ctypes

    return functools.partial(ctypes.CDLL(None).prctl, _PARENT_DEATH_SIGNAL, int(signal.SIGKILL))


_PARENT_DEATH_SIGNAL = 1  # as <linux/prctl.h> has it


def _close_loop() -> None:
    """Close the event loop that jupyter_client makes for a thread which comes here only once."""
    if threading.current_thread() is not threading.main_thread():
        from jupyter_core.utils import ensure_event_loop

        with contextlib.suppress(RuntimeError):  # it runs: it is somebody else's
            ensure_event_loop().close()


def _sockets() -> dict[str, str]:
    """Return where the kernel is to listen: on files of the user's own, where a path may be so long."""
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())
    file = str(folder / f"codeact-{token_hex(6)}.json")
    if os.name != "posix" or len(os.fsencode(file)) > LONGEST_SOCKET:
        return {}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"transport": "ipc", "connection_file": file}


def _environment() -> dict[str, str]:
    """Return the environment of a kernel: figures are shown inline whatever this process does with its own."""
    return dict(os.environ) | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def _cause(process: Any) -> str:
    """Return how a process ended, as far as that is known."""
    code = process.poll() if process is not None else None
    if code is None:
        return "it is gone"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
    return f"its exit status was {code}"


def _last_line(complaints: IO[bytes]) -> str:
    """Return the last line of what a process has written."""
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1]) if lines else ""
