"""Child processes that Ctrl-C does not reach, and the model server that runs in one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

KEY = "CODEACT_LOCAL_KEY"  # the variable that hands the server's key to the child


def detached() -> dict[str, Any]:
    """Return the Popen options of a child that Ctrl-C and an interrupt of the kernel do not reach."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def serve_until_stdin_ends(start: Callable[[], str]) -> None:
    """Start a server, write the address that `start` returns to stdout, and end the process at the end of stdin."""
    parent = os.getppid()
    stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # from here on, prints of the server go to its log
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    with stdout:
        print(json.dumps({"address": start()}), file=stdout)
    while os.getppid() == parent:  # a fork of the kernel can keep our stdin open, but it is not our parent
        time.sleep(1)
    os._exit(0)


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)  # an orderly exit would wait for the server's threads


def llama_server(path: str, name: str, context: int) -> Any:
    """Return llama.cpp's server, with the model loaded, listening on a free port of the loopback.

    Args:
        path: the GGUF file.
        name: the name under which the server offers the model.
        context: the context window, in tokens.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads are ten times slower on a busy core
    import xllamacpp

    cores = os.cpu_count() or 1
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.n_ctx = context
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = 1
    params.cache_ram_mib = 256  # for prompts; the default is 8 GB
    params.cpuparams.n_threads = max(1, cores - 1)
    params.cpuparams_batch.n_threads = cores
    params.ui = False
    params.endpoint_slots = False
    # Without the key nobody is answered: no web page, whatever name of this machine it asks for, and no other user.
    params.api_keys = list(filter(None, [os.environ.pop(KEY, "")]))
    params.cors_origins = "http://127.0.0.1"  # no web page may read the answers
    params.cors_origins_explicit = True
    return xllamacpp.Server(params)
