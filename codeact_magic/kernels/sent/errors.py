"""Errors that code raised: where they came from, and what they consist of."""

from __future__ import annotations

import linecache
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from ...text import one_line
from .kinds import name_of

_TRACEBACK: Any = BaseException.__dict__["__traceback__"]
_CONTEXT: Any = BaseException.__dict__["__context__"]
_PARTS: Any = BaseExceptionGroup.__dict__["exceptions"]
_MOST_PARTS = 10  # of an exception group, at each level
_DEEPEST = 5  # levels of exception groups


def innermost_line(error: BaseException | None) -> str:
    """Return the line of the action that raised `error`, as "line 3: ..."; "" if there is none.

    If the error came from a function that another cell or a file of the user's defines, a second line names the
    function and its own line.
    """
    if error is None:
        return ""
    if issubclass(type(error), SyntaxError) and type(text := getattr(error, "text", None)) is str:
        return f"line {error.lineno}: {one_line(text)}"  # type: ignore[attr-defined]
    frames = list(_frames(error))
    action = next((frame for frame in frames if is_input(_file(frame))), None)
    if action is None:
        return ""
    own = [frame for frame in frames if _file(frame) == _file(action)]
    users = [frame for frame in frames if is_input(_file(frame)) or _is_users(_file(frame))]
    line = _line(own[-1])
    return line if users[-1] is own[-1] or _file(users[-1]) == _file(action) else f"{line}\n{_inside(users[-1])}"


def _frames(error: BaseException) -> Iterator[types.TracebackType]:
    trace = _TRACEBACK.__get__(error)
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _file(trace: types.TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename


def _line(trace: types.TracebackType) -> str:
    return f"line {trace.tb_lineno}: {one_line(linecache.getline(_file(trace), trace.tb_lineno))}"


def _inside(trace: types.TracebackType) -> str:
    """Return the line of a function of the user's, as "in mean() of another cell, on its line 2: ..."."""
    name = one_line(trace.tb_frame.f_code.co_name, 60)
    place = "another cell" if is_input(_file(trace)) else one_line(os.path.relpath(_file(trace)), 120)
    return f"in {name}() of {place}, there on {_line(trace)}"


def is_input(filename: str) -> bool:
    """Return whether the code of that file name was typed into a cell."""
    return "ipykernel_" in filename or filename.startswith("<ipython-input-")


def _is_users(filename: str) -> bool:
    """Return whether a file lies in the working directory, and is not one of an installed package."""
    return filename.startswith(os.getcwd() + os.sep) and f"{os.sep}site-packages{os.sep}" not in filename  # noqa: PTH109


def is_group(error: object) -> bool:
    """Return whether `error` consists of several."""
    return issubclass(type(error), BaseExceptionGroup)


def holds_group(error: BaseException | None) -> bool:
    """Return whether `error`, or one that it was raised after, consists of several: IPython prints those as text."""
    seen = 0
    while error is not None and seen < 100:
        if is_group(error):
            return True
        error = _CONTEXT.__get__(error)
        seen += 1
    return False


def message_of(error: BaseException) -> str:
    """Return the text of an error; below that of a group, a line for each of its parts."""
    return "\n".join([text_of(error), *_parts(error, 0)])


def _parts(error: BaseException, depth: int) -> Iterator[str]:
    if not is_group(error) or depth == _DEEPEST:
        return
    parts = _PARTS.__get__(error)
    indent = "  " * depth
    for part in parts[:_MOST_PARTS]:
        line = innermost_line(part).partition("\n")[0]
        place = f", at {line}" if line else ""
        yield f"{indent}- {one_line(f'{name_of(type(part))}: {text_of(part)}')}{place}"
        yield from _parts(part, depth + 1)
    if len(parts) > _MOST_PARTS:
        yield f"{indent}- ... and {len(parts) - _MOST_PARTS} more"


def text_of(error: BaseException) -> str:
    """Return the text of an error, or a remark if it has none."""
    try:
        return str(error)
    except Exception:
        return f"<{name_of(type(error))}, whose text is not available>"


def traceback_of(error: BaseException) -> list[str]:
    """Return the traceback of an error with all its parts, from the first cell on."""
    import traceback

    trace = next((frame for frame in _frames(error) if is_input(_file(frame))), None)
    return "".join(traceback.format_exception(type(error), error, trace or _TRACEBACK.__get__(error))).splitlines()


def show_groups(shell: Any, as_text: bool) -> Callable[..., None]:
    """Return a replacement for `shell.showtraceback` that shows exception groups as errors; IPython prints their text.

    `as_text`: the shell's front end asks the error for its text, so it is handed that of the group and its parts.
    """
    original: Callable[..., None] = shell.showtraceback

    def showtraceback(exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        error = sys.exc_info()[1] if exc_tuple is None else exc_tuple[1]
        if not holds_group(error):
            original(exc_tuple, *args, **kwargs)
            return
        kind, error, _ = shell._get_exc_info(exc_tuple)
        shell._showtraceback(kind, message_of(error) if as_text else error, traceback_of(error))
        if shell.call_pdb:
            shell.debugger(force=True)

    return showtraceback
