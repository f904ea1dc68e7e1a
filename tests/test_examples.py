"""The example notebooks and the README's cells run from first to last; the model is scripted, the rest is real."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parent.parent
QUICKSTART = [
    "I group by region.\n```python\ntotals = sales.groupby('region')['amount'].sum()\nprint(totals.idxmax())\n```",
    "The region with the highest total is north.",
    "I load it.\n```python\nimport pandas as pd\nvisitors = pd.read_csv('visitors.csv')\nvisitors['age'].mean()\n```",
    "There is no such column.\n```python\nprint(visitors['Age (years)'].mean())\n```",
    "The average age is 39.0.",
    "I draw it.\n```python\nimport matplotlib.pyplot as plt\nplt.bar(totals.index, totals.values)\nplt.show()\n```",
    "There is the chart.",
]
TOOLS = [
    "I compare.\n```python\nprices = {shop: to_usd(*get_price(shop)) for shop in list_shops()}\n"
    "print(min(prices.items(), key=lambda pair: pair[1]))\n```",
    "GammaStore is the cheapest, at 101.5 USD.",
]


def execute(path: Path, endpoint: FakeEndpoint) -> Any:
    """Run a notebook from its first cell to its last with `endpoint` as the model."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute(env={**environment(endpoint), "CODEACT_APPROVE": "auto"})
    return notebook


def environment(endpoint: FakeEndpoint) -> dict[str, str]:
    """Return what a kernel needs to find the endpoint."""
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEACT_"))}
    return kept | {"OPENAI_BASE_URL": endpoint.base_url, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def texts(cell: Any) -> str:
    """Return all that a cell shows, as text."""
    shown = []
    for output in cell.outputs:
        shown.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(shown)


def test_the_quickstart_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    path = Path(shutil.copy(ROOT / "examples" / "quickstart.ipynb", tmp_path))
    with FakeEndpoint(QUICKSTART) as endpoint:
        notebook = execute(path, endpoint)
        prompts = [request.body["messages"][-1]["content"] for request in endpoint.requests if request.body]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "region" in prompts[0] and "sales: DataFrame with 7 rows" in prompts[0]
    assert "381" in texts(cells[3]), "the variable that the agent made is there in the next cell"
    assert "KeyError: 'age'" in prompts[3], "the failed attempt is told to the model"
    assert "39.0" in texts(cells[6]), "the answer is bound by --into"
    assert any("image/png" in output.get("data", {}) for output in cells[7].outputs), "the plot is a picture"
    sessions = sorted((tmp_path / "codeact-sessions").glob("*.ipynb"))
    assert [turn.outcome for path in sessions for turn in load(path).turns] == ["answered"] * 3


def test_the_sessions_example_goes_back_to_what_the_quickstart_did(tmp_path: Path) -> None:
    quickstart, path = (
        Path(shutil.copy(ROOT / "examples" / f"{name}.ipynb", tmp_path)) for name in ("quickstart", "sessions")
    )
    with FakeEndpoint(QUICKSTART) as endpoint:
        execute(quickstart, endpoint)
        asked = len(endpoint.requests)
        notebook = execute(path, endpoint)
        assert len(endpoint.requests) == asked, "no model has a part in it"
    listed, loaded, replayed, verified, inserted = [texts(cell) for cell in notebook.cells if cell.cell_type == "code"][
        1:
    ]
    assert listed.count("answered") == 3
    assert "Thread main goes on with codeact-sessions/" in loaded
    assert replayed.strip().endswith("each ended as in the session.")
    assert "same" in verified and "differs" not in verified
    assert "left out: action 1" in inserted and "2 cells of code as one below, not yet run." in inserted


def test_the_tools_example_calls_the_functions_of_the_notebook(tmp_path: Path) -> None:
    path = Path(shutil.copy(ROOT / "examples" / "tools.ipynb", tmp_path))
    with FakeEndpoint(TOOLS) as endpoint:
        notebook = execute(path, endpoint)
        prompt = next(request.body["messages"][-1]["content"] for request in endpoint.requests if request.body)
    assert "function to_usd(amount: float, currency: str) -> float: Convert an amount" in prompt
    assert "GammaStore is the cheapest, at 101.5 USD." in texts(notebook.cells[-1])


def test_the_cells_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    last = "print(endpoint.requests[-1].body['messages'][-2]['content'], answer)\nendpoint.stop()"
    with FakeEndpoint(["North sold the most, 320."]) as endpoint:
        cells = [nbformat.v4.new_code_cell(block.replace("{url of the endpoint}", "{url}")) for block in blocks]
        # The README's last cell stands for an address that only the cell before it knows.
        cells[-1].source = f"get_ipython().run_cell({cells[-1].source!r}.replace('{{url}}', endpoint.base_url));"
        notebook = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(last)])
        path = tmp_path / "readme.ipynb"
        nbformat.write(notebook, path)
        done = execute(path, endpoint)
    shown = texts(done.cells[-1])
    assert "print(sales.amount.sum())" in shown and "North sold the most, 320." in shown


def test_every_option_stands_in_the_readme() -> None:
    from tests.readme import options_table

    text = (ROOT / "README.md").read_text()
    assert options_table() in text, "run python -m tests.readme to write the table of options anew"
