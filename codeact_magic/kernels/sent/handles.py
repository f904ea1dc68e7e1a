"""Recognizes values that are not worth showing."""

from __future__ import annotations

from itertools import islice

from .kinds import name_of, package_of


def is_handle(result: object) -> bool:
    """Return whether `result` is the return value of a drawing or display function, which shows nothing new."""
    kind = type(result)
    base = next((base for base in (list, tuple) if issubclass(kind, base)), None)
    values = islice(base.__iter__(result), 10) if base else [result]  # type: ignore[arg-type]
    drawn = any(package_of(type(value)) == "matplotlib" for value in values)
    return name_of(kind) == "DisplayHandle" or (drawn and name_of(kind) != "Figure")
