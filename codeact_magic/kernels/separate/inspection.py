"""Asks a kernel about its variables.

The `Inspector` that answers is sent to the kernel as source, so the kernel need not have this package installed.
"""

from __future__ import annotations

import ast
import json
from importlib.resources import files
from typing import Any

from ...session import Json

ANSWER = "inspector"  # the key of the answer among a reply's user expressions
_SENT = (  # each after those that it imports
    "text",
    "kernels.sent.environment",
    "kernels.sent.kinds",
    "kernels.sent.errors",
    "kernels.sent.handles",
    "kernels.sent.literals",
    "kernels.sent.tables",
    "kernels.sent.signatures",
    "kernels.sent.namespace",
    "kernels.sent.values",
    "kernels.sent.origins",
    "kernels.sent.names",
    "kernels.sent.widgets",
    "kernels.sent.describe",
    "kernels.sent.inspector",
)
_PACKAGE = "_codeact_inside"

_SETUP = """
def _codeact_setup(package, sources):
    import linecache, sys, types
    def add(name, source):
        module = types.ModuleType(name)
        module.__package__ = name.rpartition(".")[0]
        if source is None:
            module.__package__, module.__path__ = name, []
        sys.modules[name] = module
        exec(compile(source or "", f"<{{name}}>", "exec"), vars(module))
    for name in ["", ".kernels", ".kernels.sent"]:
        add(package + name, None)
    for name, source in sources.items():
        add(f"{{package}}.{{name}}", source)
    sys.modules[package].inspector = sys.modules[package + ".kernels.sent.inspector"].Inspector(get_ipython())
try:
    _codeact_setup({package!r}, {sources!r})
finally:
    del _codeact_setup
"""


def setup_code() -> str:
    """Return the code that creates the inspector in an IPython kernel."""
    root = files(__package__.partition(".")[0])
    sources = {name: root.joinpath(f"{name.replace('.', '/')}.py").read_text("utf-8") for name in _SENT}
    return _SETUP.format(package=_PACKAGE, sources=sources)


def expression(method: str, *arguments: Any) -> str:
    """Return the expression that calls a method of the inspector."""
    return f"__import__('sys').modules[{_PACKAGE!r}].inspector.{method}({', '.join(map(repr, arguments))})"


def answer(reply: Json) -> str | None:
    """Return the inspector's answer in a kernel's reply, or None if there is none."""
    found = reply.get("user_expressions", {}).get(ANSWER, {})
    try:
        text = ast.literal_eval(found["data"]["text/plain"])
    except (KeyError, TypeError, ValueError, SyntaxError, AttributeError, RecursionError, MemoryError):
        return None
    return text if isinstance(text, str) else None


def pairs(text: str | None) -> tuple[tuple[str, str], ...]:
    """Return the pairs of names and values in an answer; none if it is not such JSON."""
    try:
        return tuple((str(name), str(value)) for name, value in json.loads(text or "[]"))
    except (ValueError, TypeError, RecursionError):  # code has replaced the inspector
        return ()


def mapping(text: str | None) -> dict[str, str]:
    """Return the texts by text in an answer; none if it is not such JSON."""
    try:
        return {str(key): str(value) for key, value in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def names(text: str | None) -> set[str]:
    """Return the names in an answer; none if it is not such JSON."""
    try:
        return set(map(str, json.loads(text or "[]")))
    except (ValueError, TypeError, RecursionError):
        return set()


def description(text: str | None) -> Json:
    """Return what names stand for from the JSON that the inspector made of it."""
    try:
        found = json.loads(text or "{}")
        parts = {part: dict(found.get(part) or {}) for part in ("names", "types", "sources")}
        return {**parts, "unread": list(found.get("unread") or ())}
    except (ValueError, TypeError, AttributeError, RecursionError):  # code has put something else into its place
        return {"names": {}, "types": {}, "sources": {}, "unread": []}
