"""Actions as code in the live notebook: `%load_ext codeact_magic`, then `%%codeact`."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """Register `%%codeact` and `%codeact` (IPython calls this on `%load_ext codeact_magic`)."""
    from .magics.magic import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take everything back (IPython calls this on `%unload_ext codeact_magic`)."""
    from .magics.magic import unload

    unload(shell)
