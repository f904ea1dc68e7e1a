"""Compare the outputs of a run with the recorded ones."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from codeact_magic.compare import Comparison, compare
from codeact_magic.session import Json

NOW = datetime(2026, 3, 4, 15, 30, 20, tzinfo=UTC)


def stream(text: str, name: str = "stdout") -> Json:
    return {"output_type": "stream", "name": name, "text": text}


def value(**data: Any) -> Json:
    data = {kind.replace("__", "/").replace("_xml", "+xml"): content for kind, content in data.items()}
    return {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": {}}


def error(name: str, message: str, traceback: str = "") -> Json:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [traceback]}


def texts(recorded: str, seen: str, **options: Any) -> Comparison:
    return compare([stream(recorded)], [stream(seen)], now=NOW, **options)


# -- values that differ in every run -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "seen", "note"),
    [
        ("<Model object at 0x7f12ab34cd56>", "<Model object at 0x7fffab34c000>", "addresses"),
        ("Wall time: 1.23 s\n", "Wall time: 870 ms\n", "timings"),
        ("CPU times: user 3 ms, sys: 1 ms, total: 4 ms", "CPU times: user 5.1 ms, sys: 0 ns, total: 5.1 ms", "timings"),
        (
            "12.3 ms ± 4 µs per loop (mean ± std. dev. of 7 runs, 100 loops each)",
            "987 µs ± 1.4 µs per loop (mean ± std. dev. of 7 runs, 1,000 loops each)",
            "timings",
        ),
        ("trained in 1.25 s", "trained in 13.07 s", "timings"),
        ("it took 3 seconds", "it took 4 seconds", "timings"),
        ("now 2025-12-31 23:59:59.123456", "now 2026-03-04T15:30:18.5", "dates and times"),
        ("Wed Dec 31 23:59:59 2025", "Wed Mar  4 15:30:18 2026", "dates and times"),
        ("done at 03:04:05", "done at 15:30:11", "dates and times"),
        ("Wednesday, December 31, 2025", "Wednesday, March 04, 2026", "dates and times"),
        ("Sun, 28 Dec 2025 10:11:12 GMT", "Wed, 04 Mar 2026 15:30:12 GMT", "dates and times"),
        ("-rw-r--r-- 1 me 12 Dec 31 10:11 a.csv", "-rw-r--r-- 1 me 12 Mar  4 15:29 a.csv", "dates and times"),
        (
            "(datetime.datetime(2025, 12, 31, 10, 11), datetime.date(2025, 12, 31))",
            "(datetime.datetime(2026, 3, 4, 15, 30, 19, 123), datetime.date(2026, 3, 4))",
            "dates and times",
        ),
        (
            "invalid syntax (1586398186.py, line 1)",
            "invalid syntax (<ipython-input-3-0a1b2c>, line 1)",
            "temporary files",
        ),
        ("date: 31/12/2025", "date: 04/03/2026", "dates and times"),
        ("1767225599.25", str(NOW.timestamp()), "dates and times"),
        (
            "/tmp/ipykernel_12/345.py:3: UserWarning: old",
            "/tmp/ipykernel_987/6.py:3: UserWarning: old",
            "temporary files",
        ),
        ("saved /tmp/tmpabc_12de", "saved /tmp/tmpzz9zz9zz", "temporary files"),
        ("pid 1234", "pid 987", "process ids"),
        ("done in 1m 3s", "done in 1m 5s", "timings"),
        ("0.00123 sec", "0.00432 sec", "timings"),
        ("elapsed: 1.2e-05", "elapsed: 3.2e-05", "timings"),
        ("read 12.3 it/s", "read 15.1 it/s", "timings"),
        ("loss 1.5 3ms/step", "loss 1.5 12ms/step", "timings"),
        ("serving at http://127.0.0.1:54321/", "serving at http://127.0.0.1:8888/", "ports"),
        (
            "/home/ann/venv/lib/python3.11/site-packages/lib/core.py:3: Warning",
            "C:\\py\\site-packages/lib/core.py:3: Warning",
            "where packages are installed",
        ),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 99999999-e89b-12d3-a456-426614174000", "ids"),
        (
            "\r 10%|█         | 1/10 [00:00<00:01, 8.1it/s]\r100%|██████████| 10/10 [00:01<00:00, 9.92it/s]\n",
            "\r 50%|█████     | 5/10 [00:00<00:00, 99.1it/s]\r100%|██████████| 10/10 [00:00<00:00, 101.4it/s]\n",
            "progress bars",
        ),
        ("{'b', 'a', 'c'}", "{'a', 'c', 'b'}", "order of sets"),
        ("\x1b[31mred\x1b[0m", "red", "colours"),
    ],
)
def test_a_value_that_differs_in_every_run_is_noted_but_not_a_difference(recorded: str, seen: str, note: str) -> None:
    assert texts(recorded, seen) == Comparison("same", notes=(note,))


@pytest.mark.parametrize(
    ("recorded", "seen"),
    [
        ("total 15", "total 16"),
        ("total 1,015", "total 1,016"),
        ("2024-01-01", "2024-01-02"),
        ("at 10:15", "at 10:16"),
        ("a: ***\nb: 0.1", "a: ****\nb: 0.10000000001"),
        ("a: ====", "a: ====="),
        ("/lib/site-packages/a.py", "/lib/site-packages/b.py"),
        ("datetime.date(2025, 12, 31)", "datetime.date(2025, 12, 30)"),
        ("Monday", "Tuesday"),
        ("May 12", "May 13"),
        ("0.33", "0.34"),
        ("1e-3", "1.01e-3"),
        ("0xdeadbeef", "0xdeadbeee"),
        ("version 1.2.3", "version 1.2.4"),
        ("9e107d9d372bb6826bd81d3542a419d6", "e4d909c290d0fb1ca068ffaddf22cbd0"),
        ("{'a', 'b'}", "{'a', 'c'}"),
        ("took 3 tries", "took 4 tries"),
        ("took 3.5 of 10", "took 9.5 of 10"),
        ("100 m: 9.58 s", "100 m: 12.90 s"),
        ("p99 latency 10 ms", "p99 latency 900 ms"),
        ("mean duration: 90.5", "mean duration: 120.5"),
        ("1 h", "2 h"),
        ("pid 5 has fever", "pid 7 has fever"),
        ("crc 0x1f4a9c3d2e55", "crc 0x2f4a9c3d2e55"),
        ("p = 1e-13", "p = 5e-13"),
        ("coef 3.2e-14", "coef -9.9e-13"),
        ("x 42", str(NOW.timestamp())),
        ("count 17", f"count {NOW:%Y-%m-%d}"),
        ("a  b", "a b"),
        ("[1, 2, 3]", "[1, 2]"),
        ("True", "False"),
        ("nan", "1.0"),
        ("-1.5", "1.5"),
    ],
)
def test_any_other_change_is_a_difference(recorded: str, seen: str) -> None:
    assert texts(recorded, seen).verdict == "differs"


def test_a_date_far_from_the_run_is_data() -> None:
    assert texts("first sale: 2025-03-01", "first sale: 2025-03-02").verdict == "differs"
    assert texts("today: 2025-03-01", "today: 2026-03-04").verdict == "same"


def test_if_the_time_of_the_recorded_run_is_known_only_a_time_close_to_it_comes_from_the_clock() -> None:
    then = datetime(2025, 12, 31, 10, 11, tzinfo=UTC)
    assert texts("done at 10:12:01", "done at 15:30:11", then=then).verdict == "same"
    assert texts("opens at 09:00", "opens at 15:30", then=then).verdict == "differs"
    assert texts("on 2025-12-31", "on 2026-03-04", then=then).verdict == "same"
    assert texts("deadline 2020-01-01", "deadline 2026-03-04", then=then).verdict == "differs"


def test_the_time_of_the_new_run_is_the_current_time_by_default() -> None:
    seen = datetime.now().isoformat()
    assert compare([stream("2020-01-01T00:00:00.5")], [stream(seen)]).verdict == "same"


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "seen"),
    [
        ("0.3333333333333333", "0.33333333333333337"),
        ("0.333333", "0.333334"),
        ("mean: 1234567.891", "mean: 1234567.9"),
        ("3", "3.0"),
        ("1e-17", "-4.2e-17"),
        ("-0.0", "0.0"),
        ("array([1.00000000e+00, 2.5])", "array([1.00000001e+00, 2.5])"),
        ("   x\n0  1.0\n1  2.33333333\n", "     x\n0  1.0\n1  2.333333331\n"),
        ("a     0.1\n--------\n", "a     0.10000000001\n------------------\n"),
    ],
)
def test_numbers_are_compared_within_the_tolerance_whatever_their_width(recorded: str, seen: str) -> None:
    assert texts(recorded, seen) == Comparison("same", notes=("within 1e-06",))


def test_integers_are_compared_exactly() -> None:
    assert texts("10000000000001", "10000000000002").verdict == "differs"


def test_the_tolerance_can_be_set() -> None:
    assert texts("0.50", "0.51", tolerance=0.1).verdict == "same"
    assert texts("0.5", "0.5000000001", tolerance=0).verdict == "differs"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_number_may_differ_by_less_than_the_tolerance_and_not_by_more(number: float) -> None:
    assert texts(f"x = {number!r}", f"x = {number * (1 + 1e-9)!r}").verdict == "same"
    if abs(number) > 1e-9:
        assert texts(f"x = {number!r}", f"x = {number * 1.001!r}").verdict == "differs"


@given(st.text(max_size=200))
def test_any_text_is_the_same_as_itself(text: str) -> None:
    assert compare([stream(text), value(text__plain=text)], [stream(text), value(text__plain=text)]).verdict == "same"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_can_be_compared(one: str, other: str) -> None:
    found = compare([value(text__html=one)], [value(text__html=other)], now=NOW)
    assert (found.verdict == "same") == (not found.detail)


# -- outputs -----------------------------------------------------------------------------------------------------------


def test_a_difference_shows_the_line_and_both_versions() -> None:
    found = texts("a\nb\ntotal 15\n", "a\nb\ntotal 16\n")
    assert found.detail == "line 3: 'total 15' became 'total 16'"


def test_a_difference_of_only_white_space_says_so() -> None:
    assert texts("a b\n", "a  b\n").detail == "only the white space differs"


def test_a_difference_escapes_hidden_characters() -> None:
    assert "⟦U+202E⟧" in texts("x \u202e", "x").detail


def test_the_stream_of_a_text_matters_but_not_how_streams_are_interleaved() -> None:
    mixed = [stream("a"), stream("!", "stderr"), stream("b")]
    assert compare(mixed, [stream("ab"), stream("!", "stderr")]).verdict == "same"
    assert compare(mixed, [stream("ab!")]) == Comparison("missing", "writes nothing to stderr any more")


def test_an_error_is_compared_by_name_and_message() -> None:
    recorded = error("KeyError", "'age'", "line 3")
    assert compare([recorded], [error("KeyError", "'age'", "line 30")]).verdict == "same"
    assert compare([recorded], [error("KeyError", "'name'")]).detail == "KeyError: \"'age'\" became \"'name'\""
    assert compare([recorded], []).detail == "raised KeyError: 'age', now nothing"


def test_an_output_is_missing_if_its_file_is_missing() -> None:
    stand_in = {"output_type": "display_data", "data": {"text/plain": "text: a.txt"}}
    stand_in["metadata"] = {"codeact_file": ["0123456789abcdef.txt"]}
    found = compare([stand_in], [stream("1")])
    assert found == Comparison(
        "missing", "its output is in a file that is missing or was changed: 0123456789abcdef.txt"
    )


def test_a_change_far_down_in_a_long_text_is_found() -> None:
    lines = [f"line {number}" for number in range(5000)]
    found = texts("\n".join([*lines, "a 1", "b"]), "\n".join([*lines, "a 2", "b"]))
    assert found.detail == "line 5001: 'a 1' became 'a 2'"
    assert texts("a\n", "a\nb\n").detail == "shown in addition: 'b'"


def test_all_mime_types_that_both_displays_have_are_compared() -> None:
    one = value(text__html="<b>1</b>", text__plain="1")
    assert compare([one], [value(text__html="<b>1</b>", text__plain="2")]).detail == "'1' became '2'"
    assert compare([one], [value(text__plain="2")]).detail == "'1' became '2'"


def test_an_output_that_is_no_longer_shown_is_missing_and_a_new_one_is_a_difference() -> None:
    one, two = value(text__plain="1"), value(text__html="<p>")
    assert compare([one, two], [one]) == Comparison("missing", "shows no table or HTML any more")
    assert compare([one], [one, two]) == Comparison("differs", "shows table or HTML in addition")


def test_generated_ids_of_html_may_differ_consistently() -> None:
    html = '<style>#T_{0}_row0 {{}}</style><table id="T_{0}"><td id="T_{0}_row0" class="T_{0}_row0">5</td></table>'
    same = compare([value(text__html=html.format("1a2b"))], [value(text__html=html.format("9f8e"))])
    assert same == Comparison("same", notes=("ids",))
    swapped = html.format("9f8e").replace("#T_9f8e_row0", "#T_9f8e")
    assert compare([value(text__html=html.format("1a2b"))], [value(text__html=swapped)]).verdict == "differs"


def test_visible_text_of_html_is_not_a_generated_id() -> None:
    table = "<table><tr id='{0}'><td>{0}</td><td>best</td></tr></table>"
    one, other = (value(text__html=table.format(number)) for number in ("c1001", "c2002"))
    assert compare([one], [other]).detail


@pytest.mark.parametrize("kind", ["vnd.vega.v5", "vnd.plotly.v1"])
def test_the_data_of_a_figure_are_compared_as_well_as_the_picture(kind: str) -> None:
    shown = [figure(plot(POINTS)) for _ in range(2)]
    for number, one in enumerate(shown):
        one["data"][f"application/{kind}+json"] = {"data": [number]}
    assert compare(shown[:1], shown[1:]).verdict == "differs"


def test_json_is_compared_whatever_the_order_of_its_keys() -> None:
    one = {"output_type": "display_data", "data": {"application/json": {"a": 1, "b": [0.5]}}, "metadata": {}}
    other = {
        "output_type": "display_data",
        "data": {"application/json": {"b": [0.50000000001], "a": 1}},
        "metadata": {},
    }
    assert compare([one], [other]).verdict == "same"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["/x", "1", "1.", "a", "-", "=", "%|", "0x", "[00:", "12:"])
def test_a_long_text_without_a_space_is_compared(part: str) -> None:
    text = part * (200_000 // len(part))
    assert texts(text + "a 1", text + "b 2").verdict == "differs"


# -- figures -----------------------------------------------------------------------------------------------------------


def plot(
    points: Sequence[tuple[float, float]], colour: str = "#1f77b4", size: tuple[int, int] = (400, 300)
) -> Image.Image:
    """Return a scatter plot, drawn larger and then reduced, so that a shift by less than a pixel is visible."""
    image = Image.new("RGB", (size[0] * 4, size[1] * 4), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((120, 40, image.width - 40, image.height - 120), outline="black", width=4)
    for x, y in points:
        draw.ellipse((x * 4 - 14, y * 4 - 14, x * 4 + 14, y * 4 + 14), fill=colour)
    return image.resize(size, Image.Resampling.BOX)


def figure(image: Image.Image, kind: str = "png") -> Json:
    data = io.BytesIO()
    image.save(data, kind)
    return value(**{f"image__{kind}": base64.b64encode(data.getvalue()).decode(), "text__plain": "<Figure>"})


POINTS = [(60 + 37 * n % 310, 30 + 53 * n % 220) for n in range(30)]
MOVED = [(POINTS[0][0] + 4, POINTS[0][1]), *POINTS[1:]]
JITTER = [(x + 0.3, y - 0.2) for x, y in POINTS]


def test_a_figure_drawn_again_is_the_same() -> None:
    assert compare([figure(plot(POINTS))], [figure(plot(POINTS))]) == Comparison("same")


def test_a_figure_shifted_by_a_fraction_of_a_pixel_is_the_same_and_the_note_gives_the_similarity() -> None:
    found = compare([figure(plot(POINTS))], [figure(plot(JITTER))])
    assert found.verdict == "same"
    assert found.notes[0].startswith("figure 0.99") or found.notes[0] == "figure 1.000 alike"


@pytest.mark.parametrize(
    "other",
    [plot(MOVED), plot(POINTS[1:]), plot(POINTS, "#ff7f0e"), plot(POINTS, "#1f97b4"), plot([])],
    ids=["a point moved", "a point gone", "another colour", "a colour a little other", "empty"],
)
def test_a_figure_with_one_change_differs(other: Image.Image) -> None:
    assert compare([figure(plot(POINTS))], [figure(other)]).verdict == "differs"


def test_the_difference_of_figures_of_unequal_size_gives_both_sizes() -> None:
    found = compare([figure(plot(POINTS))], [figure(plot(POINTS, size=(420, 300)))])
    assert found.detail == "the figure was 400 × 300 pixels, and is 420 × 300"  # noqa: RUF001


def test_a_figure_that_became_text_differs() -> None:
    found = compare([figure(plot(POINTS))], [value(text__plain="<Figure>")])
    assert found == Comparison("differs", "showed a figure, now a value")


def test_a_difference_between_figures_names_the_position() -> None:
    found = compare([figure(plot([(70, 40)]))], [figure(plot([(70, 46)]))])
    assert "most at the top on the left" in found.detail


def test_pictures_of_a_few_pixels_are_compared() -> None:
    black, white = Image.new("RGB", (3, 2), "black"), Image.new("RGB", (3, 2), "white")
    assert compare([figure(black)], [figure(white)]).verdict == "differs"


@pytest.mark.parametrize("data", ["", "no base64!", base64.b64encode(b"\x89PNG\r\n\x1a\n cut").decode(), 7, None])
def test_a_broken_picture_differs_from_a_valid_one(data: Any) -> None:
    broken = value(image__png=data, text__plain="")
    assert compare([broken], [figure(plot([]))]).verdict == "differs"
    assert compare([broken], [broken]).verdict == "same"


def test_without_the_extra_pictures_with_other_bytes_differ_and_the_detail_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    assert compare([figure(plot(POINTS))], [figure(plot(POINTS))]).verdict == "same"
    found = compare([figure(plot(POINTS))], [figure(plot(JITTER))])
    assert found.verdict == "differs"
    assert "pip install 'codeact-magic[verify]'" in found.detail


def test_a_date_close_to_the_run_comes_from_the_clock_in_any_time_zone() -> None:
    for hours in (-11, 0, 13):
        seen = (NOW + timedelta(hours=hours)).strftime("%Y-%m-%d")
        assert texts("2020-02-02", seen).verdict == "same"
