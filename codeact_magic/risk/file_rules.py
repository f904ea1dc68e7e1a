"""The effects of calls that open a file, or that are given one to write into."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from . import library, tables
from .call import Call, unparsed
from .magics import Effect
from .text_rules import Rule
from .values import NONE, kept
from .wording import words


def target(call: Call, name: str) -> ast.expr | None:
    """Return the argument, or the object of the method, that names the file which a call writes or deletes."""
    if name.rpartition(".")[2] in tables.ON_RECEIVER and not name.startswith("os."):
        receiver = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
        unbound = receiver and any(value.content in tables.PATHS for value in call.of(receiver))
        return call.argument(0) if unbound else receiver
    return call.argument(1 if name in tables.ON_SECOND else 0, *tables.TARGETS)


def _open(call: Call, dotted: str) -> Iterator[Effect]:
    position, default = tables.OPENERS[dotted]
    mode = call.argument(position, *tables.MODES)
    modes = call.texts(mode) if mode else [default]
    if modes is not None and all(tables.READS.fullmatch(text) for text in modes):
        return
    on_path = dotted == "pathlib.Path.open" and isinstance(call.node.func, ast.Attribute)
    file = call.node.func.value if on_path and isinstance(call.node.func, ast.Attribute) else target(call, dotted)
    if not call.is_reported(file):
        yield words("writes", dotted, call.shown(file))


def _connect(call: Call, dotted: str) -> Iterator[Effect]:
    file = call.argument(0, "database", "filename")
    texts = call.texts(file) if file else [":memory:"]
    if texts is None or not all(text == ":memory:" or "mode=ro" in text for text in texts):
        if not call.is_true("read_only"):
            yield words("writes", dotted, call.shown(file))


def _dump(call: Call, dotted: str) -> Iterator[Effect]:
    file = call.argument(1, *tables.TARGETS)
    if file is not None and not call.is_reported(file):
        yield words("writes", dotted, call.shown(file))


def _edit(call: Call, dotted: str) -> Iterator[Effect]:
    if call.may_be_true("inplace"):
        yield words("writes", dotted, call.shown(call.argument(0, "files")))


def _print(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield the file that is printed to, unless it is one of the standard streams."""
    file = next((keyword.value for keyword in call.node.keywords if keyword.arg == "file"), None)
    if file is not None and not call.is_reported(file) and NONE not in call.of(file):
        yield words("writes", dotted, call.shown(file))


def _to_file(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield the file that something is made to write to."""
    file = call.argument(0, "f", "csvfile", "new_target")
    if file is not None and not call.is_reported(file) and NONE not in call.of(file):
        yield words("writes", dotted, call.shown(file))


def _logging(call: Call, dotted: str) -> Iterator[Effect]:
    file = call.argument(9, "filename")
    if file is not None and NONE not in call.of(file):
        yield words("writes", dotted, call.shown(file))


def _add_handler(call: Call, method: str) -> Iterator[Effect]:
    """Yield a handler that was made in an earlier step and writes log records into a file or sends them."""
    for value in kept(call.of(call.first()), "typed"):
        for base in call.program.known.lineage(str(value.content)):
            if known := library.touched(base):
                yield known[0], call.shown(call.first())


def _open_method(call: Call, method: str) -> Iterator[Effect]:
    """Yield an `open` method of an unknown object if a mode says that it writes."""
    given = [keyword.value for keyword in call.node.keywords if keyword.arg in (*tables.MODES, None)]
    is_unknown = any(call.texts(keyword) is None for keyword in given)
    modes = [text for argument in (*call.node.args[:2], *given) for text in call.texts(argument) or ()]
    if is_unknown or any(tables.WRITE_MODES.fullmatch(mode) for mode in modes):
        yield "writes", unparsed(call.node.func, 40).removesuffix(".open") or "files with open"


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(tables.OPENERS, _open),
    **dict.fromkeys(tables.DATABASES, _connect),
    **dict.fromkeys(tables.DUMPS, _dump),
    **dict.fromkeys(("fileinput.input", "fileinput.FileInput"), _edit),
    **dict.fromkeys(
        ("csv.writer", "csv.DictWriter", "pickle.Pickler", "contextlib.redirect_stdout", "contextlib.redirect_stderr"),
        _to_file,
    ),
    "builtins.print": _print,
    "logging.basicConfig": _logging,
}
METHODS: Mapping[str, Rule] = {"addHandler": _add_handler, "open": _open_method}
