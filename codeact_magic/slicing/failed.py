"""The effects of an action up to its failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ..sessions.code_blocks import CodeBlock, raised
from ..text import one_line
from .meanings import read

_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)
_UNREAD = ("SyntaxError", "IndentationError", "TabError")


def before_the_error(block: CodeBlock) -> str:
    """Return the statements of `block` that had run when it failed, "" if that is not known."""
    return _until_the_error(block)[0]


def parts(block: CodeBlock) -> Iterator[tuple[CodeBlock, str, bool]]:
    """Yield the parts of `block`: the part, which code of it ran, and whether it may be kept.

    There are two if it failed: the part before the failure, which may be kept, and the rest.
    """
    if not block.number or block.status == "ok":
        yield block, block.code, True
        return
    before, failing = _until_the_error(block)
    if before:
        yield replace(block, code=before, status="ok", whole=False), before, True
        block = replace(block, code=block.code.removeprefix(before), whole=False)
    yield block, failing, False


def _until_the_error(block: CodeBlock) -> tuple[str, str]:
    """Return the statements of `block` that had run when it failed, and the one that failed; "" and all if unknown."""
    code = read(block.code)
    if code is None and raised(block.observation)[0] in _UNREAD:
        return "", ""
    number = _line_number(block)
    if not number or code is None or not block.failed:
        return "", block.code
    failing = next((node for node in code.tree.body if (node.end_lineno or 0) >= number), None)
    if failing is None:
        return "", block.code
    lines = block.code.splitlines(keepends=True)
    first = min([failing.lineno, *(part.lineno for part in getattr(failing, "decorator_list", ()))])
    end = max(node.end_lineno or 0 for node in code.tree.body if node.lineno <= number or node is failing)
    return "".join(lines[: first - 1]), "".join(lines[first - 1 : end])


def _line_number(block: CodeBlock) -> int:
    """Return the number of the line that raised, 0 if that is not known or was in another cell."""
    lines = block.code.splitlines()
    match = _LINE.match(block.line)
    if not match or not 1 <= int(match[1]) <= len(lines):
        return 0
    number = int(match[1])
    return number if one_line(lines[number - 1]) == match[2] else 0
