"""What the values of variables are known by, so that two kernels can be compared.

Its source is sent to the kernel, which has none of this package: it needs nothing but the standard library and joblib.
"""

from __future__ import annotations

from typing import Any


def fingerprints(namespace: dict[str, Any], names: list[str]) -> dict[str, str]:
    """Return, by name, what the values of `names` in `namespace` are known by; "" where there is no such name."""
    return {name: type(namespace[name]).__name__ if name in namespace else "" for name in names}
