"""Real kernels to test against: ipykernel as it is installed, and the older ones that people still run.

`python -m tests.kernels` fetches the older ones into .cache, once; tests that need one fetch it themselves.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import IO, Any

import zmq
from jupyter_client.manager import KernelManager

OLDER = {"7.3": "7.3.*", "6.30": "6.30.1"}
NEWEST = "newest"
VERSIONS = (NEWEST, *OLDER)
CACHE = Path(__file__).parent.parent / ".cache"
PATIENCE = 60.0  # seconds that a test waits for a message before it fails
LOOK = 0.1  # seconds after which it looks again whether what it waits for has happened elsewhere than in a message
EOF = "\x04"  # what a front end answers to input() for Ctrl-D

Message = dict[str, Any]

# %reset would be slow. No page of JupyterLab will greet these kernels: they need not wait before they ask on stdin.
_FRESH = """
import os, codeact_magic.frontends.lab_page
os.chdir({folder!r})
codeact_magic.frontends.lab_page.PATIENCE = 0.0
get_ipython().run_line_magic("reload_ext", "codeact_magic")
for name in [name for name in globals() if name not in get_ipython().user_ns_hidden and not name.startswith("_")]:
    del globals()[name]
"""


def fetch(version: str) -> Path:
    """Return the folder of one of the older ipykernels; fetch it if it is not there."""
    folder = CACHE / f"ipykernel-{version}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=CACHE))
        print(f"fetching ipykernel {OLDER[version]} into .cache/{folder.name} ...", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(draft), f"ipykernel=={OLDER[version]}"], check=True)
        try:
            draft.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(draft)
    return folder


class Run:
    """A cell that runs in a kernel: its messages so far, and ways to wait for more."""

    def __init__(self, kernel: Kernel, id: str, answers: tuple[str, ...] = ()) -> None:
        self.kernel, self.id = kernel, id
        self.answers = list(answers)
        self.messages: list[Message] = []  # from iopub
        self.questions: list[str] = []
        self.reply: Message = {}
        self._idle = False

    @property
    def done(self) -> bool:
        """Whether the kernel has replied, and sent all messages of the cell."""
        return bool(self.reply) and self._idle

    def finish(self) -> Run:
        """Wait for the end."""
        return self.wait(lambda: self.done)

    def wait(self, happened: Callable[[], Any], patience: float = PATIENCE) -> Run:
        """Receive messages until `happened()`."""
        deadline = time.monotonic() + patience
        while not happened():
            left = deadline - time.monotonic()
            assert left > 0, f"it did not happen; so far: {self.text!r} {self.errors} {self.questions}"
            assert not self.done, f"the cell has ended before it happened: {self.text!r} {self.errors}"
            for message in self.kernel.messages(min(left, LOOK)):
                self._take(message)
        return self

    def answer(self, text: str) -> None:
        """Answer the pending question."""
        self.kernel.client.input(text)

    def _take(self, message: Message) -> None:
        if message["parent_header"].get("msg_id") != self.id:
            return
        content = message["content"]
        match message["msg_type"]:
            case "execute_reply":
                self.reply = content
            case "input_request":
                self.questions.append(content["prompt"])
                if self.answers:
                    self.answer(self.answers.pop(0))
            case "status":
                self._idle = content["execution_state"] == "idle"
            case _:
                self.messages.append(message)

    # -- the outputs as a front end shows them -------------------------------------------------------------------------

    def of(self, *kinds: str) -> list[Message]:
        """Return the contents of the messages of some kinds."""
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def outputs(self) -> list[Message]:
        """Return the outputs as a front end shows them now."""
        shown: list[Message] = []
        displays: dict[str, list[Message]] = {}
        clear = False
        for message in self.messages:
            kind, content = message["msg_type"], message["content"]
            display_id = content.get("transient", {}).get("display_id")
            if kind == "clear_output":
                clear = True
            if clear and (kind != "clear_output" or not content["wait"]):
                shown, clear = [], False
            if kind == "update_display_data":
                for output in displays.get(display_id, []):
                    output.update(content)
            elif kind == "stream" and shown and shown[-1]["kind"] == kind and shown[-1]["name"] == content["name"]:
                shown[-1]["text"] += content["text"]
            elif kind in ("stream", "display_data", "execute_result", "error"):
                shown.append({"kind": kind, **content})
                displays.setdefault(display_id, []).append(shown[-1])
        return shown

    @property
    def text(self) -> str:
        """Return the text written to stdout."""
        return "".join(content["text"] for content in self.of("stream") if content["name"] == "stdout")

    @property
    def markdown(self) -> list[str]:
        """Return the shown Markdown."""
        return [output["data"]["text/markdown"] for output in self.outputs if "text/markdown" in output.get("data", ())]

    @property
    def shown(self) -> str:
        """Return all outputs as text."""
        parts = []
        for output in self.outputs:
            data = output.get("data", {})
            parts.append(output.get("text") or data.get("text/markdown") or data.get("text/plain") or "")
        return "\n".join([*parts, *self.errors])

    @property
    def errors(self) -> list[str]:
        """Return the shown tracebacks."""
        return ["\n".join(output["traceback"]) for output in self.outputs if output["kind"] == "error"]


class Kernel:
    """A kernel in a process of its own, in a working directory of its own."""

    def __init__(
        self, version: str, folder: Path, environment: dict[str, str] | None = None, log: IO[str] | None = None
    ) -> None:
        self.version, self.folder = version, folder
        self.log: list[Message] = []  # every message, whatever request it belongs to
        self.last: Run | None = None
        self.manager = KernelManager(kernel_name="python3")
        streams = {"stdout": log, "stderr": log} if log else {}  # what a server keeps of a kernel
        self.manager.start_kernel(cwd=str(folder), env=self._environment() | (environment or {}), **streams)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self._channels = {
            channel.socket: channel
            for channel in (self.client.iopub_channel, self.client.stdin_channel, self.client.shell_channel)
        }
        self._poller = zmq.Poller()
        for socket in self._channels:
            self._poller.register(socket, zmq.POLLIN)

    def _environment(self) -> dict[str, str]:
        # With PYTEST_CURRENT_TEST ipykernel does not read the file descriptors 1 and 2, as it does everywhere else.
        ours = ("OPENAI_", "CODEACT_", "PYTEST_", "JPY_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        older = [str(fetch(self.version))] if self.version in OLDER else []
        return kept | {
            "IPYTHONDIR": str(self.folder / ".ipython"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / ".runtime"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONPATH": os.pathsep.join([*older, *filter(None, [os.environ.get("PYTHONPATH")])]),
        }

    def wants(self, reported: str) -> bool:
        """Return whether `reported` is the version that this kernel should have."""
        wanted = OLDER.get(self.version, installed_version("ipykernel"))
        return reported == wanted or reported.startswith(wanted.rstrip("*") if wanted.endswith("*") else f"{wanted}+")

    def messages(self, patience: float) -> Iterator[Message]:
        """Wait for a message, and yield all that are there."""
        for socket, _ in self._poller.poll(int(patience * 1000)):
            message: Message = self._channels[socket].get_msg(timeout=0)
            self.log.append(message)
            yield message

    def begin(self, code: str, *answers: str, stdin: bool = True, store_history: bool = True) -> Run:
        """Start `code`; `answers` go to its questions, one after the other."""
        id = self.client.execute(code, allow_stdin=stdin, store_history=store_history)
        self.last = Run(self, id, answers)
        return self.last

    def run(self, code: str, *answers: str, stdin: bool = True, store_history: bool = True) -> Run:
        """Run `code` to its end."""
        return self.begin(code, *answers, stdin=stdin, store_history=store_history).finish()

    def value(self, expression: str) -> Any:
        """Return the value of an expression that JSON can hold, without a trace in the history."""
        run = self.run(f"import json as _json; print(_json.dumps({expression}))", store_history=False)
        assert run.reply["status"] == "ok", run.errors
        return json.loads(run.text)

    def refresh(self, folder: Path) -> None:
        """Empty the namespace, change to `folder`, and reload the extension."""
        run = self.run(_FRESH.format(folder=str(folder)), store_history=False)
        assert run.reply["status"] == "ok", run.errors
        self.folder = folder
        self.log.clear()

    def settle(self) -> None:
        """End code that a test has left running, if necessary together with the process."""
        if self.last is None or self.last.done:
            return
        try:
            self.last.wait(lambda: self.last is None or self.last.done, patience=PATIENCE / 12)
        except AssertionError:
            self.manager.restart_kernel(now=True)
            self.client.wait_for_ready(timeout=PATIENCE)

    def interrupt(self) -> None:
        """Interrupt the kernel, as Stop does."""
        self.manager.interrupt_kernel()

    def alive(self) -> bool:
        """Return whether the process runs."""
        return bool(self.manager.is_alive())

    def close(self) -> None:
        """End the process."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def started(version: str, folder: Path, environment: dict[str, str] | None = None) -> Iterator[Kernel]:
    """Run a kernel until the end of the context."""
    kernel = Kernel(version, folder, environment)
    try:
        yield kernel
    finally:
        kernel.close()


if __name__ == "__main__":
    for older in OLDER:
        where = fetch(older)
        print(f"ipykernel {older} lies in .cache/{where.name}")
