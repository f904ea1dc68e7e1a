"""Feed one target of the fuzz run with what atheris makes up: `python -m tests.attack.coverage TARGET [OPTION ...]`.

The options are those of libFuzzer. It ends with a status other than 0 at the first text that does not hold.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

atheris: Any = import_module("atheris")
with atheris.instrument_imports(include=["codeact_magic"]):
    fuzz: Any = import_module(".fuzz", __package__)


def main(target: str, options: list[str]) -> None:
    """Feed `target` until the time is over; does not return."""
    with tempfile.TemporaryDirectory() as folder:
        checks: dict[str, Callable[[bytes], None]] = {
            "reader": lambda data: fuzz.reads(_text(data)),
            "scan": lambda data: fuzz.scans(_text(data)),
            "session loader": lambda data: fuzz.loads(data, Path(folder)),
            "control requests": lambda data: fuzz.answers(_json(data)),
        }
        atheris.Setup([sys.argv[0], *options], checks[target])
        atheris.Fuzz()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _json(data: bytes) -> Any:
    """Return the JSON that `data` is; a request of the words that it holds if it is none."""
    text = _text(data)
    try:
        return json.loads(text)
    except ValueError:
        return dict(zip(fuzz.NAMES, text.split("\n"), strict=False))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
