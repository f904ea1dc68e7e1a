"""Run a notebook from its first cell to its last and print each step as it happens.

    python examples/demo.py examples/quickstart.ipynb

The local model answers (the environment's OPENAI_* and CODEACT_* settings are left aside), and actions run unasked. The
executed notebook is left beside the original; the exit status is 1 where a cell fails.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


class PrintingClient(NotebookClient):
    """Prints cells as they start, and outputs as they come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._last = ""  # the display that was written to last
        self._texts: dict[str, str] = {}
        self._printed: dict[str, str] = {}

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        content = msg["content"]
        kind = msg["msg_type"]
        if kind in ("display_data", "update_display_data"):
            self._display(content)
        elif kind in ("stream", "execute_result", "error", "execute_input"):
            self.settle()
        if kind == "stream":
            _print(content["text"])
        elif kind == "execute_result":
            _print(f"{content['data'].get('text/plain', '')}\n")
        elif kind == "error":
            _print(f"{content['traceback'][-1]}\n")
        return super().process_message(msg, cell, cell_index)

    def _display(self, content: dict[str, Any]) -> None:
        """Hold a display back while a reply is written into it."""
        name = content.get("transient", {}).get("display_id") or f"display {len(self._texts)}"
        if name != self._last:
            self.settle()
        self._last = name
        self._texts[name] = content["data"].get("text/plain", "")
        if any(kind.startswith("image/") for kind in content["data"]):
            self._texts[name] += " (shown as a picture)"

    def settle(self) -> None:
        """Print what is new in the display that was written to last."""
        text, printed = self._texts.get(self._last, ""), self._printed.get(self._last, "")
        if text != printed:
            _print(text.removeprefix(printed).lstrip("\n") + "\n")
        self._printed[self._last] = text


def _print(text: str) -> None:
    print(text, end="", flush=True)


def run(path: Path) -> int:
    """Execute the notebook at `path`, save it as NAME.executed.ipynb, and return the exit status."""
    began = time.time()
    notebook = nbformat.read(path, as_version=4)
    target = path.with_suffix(".executed.ipynb")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEACT_"))}
    if cache := os.environ.get("CODEACT_CACHE"):
        environment["CODEACT_CACHE"] = cache
    environment["CODEACT_APPROVE"] = "auto"
    environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

    def announce(cell: Any, cell_index: int, **_: Any) -> None:
        client.settle()
        if cell.cell_type == "code":
            _print("\n\n" + "\n".join(f">>> {line}" for line in cell.source.splitlines()) + "\n")

    client = PrintingClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=announce,
    )
    failed = ""
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        failed = str(error).strip().splitlines()[-1]
    client.settle()
    nbformat.write(notebook, target)
    sessions = sorted(
        session for session in path.parent.glob("codeact-sessions/*.ipynb") if session.stat().st_mtime >= began
    )
    print("\n")
    print(f"executed notebook: {target}")
    for session in sessions:
        print(f"saved session:     {session}")
    print(f"seconds:           {time.time() - began:.0f}")
    if failed:
        print(f"FAILED: {failed}", file=sys.stderr)
    return 1 if failed or not sessions else 0


if __name__ == "__main__":
    sys.exit(max(run(Path(name)) for name in sys.argv[1:] or ["examples/quickstart.ipynb"]))
