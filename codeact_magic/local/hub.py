"""Fetch a model's file from the Hugging Face hub, and find it in the cache of the hub's client."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from ..errors import LocalModelError
from .checksums import is_right
from .known_models import ModelFile, Progress, forward_only, require_space

NAME = "the Hugging Face hub"
TIMEOUT = 5.0  # seconds for the hub's first answer
T = TypeVar("T")


def in_cache(model: ModelFile) -> list[Path]:
    """Return the path of the model's file in the client's cache, in a list that may be empty. Check no hash."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return []
    path = try_to_load_from_cache(model.repo, model.file)
    return [Path(path)] if isinstance(path, str) else []


def download(model: ModelFile, progress: Progress) -> Path:
    """Fetch the model's file into the client's cache, and return its path. Raises LocalModelError."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    url = hf_hub_url(model.repo, model.file)
    try:
        # The client retries a download for half a minute if the hub cannot be reached, but not a request for metadata.
        remote = _within(TIMEOUT, lambda: get_hf_file_metadata(url))
        if remote.etag != model.sha256:
            raise LocalModelError("it has another file under this name")
        require_space(Path(constants.HF_HUB_CACHE), model.size, setting="HF_HOME")
        with Path(os.devnull).open("w") as nowhere:
            path = Path(hf_hub_download(model.repo, model.file, tqdm_class=_reporter(model, progress, nowhere)))
    except LocalModelError:
        raise
    except Exception as error:  # nearly every version of the client has changed the base class of its errors
        raise LocalModelError(_first_line(error)) from error
    if not is_right(model, path, progress):
        raise LocalModelError(f"the file it sent has a wrong hash: delete {path}")
    return path


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return the result of `call`. It runs on a thread, because looking up a host name has no timeout.

    Raises:
        LocalModelError: there was no result within `seconds`.
        Exception: whatever `call` raises.
    """
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
    """Return a tqdm class that only calls `progress`: the hub's client accepts no other kind of callback."""
    from tqdm import tqdm

    report = forward_only(model, progress, f"fetching from {NAME}")

    class Reporter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"file": nowhere, "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            report(int(self.n))  # the client may use two bars for one file
            return shown

    return Reporter
