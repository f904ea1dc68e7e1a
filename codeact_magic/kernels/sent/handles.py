"""Which values are not worth showing. Also sent to kernels of their own: it imports nothing."""

from __future__ import annotations


def is_handle(result: object) -> bool:
    """Return whether `result` is what a drawing or a display returns: what was drawn or displayed is what counts."""
    values = result if isinstance(result, list | tuple) else [result]
    drawn = any(type(value).__module__.startswith("matplotlib.") for value in values[:10])
    return type(result).__name__ == "DisplayHandle" or (drawn and type(result).__name__ != "Figure")
