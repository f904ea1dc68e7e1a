"""What a step shows runs no script and changes nothing around it, and looks as before if it was harmless."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

import pytest

from codeact_magic.kernels.live import libraries
from codeact_magic.kernels.live.inert import LEFT_OUT, inert

ACTIVE = ("<script", "onerror=", "onload=", "onclick=", "javascript:", "<form", "<object", "<embed", "<meta", "<base")

HOSTILE = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    "<svg onload='x'><script>x</script><a xlink:href='javascript:x'>s</a></svg>",
    "<a href=' java\tscript:x'>y</a>",
    "<form action=http://example.com><button>press</button></form>",
    "<math><mtext><mglyph><style><img src=x onerror='x'></style></mglyph></mtext></math>",
    "<object data=x></object><embed src=x><meta http-equiv=refresh content=0><base href=//example.com>",
    "<img src=x onerror=1",
    "<b title='>' onclick=1>b</b>",
]


def shown(mime: str, text: str) -> Any:
    return inert({mime: text})[0]


@pytest.mark.parametrize("text", HOSTILE)
def test_html_keeps_nothing_that_acts(text: str) -> None:
    kept, changed = inert({"text/html": text})
    assert changed
    assert not any(one in kept.get("text/html", "").lower() for one in ACTIVE)


@pytest.mark.parametrize("text", HOSTILE)
def test_in_markdown_a_tag_that_acts_becomes_text(text: str) -> None:
    tags = shown("text/markdown", text + "\n>")["text/markdown"]
    for start in ("<script", "<img src=x on", "<svg", "<form", "<object", "<style", "<b title"):
        assert start not in tags
    assert "javascript:" not in tags.replace("\t", "")


@pytest.mark.parametrize("text", ["[a](java&#115;cript&colon;alert(1))", r"[a](javascript\:alert(1))"])
def test_markdown_that_hides_an_address_is_shown_as_text(text: str) -> None:
    assert shown("text/markdown", text) == {"text/plain": text}


def test_javascript_is_left_out_and_said_to_be() -> None:
    assert shown("application/javascript", "x") == {"text/plain": LEFT_OUT}
    data = {"application/javascript": "x", "text/plain": "<Javascript>"}
    assert inert(data) == ({"text/plain": "<Javascript>"}, True)


def test_a_frame_is_shut_in() -> None:
    assert 'sandbox=""' in shown("text/html", "<iframe srcdoc='<b>x</b>'></iframe>")["text/html"]


def test_an_active_drawing_becomes_an_image() -> None:
    kept = shown("image/svg+xml", "<svg><script>x</script></svg>")
    assert list(kept) == ["text/html"]
    assert kept["text/html"].startswith('<img src="data:image/svg+xml;base64,')


@pytest.mark.parametrize(
    "sheet",
    [
        "body { display: none }",
        ".codeact-Code { display: none }",
        ".own, .codeact-Code { display: none }",
        "* { color: red }",
        ".x:has(y) { color: red }",
        ".own { position: fixed }",
        "@import url(x);",
        ".\u037ce { color: red }",
        ".own {} } .jp-Cell { color: red }",
        r".own, .c\6fdeact-Code { display: none }",
        ":root { --jp-layout-color0: red }",
    ],
)
def test_a_style_sheet_reaches_nothing_but_outputs(sheet: str) -> None:
    assert sheet not in shown("text/html", f"<style>{sheet}</style><p class='own'>x</p>")["text/html"]


def test_an_element_neither_lies_over_others_nor_passes_for_one_of_the_page() -> None:
    html = "<div style='position:fixed;color:red' class='jp-Dialog own' id='codeact-panel'>x</div>"
    assert shown("text/html", html)["text/html"] == '<div style="color:red" class="own">x</div>'


HARMLESS = {
    "text/html": "<details open><summary>a</summary><b style='color: red'>x</b><br></details><a href='https://x.y'>l</a>",
    "text/markdown": "# A\n\na < b\n\n<b>x</b> <br/> <https://example.com> $a<b$",
    "text/latex": r"$\frac{1}{2}$",
    "image/svg+xml": "<svg><path d='M0'/></svg>",
    "image/png": "aGVsbG8=",
    "text/plain": "<script>",
}


@pytest.mark.parametrize("mime", HARMLESS)
def test_what_is_harmless_stays_to_the_letter(mime: str) -> None:
    data = {mime: HARMLESS[mime]}
    assert inert(data) == (data, False)


def test_tables_stay_to_the_letter() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x & y", "<b>"]})
    tables = [frame._repr_html_()]
    if find_spec("jinja2"):
        style = frame.style.set_caption("c").set_table_styles([{"selector": "th", "props": "color: red"}])
        tables.append(style.format(escape="html").highlight_max(subset=["a"]).to_html())
    for table in tables:
        assert inert({"text/html": table}) == ({"text/html": table}, False)


@pytest.mark.slow
def test_a_drawing_of_matplotlib_stays_to_the_letter() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    figure.subplots().plot([1, 2])
    file = io.StringIO()
    figure.savefig(file, format="svg")
    data = {"image/svg+xml": file.getvalue()}
    assert inert(data) == (data, False)


def test_a_library_is_known_by_the_imports_of_the_users_cells() -> None:
    assert libraries.imports("plotly", ["x = 1\n  import plotly.express as px"])
    assert libraries.imports("plotly", ["import os, plotly"])
    assert libraries.imports("bokeh", ["from bokeh.plotting import figure"])
    assert not libraries.imports("plotly", ["# import plotly", "import plotly_tools", "plotly = 1"])
    assert libraries.library_of("text") == ""
