"""Helpers of the subcommands that print tables."""

from __future__ import annotations

import os
import shutil
import sys


def dim(text: str) -> str:
    """Return `text` dimmed, if standard output is a terminal with colours."""
    return f"\x1b[2m{text}\x1b[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def width() -> int:
    """Return the width of the terminal, in characters."""
    return shutil.get_terminal_size((100, 24)).columns
