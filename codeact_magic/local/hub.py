"""The Hugging Face hub as a source, and its client's own cache."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from ..errors import LocalModelError
from .checking import is_right
from .models import ModelFile, Progress, forward, require_space

NAME = "the Hugging Face hub"
PATIENCE = 5.0  # seconds until it counts as out of reach
T = TypeVar("T")


def in_cache(model: ModelFile) -> list[Path]:
    """Return the model's file in the client's own cache, if one is there; its hash is not checked."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return []
    path = try_to_load_from_cache(model.repo, model.file)
    return [Path(path)] if isinstance(path, str) else []


def download(model: ModelFile, progress: Progress) -> Path:
    """Return the model's file, fetched into the client's own cache. Raises LocalModelError."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    url = hf_hub_url(model.repo, model.file)
    try:
        # A download from a hub that is out of reach is retried for half a minute; one question about the file is not.
        remote = _within(PATIENCE, lambda: get_hf_file_metadata(url))
        if remote.etag != model.sha256:
            raise LocalModelError("it has another file under this name")
        require_space(Path(constants.HF_HUB_CACHE), model.size, setting="HF_HOME")
        with Path(os.devnull).open("w") as nowhere:
            path = Path(hf_hub_download(model.repo, model.file, tqdm_class=_reporter(model, progress, nowhere)))
    except LocalModelError:
        raise
    except Exception as error:  # the hub's client has changed the family of its errors with nearly every version
        raise LocalModelError(_first_line(error)) from error
    if not is_right(model, path, progress):
        raise LocalModelError(f"the file it sent has a wrong hash: delete {path}")
    return path


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns. A lookup of a name knows no timeout of its own, hence the thread."""
    answers: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(call())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise LocalModelError(f"no answer within {seconds:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _reporter(model: ModelFile, progress: Progress, nowhere: IO[str]) -> type[Any]:
    """Return a tqdm class that shows nothing and reports: the hub's client takes no other kind of callback."""
    from tqdm import tqdm

    report = forward(model, progress, f"fetching from {NAME}")

    class Reporter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"file": nowhere, "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            report(int(self.n))  # there may be two bars for one file
            return shown

    return Reporter
