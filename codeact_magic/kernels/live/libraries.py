"""Libraries whose outputs are made of script: plots and widgets that can be clicked on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

KNOWN = frozenset(
    "altair bokeh bqplot folium holoviews hvplot ipyleaflet ipympl ipyvolume ipywidgets itables k3d lets_plot mpld3 "
    "panel plotly pydeck pyecharts pygwalker pyvis vega".split()
)


def library_of(value: object) -> str:
    """Return the known library that the type of `value` comes from, "" if it comes from none."""
    return _known(getattr(type(value), "__module__", ""))


def library_at_work() -> str:
    """Return the known library that shows something: one that calls us, or that made the value which is displayed."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        module = frame.f_globals.get("__name__", "")
        if module == "IPython.core.display_functions" and "obj" in frame.f_locals:
            module = getattr(type(frame.f_locals["obj"]), "__module__", "")
        if library := _known(module):
            return library
    return ""


def _known(module: object) -> str:
    root = module.partition(".")[0] if isinstance(module, str) else ""
    return root if root in KNOWN else ""


def imports(library: str, cells: Iterable[str]) -> bool:
    """Return whether one of `cells` imports `library`."""
    statement = re.compile(rf"^[ \t]*(?:from[ \t]+{library}\b|import[ \t].*\b{library}\b)", re.MULTILINE)
    return any(statement.search(cell) for cell in cells)
