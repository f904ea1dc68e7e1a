"""Code of an agent: what has an effect must be asked about in `risky`, and what has none must not.

The corpora lie in data/: entries between empty lines, under the kind that a line "## ..." names. Lines "#: ..." in
front of an entry are the user's: they have run in the shell before, beside data/notebook.txt. No entry is run.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from codeact_magic.errors import UsageError
from codeact_magic.formats import Reading
from codeact_magic.session import Action

from ..shells import new_shell
from .results import Try

DATA = Path(__file__).parent / "data"
EFFECTS, HARMLESS, OPEN = "effects.txt", "harmless.txt", "open.txt"
FALSE_ALARMS = "harmless: "  # the kinds of daily code begin with it


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code under its kind, the user's code that has run before it, and whether it has an effect."""

    kind: str
    code: str
    setup: str = ""
    has_effect: bool = True


def corpus(name: str) -> list[Snippet]:
    """Return the entries of a file of data/, in order."""
    text = (DATA / name).read_text(encoding="utf-8").strip()
    kind = ""
    snippets = []
    for block in filter(None, re.split(r"\n{2,}", text)):
        lines = block.split("\n")
        if lines[0].startswith("## "):
            kind = lines.pop(0)[3:]
        setup = "\n".join(line[3:] for line in lines if line.startswith("#: "))
        code = "\n".join(line for line in lines if not line.startswith("#: "))
        snippets.append(Snippet(kind, code, setup, name != HARMLESS))
    return snippets


def own() -> list[Snippet]:
    """Return the project's own corpora, effects first."""
    return corpus(EFFECTS) + corpus(HARMLESS)


class Judge:
    """A real shell with the user's variables, asked in `risky` about code that never runs."""

    def __init__(self, shell: Any, setup: str) -> None:
        self._shell = shell
        self._run(setup)
        self._run("%load_ext codeact_magic")
        self._runner = shell.magics_manager.registry["CodeAct"]._running()
        self._runner.options.approve = "risky"

    def asks(self, snippet: Snippet) -> bool:
        """Return whether the user is asked before `snippet` runs."""
        before = set(self._shell.user_ns)
        self._run(snippet.setup)
        with redirect_stdout(io.StringIO()), mock.patch("sys.stdin", io.StringIO()):
            runs = self._is_approved(snippet.code)
        self._forget(set(self._shell.user_ns) - before)
        return not runs

    def _is_approved(self, code: str) -> bool:
        """Return whether `code` may run unasked: whoever asks here finds nobody."""
        gate = self._runner._gate()  # made as for a turn, so that it knows of the live kernel what it knows in a turn
        try:
            return bool(gate.decide(1, Reading(thought="", action=Action(code))).runs)
        except UsageError:
            return False

    def _run(self, code: str) -> None:
        if code:
            shown = io.StringIO()
            with redirect_stdout(shown), redirect_stderr(shown):
                result = self._shell.run_cell(code, store_history=True)
            assert result.success, f"the user's own code failed: {code}\n{shown.getvalue()}"

    def _forget(self, names: Iterable[str]) -> None:
        """Close what a snippet's own setup has made, and take it away."""
        for name in names:
            value = self._shell.user_ns.pop(name)
            if not name.startswith("_") and not isinstance(value, type | ModuleType) and hasattr(type(value), "close"):
                value.close()


def judged(folder: Path, snippets: Iterable[Snippet], setup: str | None = None) -> Iterator[tuple[Snippet, bool]]:
    """Yield each of `snippets` with whether the user is asked about it, in a shell at work in `folder`."""
    notebook = (DATA / "notebook.txt").read_text(encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEACT_"))}
    places = {"IPYTHONDIR": str(folder / "ipython"), "CODEACT_CACHE": str(folder / "cache")}
    with chdir(folder), mock.patch.dict(os.environ, kept | places, clear=True), new_shell() as shell:
        judge = Judge(shell, notebook if setup is None else setup)
        for snippet in snippets:
            yield snippet, judge.asks(snippet)
        judge._forget([name for name in shell.user_ns if name in _CLOSED])


_CLOSED = ("log", "database", "web", "plug")  # what data/notebook.txt has opened


def tries(folder: Path) -> Iterator[Try]:
    """Try the project's own corpora."""
    yield from _tried(judged(folder, own()))


def given(folder: Path, files: Iterable[Path], setup: Path | None) -> Iterator[Try]:
    """Try files of snippets in JSON: {kind: [code]}, or {"names": [name], "harmless": {kind: [code]}}."""
    code = setup.read_text(encoding="utf-8") if setup else ""
    for file in files:
        content = json.loads(file.read_text(encoding="utf-8"))
        has_effect = "harmless" not in content
        kinds = content if has_effect else content["harmless"]
        names = "\n".join(f"{name} = object()" for name in content.get("names", ()) if isinstance(name, str))
        snippets = [Snippet(kind, one, has_effect=has_effect) for kind, codes in kinds.items() for one in codes]
        yield from _tried(judged(folder, snippets, code or names))


def _tried(pairs: Iterable[tuple[Snippet, bool]]) -> Iterator[Try]:
    for snippet, asked in pairs:
        if snippet.has_effect:
            yield Try(snippet.kind, snippet.code, asked, "" if asked else "would run unasked")
        else:
            yield Try(FALSE_ALARMS + snippet.kind, snippet.code, not asked, "is asked about" if asked else "")


# -- what does not hold today ------------------------------------------------------------------------------------------


def known() -> dict[str, list[str]]:
    """Return the code of the entries that are known not to be held, by kind."""
    kinds: dict[str, list[str]] = {}
    for snippet in corpus(OPEN):
        kinds.setdefault(snippet.kind, []).append(snippet.code)
    return kinds


def update(missed: Iterable[Try]) -> None:
    """Write the list of entries that are not held anew."""
    kinds: dict[str, list[str]] = {}
    for one in missed:
        kinds.setdefault(one.kind, []).append(one.name)
    blocks = [f"## {kind}\n" + "\n\n".join(codes) for kind, codes in kinds.items()]
    (DATA / OPEN).write_text("\n\n".join(blocks) + "\n" if blocks else "", encoding="utf-8")
