"""Kernels behind a real Jupyter server on loopback: the same executor, over HTTP and a websocket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from codeact_magic.cli.main import main
from codeact_magic.errors import UsageError
from codeact_magic.kernels.interpreter import InterpreterOptions
from codeact_magic.kernels.separate import GatewayKernel, KernelExecutor, gateway, notes
from codeact_magic.kernels.signals import interrupt
from codeact_magic.session import Observation
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint

from .shells import isolate

PATIENCE = 60.0
TOKEN = "tok-0123456789abcdefghij"


class JupyterServer:
    """A Jupyter server without JupyterLab, with a folder and a token of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        (folder / "root" / "work").mkdir(parents=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyter_server", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
                    *("--ServerApp.port_retries=0", "--no-browser", f"--ServerApp.root_dir={folder / 'root'}"),
                ],
                stdout=log,
                stderr=log,
                env=os.environ | {"JUPYTER_TOKEN": TOKEN, "JUPYTER_CONFIG_DIR": str(folder / "config")},
            )
        self._wait()

    def kernels(self) -> list[Any]:
        """Return the kernels that run on the server."""
        return list(self._get("api/kernels"))

    def crash(self) -> None:
        """Kill the server; its kernels notice."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def close(self) -> None:
        """End the server, and its kernels with it."""
        self._process.terminate()
        self._process.wait(PATIENCE)

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(f"{self.url}/{path}", headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._get("api/status")
                return
            except OSError:
                assert self._process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                threading.Event().wait(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A server for all tests."""
    server = JupyterServer(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the token in the environment."""
    monkeypatch.setenv("JUPYTER_TOKEN", TOKEN)


@pytest.fixture
def engine(server: JupyterServer) -> Iterator[KernelExecutor]:
    """An executor whose kernel runs on the server."""
    with KernelExecutor(GatewayKernel(server.url), InterpreterOptions(secrets=lambda: (TOKEN,))) as engine:
        yield engine


def text(observation: Observation) -> str:
    """Return the text written to standard output."""
    return "".join(output["text"] for output in observation.outputs if output.get("name") == "stdout")


@pytest.mark.kernel
def test_actions_run_as_in_a_kernel_on_this_machine(engine: KernelExecutor) -> None:
    shown: list[str] = []
    engine.show = lambda output: shown.append(output.get("name") or output["output_type"])
    observation = engine.run("print('one')\n'two'\nvalues = [1]\n1 / 0")
    assert [output["output_type"] for output in observation.outputs] == ["stream", "execute_result", "error"]
    assert (observation.status, observation.line) == ("error", "line 4: 1 / 0")
    assert shown == ["stdout", "execute_result", "error"]
    assert engine.run("values.append(2)").changed == (("values", "<list of 2 int>"),)
    assert engine.summary() == "Variables in the notebook:\nvalues: list of 2 int"
    assert engine.evaluate("print(6 * 7)") == "42\n"


@pytest.mark.kernel
def test_questions_of_the_code_are_answered_by_the_user(engine: KernelExecutor) -> None:
    engine.ask = lambda prompt, hidden: f"{prompt}Ada"
    assert engine.run("name = input('Name? ')").changed == (("name", "'Name? Ada'"),)


@pytest.mark.kernel
def test_the_timeout_and_ctrl_c_interrupt_the_action(engine: KernelExecutor) -> None:
    engine.run("kept = 1")
    engine.configure(InterpreterOptions(timeout=0.5, secrets=lambda: (TOKEN,)))
    assert engine.run("while True: pass").status == "timed out"
    engine.configure(InterpreterOptions(secrets=lambda: (TOKEN,)))
    engine.show = lambda output: interrupt() if "it runs" in output.get("text", "") else None
    assert engine.run("print('it runs')\nwhile True: pass").status == "interrupted"
    engine.show = lambda output: None
    assert text(engine.run("print(kept)")) == "1\n"


@pytest.mark.kernel
def test_a_kernel_that_dies_is_reported_and_replaced(engine: KernelExecutor) -> None:
    observation = engine.run("import os\nos.kill(os.getpid(), 9)")
    assert (observation.status, observation.lost) == ("kernel lost", True)
    assert observation.outputs[-1]["ename"] == "DeadKernelError"
    assert observation.note == notes.gone(out_of_reach=False)
    assert text(engine.run("print('on')")) == "on\n"


@pytest.mark.kernel
def test_a_closed_kernel_is_gone_from_the_server(server: JupyterServer) -> None:
    before = server.kernels()
    with KernelExecutor(GatewayKernel(f"{server.url}/", path="work")) as engine:
        shown = text(engine.run("import os; print(os.getcwd())"))
        assert shown == f"{server.folder / 'root' / 'work'}\n"
        assert len(server.kernels()) == len(before) + 1
    assert server.kernels() == before


def drop(engine: KernelExecutor) -> None:
    """Cut the connection, as a network failure does."""
    client: Any = vars(engine.kernel)["_client"]
    client.kernel_socket.sock.sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.kernel
def test_a_lost_connection_is_opened_again_and_no_message_is_missing(engine: KernelExecutor) -> None:
    engine.run("kept = 1")
    engine.show = lambda output: drop(engine) if "it runs" in output.get("text", "") else None
    observation = engine.run("import time\nprint('it runs')\ntime.sleep(1.5)\nprint('on')\nkept + 1")
    assert observation.status == "ok"
    assert text(observation) == "it runs\non\n"
    assert observation.outputs[-1]["data"] == {"text/plain": "2"}
    engine.show = lambda output: None
    drop(engine)
    assert text(engine.run("print(kept)")) == "1\n"


class Way:
    """A proxy to a server that can cut its connections."""

    def __init__(self, url: str) -> None:
        self._server, self._port = urlsplit(url).port, 0
        self.open()
        self.url = f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Let connections through."""
        self._door = socket.create_server(("127.0.0.1", self._port))
        self._port = self._door.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._let_in, args=[self._door, self._ends], daemon=True).start()

    def bar(self) -> None:
        """Cut all connections, and refuse others."""
        self._door.shutdown(socket.SHUT_RDWR)
        for end in (self._door, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _let_in(self, door: socket.socket, ends: list[socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while True:
                pair = (door.accept()[0], socket.create_connection(("127.0.0.1", self._server)))
                ends.extend(pair)
                for one, other in (pair, pair[::-1]):
                    threading.Thread(target=self._pass_on, args=[one, other], daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)


@pytest.mark.kernel
def test_a_server_that_is_back_in_time_goes_on_with_the_step(
    server: JupyterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "REFUSED", PATIENCE)
    way = Way(server.url)
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if len(lines) == 1:
            threading.Timer(1.0, way.open).start()  # after at least one refused attempt

    with KernelExecutor(GatewayKernel(way.url), tell=tell) as engine:
        engine.show = lambda output: way.bar() if output.get("text") == "it runs\n" else None
        observation = engine.run("import time\nprint('it runs')\ntime.sleep(1.5)\nprint('on')")
        assert (observation.status, text(observation)) == ("ok", "it runs\non\n")
        assert lines == [
            f"The connection to {way.url} is lost; it is tried again. Ctrl+C stops.",
            "The connection is there again.",
        ]
        way.bar()
        way.open()
        assert text(engine.run("print('on')")) == "on\n"
    way.bar()


@pytest.mark.kernel
def test_a_lost_server_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "REFUSED", 1.5)
    server = JupyterServer(tmp_path)
    with KernelExecutor(GatewayKernel(server.url)) as engine:
        lines: list[str] = []
        engine.tell = lines.append
        engine.show = lambda output: server.crash() if "it runs" in output.get("text", "") else None
        observation = engine.run("import time\nprint('it runs')\ntime.sleep(600)")
        assert (observation.status, observation.lost) == ("kernel lost", True)
        assert observation.outputs[-1]["ename"] == "ConnectionLostError"
        gone = f"The connection to {server.url} was lost, and the server is gone (Connection refused)."
        assert observation.outputs[-1]["evalue"] == gone
        assert lines == [f"The connection to {server.url} is lost; it is tried again. Ctrl+C stops."]
        assert observation.note == notes.gone(out_of_reach=True)
        with pytest.raises(UsageError, match="cannot be reached as a Jupyter server: Connection refused"):
            engine.run("1")


@pytest.mark.kernel
def test_ctrl_c_ends_the_wait_for_a_lost_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "REFUSED", PATIENCE)
    server = JupyterServer(tmp_path)
    with KernelExecutor(GatewayKernel(server.url)) as engine:
        engine.show = lambda output: server.crash() if "it runs" in output.get("text", "") else None
        engine.tell = lambda line: interrupt()
        observation = engine.run("import time\nprint('it runs')\ntime.sleep(600)")
        assert observation.status == "interrupted"
        # Had it waited as long as `REFUSED` says, the server would be given up, and this would say so.
        assert observation.outputs[-1]["evalue"] == f"The connection to {server.url} was lost."


@pytest.mark.kernel
def test_a_kernel_on_a_server_does_not_hold_up_the_end_of_the_process(server: JupyterServer, tmp_path: Path) -> None:
    code = f"from codeact_magic.kernels.separate import *\nengine = KernelExecutor(GatewayKernel({server.url!r}))\n"
    done = subprocess.run([sys.executable, "-c", f"{code}engine.run('1')"], cwd=tmp_path, timeout=PATIENCE)
    assert done.returncode == 0


class Dripping(BaseHTTPRequestHandler):
    """Sends an endless answer, a byte at a time."""

    def do_GET(self) -> None:
        """Answer until the client goes away."""
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.over.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.mark.kernel
@pytest.mark.parametrize("stops", [False, True], ids=["in the end", "by Ctrl+C"])
def test_a_server_that_never_ends_its_answer_is_given_up(stops: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "AT_ONCE", PATIENCE if stops else 0.3)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    over = server.over = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    engine = KernelExecutor(GatewayKernel(f"http://127.0.0.1:{server.server_port}"))
    try:
        if stops:
            threading.Timer(0.3, interrupt).start()
            assert engine.run("1").status == "interrupted"  # rather than UsageError, after `AT_ONCE` seconds
        else:
            with pytest.raises(UsageError, match=r"as a Jupyter server: it did not answer within 0\.3 s$"):
                engine.run("1")
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("value", "line"), [("wrong", "JUPYTER_TOKEN is not the right one."), (None, "JUPYTER_TOKEN is not set.")]
)
def test_a_wrong_token_is_one_line(
    value: str | None, line: str, server: JupyterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", value) if value else monkeypatch.delenv("JUPYTER_TOKEN")
    with pytest.raises(UsageError) as raised:
        KernelExecutor(GatewayKernel(server.url)).run("1")
    assert str(raised.value) == f"{server.url} wants a token: {line}"


@pytest.mark.kernel
def test_an_unknown_kernel_is_one_line_that_names_the_known_ones(server: JupyterServer) -> None:
    with pytest.raises(UsageError, match=r"has no kernel 'gone'; it has: .*python3"):
        KernelExecutor(GatewayKernel(server.url, "gone")).run("1")


@pytest.mark.parametrize(
    "url", [f"http://localhost:8888/?token={TOKEN}", f"http://user:{TOKEN}@localhost:8888", f"http://[{TOKEN}"]
)
def test_a_token_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        GatewayKernel(url)
    assert TOKEN not in str(raised.value)


@pytest.mark.kernel
def test_the_token_is_in_no_file_and_on_no_screen(
    server: JupyterServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("CODEACT_MODEL", "fake-model")
    leak = f"```python\ntoken = {TOKEN[:9]!r} + {TOKEN[9:]!r}\nprint(token)\nraise ValueError(token)\n```"
    with FakeEndpoint([leak], default=f"The token is {TOKEN}.") as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        words = ["run", "go", "-a", "auto", "-o", "out", "--gateway", server.url]
        assert main(words) == 0
        assert TOKEN not in str([request.body for request in endpoint.requests[:2]])
    shown = capsys.readouterr()
    (turn,) = load(tmp_path / "out.ipynb").turns
    assert turn.steps[0].observation and "***" in str(turn.steps[0].observation.outputs)
    assert TOKEN not in (tmp_path / "out.ipynb").read_text()
    assert "***\n" in shown.err
    assert TOKEN not in server.log.read_text()
