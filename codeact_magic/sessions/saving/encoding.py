"""Cells as bytes, exactly as nbformat writes them: Jupyter's own save of the file then changes no line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...session import Json

_OPENING = b'{\n "cells": [\n'
_BETWEEN_CELLS = b",\n"


def notebook_bytes(cells: Sequence[bytes], metadata: Json) -> list[bytes]:
    """Return the pieces of a notebook of `cells`, each piece of which is one cell or more, encoded."""
    pieces = [_OPENING]
    for encoded_cells in cells:
        pieces += [encoded_cells, _BETWEEN_CELLS]
    if cells:
        pieces.pop()
    text = f'\n ],\n "metadata": {_json(metadata, _METADATA_MARGIN)},\n "nbformat": 4,\n "nbformat_minor": 5\n}}\n'
    return [*pieces, text.encode()]


_METADATA_MARGIN = "\n "


def encoded(cells: Sequence[Json]) -> bytes:
    """Return cells as they are in the file."""
    return _BETWEEN_CELLS.join(f"  {_json(_split(cell), _CELL_MARGIN)}".encode() for cell in cells)


_CELL_MARGIN = "\n  "


def _json(value: Any, margin: str) -> str:
    """Return JSON as nbformat writes it; each line begins with `margin`.

    `json.dumps` takes ten times as long for the lines of a text if it is to indent them.
    """
    inner = f"{margin} "
    if isinstance(value, dict) and value:
        items = [f"{json.dumps(key, ensure_ascii=False)}: {_json(value[key], inner)}" for key in sorted(value)]
        separator = f",{inner}"
        return f"{{{inner}{separator.join(items)}{margin}}}"
    if isinstance(value, list) and value:
        return f"[{inner}{_items(value, inner)}{margin}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _items(values: list[Any], margin: str) -> str:
    if all(isinstance(value, str) for value in values):
        return json.dumps(values, ensure_ascii=False, separators=(f",{margin}", ": "))[1:-1]
    return f",{margin}".join([_json(value, margin) for value in values])


def _split(cell: Json) -> Json:
    """Return `cell` with its texts as lists of lines, which nbformat writes for the sake of line-based diffs."""
    split = {**cell, "source": cell["source"].splitlines(True)}
    if "outputs" in cell:
        split["outputs"] = [_split_output(output) for output in cell["outputs"]]
    return split


def _split_output(output: Json) -> Json:
    if output["output_type"] == "stream":
        return {**output, "text": output["text"].splitlines(True)}
    if "data" not in output:
        return output
    texts = {kind: data for kind, data in output["data"].items() if kind.startswith("text/") or kind in _SPLIT}
    lines = {kind: text.splitlines(True) for kind, text in texts.items()}
    return {**output, "data": {**output["data"], **lines}}


_SPLIT = ("application/javascript", "image/svg+xml")
