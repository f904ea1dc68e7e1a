"""Run pytest, with its options: `python -m tests -n 2 -m kernel`.

The machines are shared and noisy: what failed is tried again, by itself, and said to have been. What is broken fails
each time. (A plugin that tries again at once would cost every test some 40 ms where two processes share them.)
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

MORE = 2  # times that what failed is tried again


def main(options: Sequence[str]) -> int:
    """Return the exit status of the last run."""
    command = [sys.executable, "-m", "pytest", "-q", *options]
    status = subprocess.run(command, check=False).returncode
    for left in range(MORE, 0, -1):
        if status == pytest.ExitCode.TESTS_FAILED:
            print(f"what failed is tried again (at most {left} more)", flush=True)
            again = [*command, "-n", "0", "--last-failed", "--last-failed-no-failures", "none"]
            status = subprocess.run(again, check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
