"""The map for contributors: each file and function that it names is there."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "codeact_magic"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAP = TEXT[TEXT.index("| module or package | knows |") : TEXT.index("| to change ... |")]
PATHS = sorted(set(re.findall(r"`((?:[\w.-]+/)*[\w-]+(?:/|\.(?:py|ts|toml)))`", TEXT)))
COMMANDS = sorted(set(re.findall(r"`python -m ([\w.]+)", TEXT)))
FUNCTIONS = sorted(set(re.findall(r"`((?:\w+\.){2,}\w+)`", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    folders = (ROOT, PACKAGE, *PACKAGE.glob("*/"))  # `live/` is one of `kernels/`
    assert any((folder / path).exists() for folder in folders)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_exists(name: str) -> None:
    assert callable(pkgutil.resolve_name(f"codeact_magic.{name}"))


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_exists(module: str) -> None:
    path = ROOT / module.replace(".", "/")
    assert path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def test_every_module_and_package_at_the_top_is_on_the_map() -> None:
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert (
        set(re.findall(r"^\| `([\w/]+(?:\.py)?)` \|", MAP, re.MULTILINE)) - {"labextension/src/"} == modules | packages
    )


def test_no_path_is_overlooked() -> None:
    assert len(PATHS) > 30 and len(FUNCTIONS) > 3 and len(COMMANDS) > 4
