"""The browser that the tests drive: Chromium from the machine, or else fetched once.

`python -m tests.browser` fetches it where there is none, and prints where it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VARIABLE = "CODEACT_CHROMIUM"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """Return the path of a Chromium that starts; None where there is none."""
    return next(filter(_starts, _candidates()), None)


def get() -> str:
    """Return the path of a Chromium, fetched where there is none; raises SystemExit where that fails."""
    for fetch in (None, _install_package, _install_build):
        if fetch:
            print(f"fetching Chromium ({fetch.__name__.removeprefix('_install_')}) ...", flush=True)
            fetch()
        if found := find():
            return found
    raise SystemExit(f"The browser tests need Chromium: install it, or set {VARIABLE} to its path.")


def _candidates() -> Iterator[str]:
    if named := os.environ.get(VARIABLE):
        yield named
        return
    yield from filter(None, map(shutil.which, NAMES))
    yield from _playwrights()


def _playwrights() -> Iterator[str]:
    """Yield where Playwright puts the build that it fetches."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    yield from said.stdout.split("\n")[:1]


def _starts(path: str) -> bool:
    """Return whether it is more than a placeholder."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install_package() -> None:
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not as_root or shutil.which("sudo")):
        for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "chromium"]):
            subprocess.run([*as_root, *command], stdout=subprocess.DEVNULL)


def _install_build() -> None:
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])


if __name__ == "__main__":
    print(f"Chromium: {get()}")
