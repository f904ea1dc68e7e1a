"""Outputs too large for a notebook: whole again when it is loaded, inert beside it, and never anybody else's file."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import nbconvert as untyped_nbconvert
import nbformat as untyped_nbformat
import pytest
from hypothesis import given, settings

from codeact_magic.options import Options
from codeact_magic.session import Json, Session
from codeact_magic.sessions.saving.large_outputs import PREVIEW, SHORT
from codeact_magic.sessions.saving.loading import load
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.sessions.threads import Threads
from codeact_magic.text import safe_markdown

from .test_notebook import QUIET, SESSIONS, STREAM, nothing, saved, session_of, step

nbformat: Any = untyped_nbformat
HTMLExporter: Any = untyped_nbconvert.HTMLExporter

PIXELS = bytes(range(256)) * 20
LARGE: dict[str, Json] = {
    "stream": {"output_type": "stream", "name": "stderr", "text": "é\x1b[31m`````\n" * 900},
    "figure": {
        "output_type": "display_data",
        "data": {"image/png": base64.b64encode(PIXELS).decode() + "\n", "text/plain": "<Figure>"},
        "metadata": {"image/png": {"width": 5}},
    },
    "figure in lines": {
        "output_type": "display_data",
        "data": {"image/jpeg": base64.encodebytes(PIXELS).decode()},
        "metadata": {},
    },
    "no figure": {"output_type": "display_data", "data": {"image/gif": "*" * 5000}, "metadata": {}},
    "page": {
        "output_type": "execute_result",
        "data": {"text/html": "<script>alert(1)</script>" * 400, "image/svg+xml": "<svg onload='x'/>" * 400},
        "metadata": {},
        "execution_count": 3,
    },
    "data": {
        "output_type": "display_data",
        "data": {"application/json": {"é": [None, 1.5, "x" * 5000]}, "application/vnd.x+json": "y" * 5000},
        "metadata": {},
    },
    "error": {"output_type": "error", "ename": "E", "evalue": "v" * 5000, "traceback": ["t" * 5000, "u"]},
}
LIMIT = 3000


def shown(*outputs: Json) -> Session:
    return session_of(step("show()", outputs=outputs, execution_count=3))


def keep(session: Session, path: Path, **options: Any) -> Path:
    return saved(session, path, **{"limit": LIMIT, **options})


def outputs_of(session: Session) -> tuple[Json, ...]:
    seen = session.turns[-1].steps[0].observation
    assert seen
    return seen.outputs


def files(path: Path) -> list[Path]:
    return sorted(path.with_name(f"{path.stem}_files").iterdir())


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_output_is_in_a_file_of_its_own_and_comes_back_whole(kind: str, tmp_path: Path) -> None:
    session = shown(STREAM, LARGE[kind], STREAM)
    path = keep(session, tmp_path / "my session (1).ipynb")
    assert load(path) == session
    assert path.stat().st_size < 2 * LIMIT + 2 * PREVIEW + 6000
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    stand_in = notebook.cells[-1].outputs[1]
    links = [f"](my%20session%20%281%29_files/{file.name})" for file in files(path)]
    assert stand_in.output_type == "display_data"
    assert links and all(link in stand_in.data["text/markdown"] for link in links)
    assert {file.suffix for file in files(path)} <= {".png", ".jpg", ".gif", ".txt", ".json"}
    assert set(stand_in.data) == {"text/markdown", "text/plain"}
    text = re.sub(r"\[!\[figure\]\(my%20session[^)]*\)\]", "", stand_in.data["text/markdown"])
    text = re.sub(r"\(my%20session[^)]*\)", "(#)", text)
    assert safe_markdown(text).split() == text.split()


def test_a_figure_is_the_picture_itself(tmp_path: Path) -> None:
    (file,) = files(keep(shown(LARGE["figure"]), tmp_path / "x.ipynb"))
    assert (file.suffix, file.read_bytes()) == (".png", PIXELS)


@pytest.mark.parametrize(("stem", "quoted"), [("session", "session"), ("my session", "my%20session")])
def test_a_figure_is_shown_in_html_that_is_made_of_the_notebook(stem: str, quoted: str, tmp_path: Path) -> None:
    path = keep(shown(LARGE["figure"]), tmp_path / f"{stem}.ipynb")
    (file,) = files(path)
    address = f"{quoted}_files/{file.name}"
    html, _ = HTMLExporter().from_filename(str(path))
    assert f'<a href="{address}"><img alt="figure" src="{address}"' in html


def test_html_of_one_file_has_the_figures_in_it(tmp_path: Path) -> None:
    html, _ = HTMLExporter(embed_images=True).from_filename(str(keep(shown(LARGE["figure"]), tmp_path / "x.ipynb")))
    assert f'src="data:image/png;base64,{base64.b64encode(PIXELS).decode()}"' in html


def test_what_is_not_too_large_stays_in_the_notebook(tmp_path: Path) -> None:
    keep(shown({**STREAM, "text": "x" * LIMIT}), tmp_path / "x.ipynb")
    keep(shown(*LARGE.values()), tmp_path / "y.ipynb", limit=0)
    assert {path.name for path in tmp_path.iterdir()} == {"x.ipynb", "y.ipynb"}


def test_the_outputs_of_a_cell_are_held_to_a_total(tmp_path: Path) -> None:
    limit = 10 * SHORT
    flood = [{**STREAM, "text": f"{number:03}" + "x" * (2 * SHORT - 3)} for number in range(50)]
    session = shown(*flood, {**STREAM, "text": "x" * SHORT})
    path = keep(session, tmp_path / "x.ipynb", limit=limit)
    stand_ins = [output.output_type == "display_data" for output in nbformat.read(path, as_version=4).cells[-1].outputs]
    assert stand_ins == [False] * 4 + [True] * 46 + [False]
    assert len(files(path)) == 46
    assert path.stat().st_size < (limit + len(files(path)) * (PREVIEW + 2000)) * 1.1
    assert load(path) == session


def test_the_outputs_of_a_notebook_are_held_to_a_total(tmp_path: Path) -> None:
    limit = 10 * SHORT
    steps = [
        step("show()", outputs=tuple({**STREAM, "text": f"{number}{part}".ljust(2 * SHORT, "x")} for part in range(2)))
        for number in range(8)
    ]
    saver = Saver(tmp_path / "x.ipynb", tell=nothing, limit=limit)
    for number in range(1, len(steps) + 1):
        saver.save(session_of(*steps[:number], outcome="open"))
        assert saver.flush(30)
    saver.close()
    assert len(files(saver.path)) == len(steps) * 2 - 5
    assert load(saver.path) == session_of(*steps, outcome="open")


def test_outputs_each_just_below_the_limit_do_not_make_the_notebook_grow(tmp_path: Path) -> None:
    limit = 10 * SHORT
    steps = [step("show()", outputs=({**STREAM, "text": f"{number}".ljust(limit - 1, "x")},)) for number in range(20)]
    path = saved(session_of(*steps), tmp_path / "x.ipynb", limit=limit)
    assert path.stat().st_size < limit + len(steps) * (PREVIEW + 2500)
    assert load(path) == session_of(*steps)


@settings(QUIET, max_examples=60)
@given(session=SESSIONS)
def test_any_session_comes_back_equal_however_small_the_limit(
    session: Session, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = keep(session, tmp_path_factory.mktemp("any") / "session.ipynb", limit=2)
    assert load(path) == session


def test_a_step_that_follows_leaves_the_files_alone(tmp_path: Path) -> None:
    saver = Saver(tmp_path / "x.ipynb", tell=nothing, limit=LIMIT)
    first = step("show()", outputs=(LARGE["figure"],))
    for steps in ((first,), (first, step("1")), (first, step("1"), step("2"))):
        saver.save(session_of(*steps, outcome="open"))
        assert saver.flush(30)
        (file,) = files(saver.path)
        os.utime(file, (5, 5))
    saver.close()
    assert load(saver.path) == session_of(*steps, outcome="open")


def test_no_secret_is_in_the_files_nor_one_that_becomes_it_later(tmp_path: Path) -> None:
    keys: list[str] = ["sk-secret-123456"]
    saver = Saver(tmp_path / "x.ipynb", tell=nothing, limit=LIMIT, secrets=lambda: keys)
    session = shown({**STREAM, "text": "sk-secret-123456 sk-another-123456\n" * 900})
    for _ in range(2):
        saver.save(session)
        assert saver.flush(30)
        (file,) = files(saver.path)
        assert not any(key in file.read_text(encoding="utf-8") for key in keys)
        keys.append("sk-another-123456")
    saver.close()
    assert outputs_of(load(saver.path))[0]["text"] == "*** ***\n" * 900


def test_a_session_that_is_saved_elsewhere_takes_its_files_along(tmp_path: Path) -> None:
    path = keep(shown(LARGE["figure"], LARGE["stream"]), tmp_path / "x.ipynb")
    threads = Threads(tuple, nothing)
    threads.adopt(Options(save_folder="x", max_saved_output=LIMIT), path)
    copy = threads.save("main", str(tmp_path / "elsewhere" / "y.ipynb"))
    threads.close()
    assert [file.name for file in files(copy)] == [file.name for file in files(path)]
    for file in files(path):
        file.unlink()
    assert load(copy) == shown(LARGE["figure"], LARGE["stream"])


@pytest.mark.parametrize("trouble", ["missing", "changed", "cut", "link", "folder", "pipe"])
def test_a_file_that_is_gone_or_changed_leaves_what_stands_for_it(trouble: str, tmp_path: Path) -> None:
    path = keep(shown(STREAM, LARGE["stream"], STREAM), tmp_path / "x.ipynb")
    (file,) = files(path)
    content, same = file.read_bytes(), tmp_path / "same"
    same.write_bytes(content)
    file.unlink()
    make: dict[str, Callable[[], object]] = {
        "missing": lambda: None,
        "changed": lambda: file.write_bytes(content.replace(b"31", b"32")),
        "cut": lambda: file.write_bytes(content[:-1]),
        "link": partial(file.symlink_to, same),
        "folder": file.mkdir,
        "pipe": lambda: os.mkfifo(file),
    }
    make[trouble]()
    first, second, third = outputs_of(load(path))
    assert first == third == STREAM
    assert second["output_type"] == "display_data"
    assert second["metadata"] == {"codeact_file": [file.name]}
    assert f"x_files/{file.name}" in second["data"]["text/markdown"]


def forged(path: Path, change: Callable[[Any], object]) -> tuple[Json, ...]:
    """Return the outputs of a session after `change` was made to what its cell says about its files."""
    notebook = json.loads(path.read_bytes())
    change(notebook["cells"][-1]["metadata"]["codeact"]["files"])
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return outputs_of(load(path))


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "/etc/hostname",
        "..",
        "",
        "secret.txt",
        "x_files/secret.txt",
        "0" * 16 + ".txt",
        5,
        None,
        [],
        "\0",
    ],
    ids=str,
)
def test_a_forged_name_is_never_read(name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keep(shown(LARGE["stream"]), tmp_path / "x.ipynb")
    for place in (tmp_path, tmp_path / "x_files"):
        (place / "secret.txt").write_text("secret", encoding="utf-8")
        (place / f"{'0' * 16}.txt").write_text("secret", encoding="utf-8")
    (output,) = forged(path, lambda files: files[0]["values"]["text"].update(file=name))
    assert output["output_type"] == "display_data"
    assert "secret" not in json.dumps(output).replace("secret.txt", "")


def test_a_folder_that_is_a_link_is_neither_read_nor_written(tmp_path: Path) -> None:
    path = keep(shown(LARGE["stream"]), tmp_path / "x.ipynb")
    path.with_name("x_files").rename(tmp_path / "elsewhere")
    path.with_name("x_files").symlink_to(tmp_path / "elsewhere")
    assert outputs_of(load(path))[0]["output_type"] == "display_data"
    keep(shown(LARGE["data"]), path)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1
    assert load(path) == shown(LARGE["data"])


def test_a_notebook_that_was_renamed_finds_its_files(tmp_path: Path) -> None:
    session = shown(LARGE["stream"])
    path = keep(session, tmp_path / "x.ipynb").rename(tmp_path / "renamed.ipynb")
    assert load(path) == session


@pytest.mark.parametrize(
    "folder", ["../x_files", "y/x_files", "x", "/x_files", "link_files", 5, None, "\0_files"], ids=str
)
def test_a_forged_folder_is_never_read(folder: Any, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    path = keep(shown(LARGE["stream"]), inside / "x.ipynb").rename(inside / "renamed.ipynb")
    real = (inside / "x_files").rename(tmp_path / "x_files")
    (inside / "link_files").symlink_to(real)
    (inside / "y").mkdir()
    (inside / "y" / "x_files").symlink_to(real)
    (output,) = forged(path, lambda files: files[0].update(folder=folder))
    assert output["output_type"] == "display_data"


CHANGES: dict[str, Callable[[Any], object]] = {
    "number": lambda files: files[0].update(output=7),
    "negative": lambda files: files[0].update(output=-1),
    "true": lambda files: files[0].update(output=True),
    "another output": lambda files: files[0].update(output=0),
    "form": lambda files: files[0]["values"]["text"].update(form="pickle"),
    "wrong form": lambda files: files[0]["values"]["text"].update(form="json"),
    "no whole": lambda files: files[0].pop("whole"),
    "list": lambda files: files.__setitem__(0, [1]),
    "nothing": lambda files: files.clear(),
    "whole list": lambda files: files[0].update(whole=[["output_type", "stream"]]),
    "many": lambda files: files.extend(files * 20_000),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_forged_about_files_leaves_what_stands_there(change: Callable[[Any], object], tmp_path: Path) -> None:
    path = keep(shown(STREAM, LARGE["stream"]), tmp_path / "x.ipynb")
    first, second = forged(path, change)
    assert first == STREAM
    assert second["output_type"] in ("display_data", "stream")


def test_the_files_of_a_private_notebook_are_private(tmp_path: Path) -> None:
    path = keep(shown(LARGE["stream"]), tmp_path / "x.ipynb")
    path.chmod(0o600)
    keep(shown(LARGE["figure"]), path)
    figure = next(file for file in files(path) if file.suffix == ".png")
    assert figure.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_leaves_the_output_in_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "x_files").write_text("in the way", encoding="utf-8")
    session = replace(shown(LARGE["stream"]), home="..")
    path = keep(session, tmp_path / "x.ipynb")
    assert load(path) == session
    assert "codeact_file" not in path.read_text(encoding="utf-8")
