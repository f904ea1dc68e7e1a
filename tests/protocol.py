"""What kernel and lab page must agree on: defined in Python, and written out as TypeScript.

`python -m tests.protocol` writes two files, and test_protocol.py fails when one of them is stale:

- `labextension/src/protocol/generated.ts`: the constants, which the extension imports;
- `labextension/src/protocol/__tests__/records.ts`: messages and a saved session as the kernel makes them, which the
  TypeScript tests read.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from codeact_magic import session as sessions
from codeact_magic.frontends import control_channel, lab_page, pages
from codeact_magic.risk import hidden
from codeact_magic.sessions.saving import to_notebook
from codeact_magic.text import _HIDDEN_CATEGORIES, is_hidden

from . import wire

SOURCE = Path(__file__).parents[1] / "labextension" / "src" / "protocol"
CONSTANTS = SOURCE / "generated.ts"
RECORDS = SOURCE / "__tests__" / "records.ts"

_STYLE_SELECTORS = range(0xFE0E, 0xFE10)  # hidden in Python behind some characters only; pages always show them
_UNASSIGNED = "Cn"  # differs between versions of Unicode, and so between Python and a browser


def files() -> dict[Path, str]:
    """Return what each of the files must contain."""
    return {CONSTANTS: constants(), RECORDS: records()}


def constants() -> str:
    """Return generated.ts."""
    lines = [
        "/** What the Python side defines. Written by `python -m tests.protocol`: change it there. */",
        "",
        "/** The MIME types of a step, and of an offer of cells for the notebook. */",
        _constant("STEP_MIME", lab_page.MIME),
        _constant("INSERT_MIME", lab_page.INSERT_MIME),
        "/** The MIME type of a call to the pages of a kernel: who is there? */",
        _constant("CALL_MIME", pages.CALL_MIME),
        "/** The type of a message with a request on the control channel. */",
        _constant("REQUEST_TYPE", control_channel.REQUEST),
        "/** The versions of the step record, and of the metadata of a session notebook. */",
        _constant("WIRE_VERSION", lab_page.VERSION),
        _constant("SESSION_VERSION", to_notebook.VERSION),
        "",
        "/** How a step stands, what it is of, and how the run of its code ended. */",
        _choices("STATUSES", lab_page.StepStatus),
        _choices("OCCASIONS", sessions.Occasion),
        _choices("ENDED", sessions.Status),
        "/** What an agent does, and how a turn ended. */",
        _choices("ACTIVITIES", control_channel.Activity),
        _choices("OUTCOMES", sessions.Outcome),
        "/** What a page can decide, and what is recorded of a decision. */",
        f"{_constant('DECISIONS', list(control_channel.DECISIONS))[:-1]} as const;",
        _choices("VERDICTS", sessions.Verdict),
        _constant("VERDICT_WORDS", sessions.VERDICT_WORDS),
        "",
        "/** Characters that are shown as their code: Unicode categories, and ranges of further code points. */",
        _constant("HIDDEN_CATEGORIES", sorted(_HIDDEN_CATEGORIES - {_UNASSIGNED})),
        _constant("HIDDEN_RANGES", _ranges(), "readonly (readonly [number, number])[]"),
        "/** Letters of other scripts that look like an ASCII letter. */",
        _constant("LOOK_ALIKES", hidden.LOOK_ALIKES, "Readonly<Record<string, string>>"),
        "/** So many blanks before code, or blank lines above it, put it out of sight; so many places are reported. */",
        _constant("FAR_GAP", hidden.GAP),
        _constant("FAR_INDENT", hidden.INDENT),
        _constant("MANY_BLANK_LINES", hidden.BLANK_LINES),
        _constant("MOST_OUT_OF_SIGHT", hidden.MOST_OUT_OF_SIGHT),
    ]
    return "\n".join(lines) + "\n"


def records() -> str:
    """Return records.ts."""
    channel = wire.Channel()
    channel.play()
    metadata, cells = wire.saved_session()
    codes = [[code, any(hidden.unseen(code))] for code in wire.CODES]
    ends = "IStep['status'], IStep['ended'], IStep['decision']"
    lines = [
        "/** Messages and a saved session as the kernel makes them. Written by `python -m tests.protocol`. */",
        "import type { Request } from '../requests';",
        "import type { IStep } from '../steps';",
        "",
        "type Json = Readonly<Record<string, unknown>>;",
        "",
        "/** Step records, each under what it shows. */",
        _constant("STEPS", channel.steps, "Readonly<Record<string, Json>>"),
        "",
        "/** Requests, each with the kernel's reply. */",
        _constant("REQUESTS", channel.requests, "readonly (readonly [Request, Json])[]"),
        "",
        "/** The metadata of a session notebook, and its cells. */",
        _constant("SESSION", metadata, "Json"),
        _constant("CELLS", cells, "readonly { readonly metadata: unknown; readonly source: string }[]"),
        "/** The steps in it: status, how each ended, and the decision. */",
        _constant("CELL_STEPS", wire.CELL_STEPS, f"readonly (readonly [{ends}])[]"),
        "",
        "/** Code, and whether the kernel finds that it does not read as it runs. */",
        _constant("CODES", codes, "readonly (readonly [string, boolean])[]"),
    ]
    return "\n".join(lines) + "\n"


# -- TypeScript --------------------------------------------------------------------------------------------------------


def _ranges() -> list[tuple[int, int]]:
    """Return the ranges of hidden code points whose category does not tell."""
    found: list[tuple[int, int]] = []
    for point in _points():
        if found and found[-1][1] == point - 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return found


def _points() -> Iterator[int]:
    for point in range(0x110000):
        by_category = unicodedata.category(chr(point)) in _HIDDEN_CATEGORIES
        if point in _STYLE_SELECTORS or (is_hidden(point) and not by_category):
            yield point


def _choices(name: str, literal: Any) -> str:
    return f"export const {name} = {_typescript(list(get_args(literal)))} as const;"


def _constant(name: str, value: object, kind: str = "") -> str:
    declared = f"{name}: {kind}" if kind else name
    return f"export const {declared} = {_typescript(value)};"


def _typescript(value: object, depth: int = 0) -> str:
    """Return a value as TypeScript; what fits on a line is on one."""
    if isinstance(value, Mapping):
        parts = [f"{_key(name)}: {_typescript(item, depth + 1)}" for name, item in value.items()]
        return _enclosed("{}", parts, depth)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _enclosed("[]", [_typescript(item, depth + 1) for item in value], depth)
    if isinstance(value, str):
        inside = json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{inside}'"
    return json.dumps(value)


def _enclosed(brackets: str, parts: list[str], depth: int) -> str:
    first, last = brackets[0], brackets[1]
    line = ", ".join(parts)
    if len(line) + 2 * depth < 80 and "\n" not in line:
        return f"{first} {line} {last}" if parts and first == "{" else f"{first}{line}{last}"
    inside = "  " * (depth + 1)
    return f"{first}\n{inside}" + f",\n{inside}".join(parts) + f"\n{'  ' * depth}{last}"


def _key(name: str) -> str:
    return name if name.isidentifier() else _typescript(name)


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
