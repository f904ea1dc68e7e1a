"""Imports what the first turn needs, behind the user's back: in an idle moment, and never while a cell runs."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

TICK = 0.1  # seconds between two looks at whether a cell runs

# One after the other, so that none takes long: a cell that begins meanwhile shares the processor with one of them.
MODULES = (
    "http.client",
    "httpx2._types",
    "httpcore2",
    "httpx2",
    "codeact_magic.formats",
    "codeact_magic.agent",
    "codeact_magic.risk",
    "filelock",
    "codeact_magic.sessions.threads",
    "codeact_magic.model.endpoints",
    "codeact_magic.kernels.live.executor",
    "codeact_magic.frontends.host",
    "codeact_magic.runner",
)


def preload(shell: Any, stopped: threading.Event) -> None:
    """Import the modules, until `stopped` is set. What cannot be imported fails when it is used, and not here."""
    for name in MODULES:
        if not _is_idle(shell, stopped):
            return
        with suppress(Exception):
            import_module(name)
    with suppress(Exception):
        from ..model.client import preload as preload_client

        preload_client()


def _is_idle(shell: Any, stopped: threading.Event) -> bool:
    """Wait while a cell runs, and return whether to go on."""
    while shell.display_trap.is_active:
        if stopped.wait(TICK):
            return False
    return not stopped.is_set()
