"""Recognizes values that are not worth showing. Imports nothing, since it is also sent to separate kernels."""

from __future__ import annotations


def is_handle(result: object) -> bool:
    """Return whether `result` is the return value of a drawing or display function, which shows nothing new."""
    values = result if isinstance(result, list | tuple) else [result]
    drawn = any(type(value).__module__.startswith("matplotlib.") for value in values[:10])
    return type(result).__name__ == "DisplayHandle" or (drawn and type(result).__name__ != "Figure")
