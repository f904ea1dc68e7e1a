"""The state of widgets at the end of a run. Their displays show only how they began."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"  # the kind of data that names a widget's model


def model_of(data: Any) -> str:
    """Return the id of the model that a display shows, "" if it shows no widget."""
    view = data.get(VIEW) if type(data) is dict else None
    found = view.get("model_id") if type(view) is dict else None
    return found if type(found) is str else ""


def final_texts(models: Iterable[str]) -> dict[str, str]:
    """Return the text of each widget as it is now, "" for one that was closed: nothing is left of it on the screen.

    Returns nothing for widgets whose library is not known.
    """
    module = sys.modules.get("ipywidgets.widgets.widget")
    known = getattr(module, "_instances", None)  # ipywidgets 8
    if known is None:
        known = getattr(getattr(module, "Widget", None), "widgets", None)  # ipywidgets 7
    return {} if type(known) is not dict else {model: _text(known.get(model)) for model in models}


def _text(widget: Any) -> str:
    try:
        return repr(widget) if widget is not None else ""
    except Exception:  # its display has failed as well then
        return type(widget).__name__
