"""Child processes that Ctrl-C does not reach, and the model server seen from inside such a one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any


def apart() -> dict[str, Any]:
    """Return the Popen options that keep Ctrl-C and an interrupt of the kernel away from a child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


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
    while os.read(0, 1024):
        pass
    os._exit(0)  # the server's threads would hold up an orderly exit


def llama(path: str, name: str, context: int) -> Any:
    """Return llama.cpp's server, loaded and listening on a free port of the loopback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin are ten times slower on a busy core
    import xllamacpp

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
