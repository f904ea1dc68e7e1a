"""Run the fast unit tests on every other Python from 3.11 up that the machine has: `python -m tests.pythons`.

Each gets an environment of its own beside .venv, made once.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
UNIT = "not slow and not kernel and not terminal and not browser and not model"
FIRST_MINOR = 11


def candidates() -> Iterator[Path]:
    """Yield whatever may be a Python: what is on the PATH, and what the common version managers keep."""
    for minor in range(FIRST_MINOR, 20):
        if found := shutil.which(f"python3.{minor}"):
            yield Path(found)
    home = Path.home()
    for folder in (home / ".pyenv/versions", home / ".local/share/uv/python", Path("/opt/python")):
        yield from sorted(folder.glob("*/bin/python3"))


def version(python: Path) -> tuple[int, int] | None:
    """Return the version of a Python that really runs, without the preview builds."""
    code = "import sys, venv, ensurepip; v = sys.version_info; print(v.major, v.minor, v.releaselevel)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip().endswith("final"):
        return None
    major, minor, _ = done.stdout.split()
    return int(major), int(minor)


def others() -> dict[tuple[int, int], Path]:
    """Return one Python for each minor version that is not the one running this."""
    found: dict[tuple[int, int], Path] = {}
    for python in candidates():
        number = version(python)
        if number and number >= (3, FIRST_MINOR) and number != sys.version_info[:2]:
            found.setdefault(number, python)
    return dict(sorted(found.items()))


def environment(number: tuple[int, int], python: Path) -> Path:
    """Return the Python of an environment that has what the unit tests need, made where it is not there yet."""
    folder = ROOT / f".venv-{number[0]}.{number[1]}"
    stamp = folder / ".unit"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    own = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing codeact-magic[unit] into {folder.name} ...", flush=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([own, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", ".[unit]"], check=True)
        stamp.write_text(wanted)
    return own


def main() -> int:
    """Run the unit tests on each, and return the worst exit status."""
    worst = 0
    options = ["-n", "2", "--hypothesis-profile", "few", "-m", UNIT]
    for number, python in others().items():
        own = environment(number, python)
        print(f"unit tests on Python {number[0]}.{number[1]}", flush=True)
        command = [str(own), "-m", "tests", *options, "-o", f"cache_dir={own.parent.parent / '.pytest_cache'}"]
        worst = max(worst, subprocess.run(command, cwd=ROOT, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
