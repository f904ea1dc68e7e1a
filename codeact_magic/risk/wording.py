"""How the effect of using a library function is worded for a finding."""

from __future__ import annotations

import re

from . import library, tables
from .findings import Kind
from .magics import Effect

_DOWNLOADS = re.compile(r"retrieve|download")  # functions that put into a file what they fetch


def words(kind: Kind, dotted: str, target: str = "") -> Effect:
    """Return the effect of using the function `dotted` on `target`, worded for a finding."""
    name = dotted.removeprefix("builtins.")
    match kind:
        case "writes" | "deletes":
            return kind, target or f"files with {name}"
        case "installs":
            return kind, f"packages with {name}"
        case "environment":
            last = name.rpartition(".")[2]
            known = library.touched(dotted)
            reads = last in ("getenv", "getenvb") or (
                known and known[1] in library.OBJECTS and last not in tables.CHANGES
            )
            return "reads environment" if reads else kind, known[1] if known else name
        case "network" if _DOWNLOADS.search(name):
            return "downloads", name
        case "magic":
            return kind, f"{name.rpartition('.')[2]}()"
    return kind, name
