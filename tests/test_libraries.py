"""Plots and widgets of known libraries work if the user's own cells import the library, and are inert if not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from codeact_magic.kernels.live.executor import ShellExecutor
from codeact_magic.session import Json

MAKE = {
    "plotly": "import plotly.io\nplotly.io.renderers.default = 'notebook_connected'\n"
    "import plotly.graph_objects as go\nplot = go.Figure(go.Bar(y=[1, 2]))",
    "altair": "import altair\nplot = altair.Chart(altair.Data(values=[{'a': 1}])).mark_bar().encode(x='a:Q')",
    "bokeh": "from bokeh.plotting import figure, show\nfrom bokeh.io import output_notebook\noutput_notebook()\n"
    "plot = figure()\nplot.scatter([1], [2])",
    "ipywidgets": "import ipywidgets\nplot = ipywidgets.IntSlider()",
}
SHOW = dict.fromkeys(MAKE, "plot") | {"bokeh": "show(plot)"}
ACTIVE = {
    "plotly": ("text/html", "<script"),
    "altair": ("text/html", "<script"),
    "bokeh": ("application/javascript", "Bokeh"),
    "ipywidgets": ("application/vnd.jupyter.widget-view+json", "model_id"),
}


@pytest.fixture
def shell() -> Iterator[Any]:
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def shown(shell: Any, library: str, cell: str, action: str, **options: Any) -> tuple[list[Json], list[str]]:
    """Run a cell of the user's and an action. Return what the action shows, and what the user is told."""
    pytest.importorskip(library)
    told: list[str] = []
    executor = ShellExecutor(shell)
    executor.configure(type(executor.options)(tell=lambda line, *hints: told.append(line), **options))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shell.run_cell(cell, store_history=True, silent=False)
        observation = executor.run(action)
    assert observation.status == "ok", observation
    return [output["data"] for output in observation.outputs if "data" in output], told


def is_active(library: str, outputs: list[Json]) -> bool:
    mime, mark = ACTIVE[library]
    return any(mark in str(data.get(mime, "")) for data in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("library", MAKE)
def test_a_library_that_the_users_cells_import_works(library: str, shell: Any) -> None:
    outputs, told = shown(shell, library, MAKE[library], SHOW[library])
    assert is_active(library, outputs)
    assert told == []


@pytest.mark.slow
@pytest.mark.parametrize("library", MAKE)
def test_a_library_works_if_the_user_allows_active_outputs(library: str, shell: Any) -> None:
    outputs, _ = shown(shell, library, "x = 1", f"{MAKE[library]}\n{SHOW[library]}", active_outputs=True)
    assert is_active(library, outputs)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["plotly", "altair", "bokeh"])
def test_a_library_that_only_the_action_imports_is_inert(library: str, shell: Any) -> None:
    outputs, told = shown(shell, library, "x = 1", f"{MAKE[library]}\n{SHOW[library]}")
    assert not is_active(library, outputs)
    assert told == ["Script in the output of this step was not run."]
