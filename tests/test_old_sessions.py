"""Sessions that earlier versions saved: each file of tests/old_sessions/ loads as what the .json beside it says.

They are what the code of 27 November 2026 wrote, before two fields of a step were renamed. They are not to be changed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from codeact_magic.sessions.saving.from_notebook import from_notebook
from codeact_magic.sessions.saving.loading import load, opened
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.sessions.saving.to_notebook import to_notebook

from .test_notebook import nothing

FOLDER = Path(__file__).parent / "old_sessions"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
RENAMED = {"said": "assistant_message", "heard": "observation_message"}
OLD_STATUS = {"interrupted": "aborted"}


def known(expected: Any, value: Any) -> Any:
    """Return what `value` has for the names in `expected`, in which fields and statuses have their new names."""
    if isinstance(expected, dict):
        renamed = {name: RENAMED.get(name, name) for name in expected}
        return {name: known(expected[name], value[renamed[name]]) for name in expected}
    if isinstance(expected, list):
        return [known(one, other) for one, other in zip(expected, value, strict=True)]
    return expected if OLD_STATUS.get(value if isinstance(value, str) else "") == expected else value


def test_there_are_old_sessions() -> None:
    assert NAMES == ["cut", "fence", "large", "tools"]
    assert '"said"' in (FOLDER / "cut.ipynb").read_text(encoding="utf-8")
    assert '"heard"' in (FOLDER / "cut.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_old_session_loads_unchanged(name: str) -> None:
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    session = load(FOLDER / f"{name}.ipynb")
    assert known(expected, asdict(session)) == expected
    assert from_notebook(to_notebook(session)) == session


@pytest.mark.parametrize("name", NAMES)
def test_an_old_session_goes_on_in_its_file_under_the_new_names(name: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    path = tmp_path / f"{name}.ipynb"
    session, loaded = opened(path)
    saver = Saver(path, tell=nothing, loaded=loaded, limit=1000)
    saver.save(session)
    assert saver.flush(30)
    saver.close()
    assert load(path) == session
    assert names(path) & set(RENAMED) == set()
    assert "observation_message" in names(path)


def names(path: Path) -> set[str]:
    """Return the names of the fields of all steps in a file."""
    cells = json.loads(path.read_bytes())["cells"]
    return {name for cell in cells for name in cell["metadata"]["codeact"].get("step", {})}
