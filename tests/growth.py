"""Measure how the time of scanning, comparing and reading grows if the text doubles, as `python -m tests.growth`.

A ratio of about 2 is linear. A regular expression that backtracks shows as 4 or more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from codeact_magic.compare import compare
from codeact_magic.formats import enough, read
from codeact_magic.risk.hidden import unseen
from codeact_magic.session import Json, Reply

LAYOUTS = (" ", "\n", "\t", " \n", "x" + " " * 50, "x\n" * 9 + "\n" * 30, " " * 50 + "#")
MARKS = (
    "<think>",
    "</think>",
    "'</think>'",
    "<|im_end|>",
    "<function=a>",
    "</parameter><",
    "[TOOL_CALLS]",
    "```bash\n",
)
TEXTS = ("/x", "1", "1.", "a", "-", "=", "%|", "0x", "[00:", "12:")


def scan(text: str) -> None:
    list(unseen(text + "x"))


def reading(text: str) -> None:
    for beginning in ("", "<think></think>\n", "```python\n", "```python\n%%bash\n"):
        read(Reply(beginning + text, finish="length"))
        enough(f"{beginning}{text}\n```\nx")


def compared(text: str) -> None:
    compare([stream(text + "a 1")], [stream(text + "b 2")])


def stream(text: str) -> Json:
    return {"output_type": "stream", "name": "stdout", "text": text}


def growth(call: Callable[[str], None], part: str, length: int) -> float:
    """Return the time of `call` for a text of twice `length` characters, relative to one of `length`."""
    count = length // len(part)
    return seconds(call, part * 2 * count) / seconds(call, part * count)


def seconds(call: Callable[[str], None], text: str) -> float:
    began = time.process_time()
    call(text)
    return time.process_time() - began


if __name__ == "__main__":
    for part in LAYOUTS:
        print(f"scan of {part[:8]!r:<26} {growth(scan, part, 500_000):5.1f}")
    for part in (*MARKS, " ", "\n"):
        print(f"reading of {part!r:<23} {growth(reading, part, 50_000):5.1f}")
    for part in TEXTS:
        print(f"comparison of {part!r:<20} {growth(compared, part, 100_000):5.1f}")
