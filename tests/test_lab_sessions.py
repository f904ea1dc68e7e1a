"""A saved session, opened as a notebook: what is told of it, and how one goes on with it."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from codeact_magic.agent import Agent, Limits
from codeact_magic.errors import CodeActError
from codeact_magic.formats import Reading
from codeact_magic.session import Action, Cell, Decision, Json, Observation, Reply, Session, Step, Turn
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.testing import ScriptedModel

from .lab import Desk, Window, step, wait_until
from .test_lab_safety import HOSTILE

pytestmark = pytest.mark.browser

HEAD = ".codeact-Mark.codeact-mod-head"
WAYS = ("continue", "replay", "verify")


class Script:
    """Decides as a comment in the code says: `# reject: why`, `# edit: other code`; runs and gives what it prints."""

    mode = "ask"

    def __init__(self) -> None:
        self._cells: tuple[Cell, ...] = (Cell("start = 1"),)
        self._names: dict[str, Any] = {}

    def decide(self, number: int, reading: Reading) -> Decision:
        assert reading.action
        code = reading.action.code
        if match := re.search(r"# reject: (.*)", code):
            return Decision("reject", reason=match[1], seconds=2.0)
        if match := re.search(r"# edit: (.*)", code):
            return Decision("edit", match[1], seconds=3.0, findings=("writes report.csv",))
        return Decision("approve", code, by="policy auto" if "# auto" in code else "user", seconds=1.0)

    def run(self, code: str) -> Observation:
        printed = io.StringIO()
        status, line = "ok", ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(code, self._names)
            except KeyboardInterrupt:
                status = "interrupted"
            except Exception as error:
                status, line = "error", f"line 1: {error}"
        outputs = (
            ({"output_type": "stream", "name": "stdout", "text": printed.getvalue()},) if printed.getvalue() else ()
        )
        return Observation(status, outputs, seconds=0.5, line=line)  # type: ignore[arg-type]

    def summary(self) -> str:
        return ""

    def cells(self) -> tuple[Cell, ...]:
        cells, self._cells = self._cells, ()
        return cells

    def __getattr__(self, name: str) -> Any:  # as a view, it shows nothing
        return lambda *_: None


def session(*turns: list[str], home: str = "..") -> Session:
    """Return the session of an agent whose model says what `turns` list."""
    model = ScriptedModel([reply for turn in turns for reply in turn], name="scripted-7b")
    script = Script()
    begun = Session("abc", started="2026-01-31T12:00:00+00:00", home=home)
    agent = Agent(begun, model, script, script, view=script, keep=lambda session: None, limits=Limits(steps=100_000))
    for number, _ in enumerate(turns, 1):
        with contextlib.suppress(CodeActError):
            agent.run(f"Do task {number}, please.")
    return agent.session


ONE = [step("total = 6 * 7\nprint(total)", "I multiply."), "It is **42**."]
MANY = [
    step("print('hel' + 'lo')", "I greet."),
    step("print('proposed')  # edit: print('edited')"),
    step("no = 1  # reject: use the other file"),
    step("1 / 0"),
    step("raise KeyboardInterrupt"),
]


def mark(window: Window, text: str) -> Locator:
    """Return the line above a cell that begins with `text`."""
    return window.notebook.locator(HEAD).filter(has_text=re.compile(rf"^{text}"))


def cell_of(window: Window, text: str) -> Locator:
    """Return the cell with that line."""
    return window.notebook.locator(".jp-Cell").filter(has=window.page.locator(HEAD, has_text=re.compile(rf"^{text}")))


def sources(window: Window) -> list[str]:
    """Return the code of the cells of the notebook that is shown."""
    cells = window.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells.map(cell => cell.source)"
    )
    return ["".join(source) for source in cells]


def companion(window: Window, name: str) -> Window:
    """Wait until the notebook that goes on with a session is shown."""
    window.page.wait_for_function("name => window.jupyterapp.shell.currentWidget?.context?.path === name", arg=name)
    shown = Window(window.desk, window.page, name)
    expect(shown.cell(1)).to_be_visible()
    return shown


# -- what is told ------------------------------------------------------------------------------------------------------


def test_a_banner_names_the_session_and_stands_only_above_sessions(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(ONE, MANY)))
    expect(window.banner).to_contain_text("Do task 1, please.")
    for fact in ("2026", "2 turns", "7 steps", "scripted-7b", "stopped"):
        expect(window.banner).to_contain_text(fact)
    assert all(window.enabled(f"codeact:{way}") for way in WAYS)
    ordinary = window.show(desk.write("1 + 1"))
    expect(ordinary.banner).to_have_count(0)
    expect(ordinary.marks).to_have_count(0)
    assert not any(window.enabled(f"codeact:{way}") for way in WAYS)


def test_the_cells_of_a_session_say_the_same_as_the_live_steps(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(MANY)))
    expect(mark(window, "Folder")).to_have_text("Foldergoes to where the code ran")
    expect(mark(window, "Your cell")).to_be_visible()
    expect(mark(window, "Turn 1")).to_contain_text("stopped · 5 steps")
    expect(mark(window, "Turn 1")).to_contain_text("scripted-7b · approval: ask")
    expect(mark(window, "Step 1")).to_have_text("Step 1run by you")
    expect(mark(window, "Step 2")).to_have_text("Step 2edited by you")
    expect(mark(window, "Step 3")).to_have_text("Step 3rejected by you")
    expect(mark(window, "Step 4")).to_have_text("Step 4ran with an errorrun by you")
    expect(mark(window, "Step 5")).to_have_text("Step 5interruptedrun by you")
    records = window.notebook.locator(".codeact-Mark.codeact-mod-foot")
    expect(records).to_have_count(5)
    expect(records.nth(0)).to_contain_text("scripted-7b · you 1.0 s · run 0.5 s")
    expect(records.nth(1)).to_contain_text("writes report.csv")
    expect(records.nth(2)).to_contain_text("“use the other file”")
    expect(records.nth(3)).to_contain_text("line 1: division by zero")


def test_a_figure_in_a_file_beside_the_session_is_shown(desk: Desk) -> None:
    noise = Image.frombytes("RGB", (200, 100), random.Random(1).randbytes(60_000))
    picture = io.BytesIO()
    noise.save(picture, "png")
    figure = {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": "<Figure>"}
    outputs = ({"output_type": "display_data", "data": figure, "metadata": {}},)
    observation = Observation("ok", outputs, seconds=0.5, execution_count=1)
    plotted = Step(
        Reply("x"), "I plot.", Action("plot()"), decision=Decision("approve", "plot()"), observation=observation
    )
    name = "codeact-sessions/a figure.ipynb"
    saver = Saver(desk.server.root / name, tell=lambda *line: None, limit=50_000)
    saver.save(Session("abc").begun(Turn("Plot.", steps=(plotted,))))
    saver.close()
    image = desk.session(name).notebook.locator("a > img[alt=figure]")
    expect(image).to_be_visible()
    desk.profile.page.wait_for_function("() => document.querySelector('a > img[alt=figure]').naturalWidth === 200")


def test_a_session_that_was_just_run_shows_its_decisions(desk: Desk) -> None:
    replies = [step("print('proposed')"), step("no = 1"), "It is done."]
    window = desk.notebook("%%codeact\nDo something worth saving", replies=replies).ask()
    window.pending.retype("print('edited by hand')")
    window.pending.run()
    expect(window.steps).to_have_count(2)
    window.pending.reject("not this")
    window.wait_done(1)
    [path] = (desk.server.root / "codeact-sessions").glob("*-do-something-worth-saving.ipynb")
    saved = desk.session(f"codeact-sessions/{path.name}")
    expect(mark(saved, "Turn 1")).to_contain_text("answered · 3 steps")
    expect(mark(saved, "Step 1")).to_have_text("Step 1edited by you")
    expect(mark(saved, "Step 2")).to_have_text("Step 2rejected by you")
    expect(cell_of(saved, "Answer")).to_contain_text("It is done.")
    expect(saved.marks.filter(has_text="“not this”")).to_be_visible()


def test_an_answer_and_a_policy_are_shown_as_such(desk: Desk) -> None:
    window = desk.session(desk.write_session(session([step("print(1)  # auto"), "It is **1**."])))
    expect(mark(window, "Step 1")).to_contain_text("run by policy auto")
    expect(cell_of(window, "Answer").locator("strong")).to_have_text("1")
    expect(mark(window, "Turn 1")).to_contain_text("answered · 2 steps")


def test_the_marks_have_names_for_screen_readers(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(MANY)))
    expect(window.page.get_by_role("region", name="Saved CodeAct session")).to_be_visible()
    for name in ("CodeAct, turn 1: stopped", "CodeAct, step 3, rejected by you", "CodeAct, record of step 3"):
        expect(window.notebook.get_by_role("note", name=name)).to_be_visible()
    link = window.notebook.get_by_role("button", name="Show changes")
    expect(link).to_have_attribute("aria-expanded", "false")
    link.press("Enter")
    expect(window.notebook.get_by_role("button", name="Hide changes")).to_have_attribute("aria-expanded", "true")


def test_the_changes_of_an_edited_step_are_shown_on_demand(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(MANY)))
    link = window.notebook.locator(".codeact-Mark").get_by_role("button", name="Show changes")
    link.click()
    shown = window.notebook.locator(".codeact-Mark .codeact-Diff")
    expect(shown.locator(".codeact-Diff-removed")).to_contain_text("print('proposed')")
    expect(shown.locator(".codeact-Diff-added")).to_contain_text("print('edited')")
    window.notebook.get_by_role("button", name="Hide changes").click()
    expect(shown).to_be_hidden()


def test_the_marks_are_in_no_file_and_in_no_model(desk: Desk) -> None:
    name = desk.write_session(session(ONE, MANY))
    before = (desk.server.root / name).read_bytes()
    window = desk.session(name)
    expect(mark(window, "Step 5")).to_be_visible()
    window.notebook.get_by_role("button", name="Show changes").click()
    cells = window.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells")
    assert [kept(cell) for cell in cells] == [kept(cell) for cell in json.loads(before)["cells"]]
    assert (desk.server.root / name).read_bytes() == before


def kept(cell: Json) -> Json:
    """Return what a file keeps of a cell; trust is JupyterLab's own note."""
    metadata = {key: value for key, value in cell["metadata"].items() if key != "trusted"}
    return {"source": "".join(cell["source"]), "metadata": metadata, "outputs": len(cell.get("outputs", ()))}


def test_the_marks_follow_when_cells_come_and_go(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(ONE)))
    expect(mark(window, "Step 1")).to_be_visible()
    window.put_cursor(0)
    window.page.keyboard.press("Escape")
    window.page.keyboard.press("a")
    expect(window.notebook.locator(".jp-Cell")).to_have_count(7)
    expect(mark(window, "Your cell")).to_have_count(1)
    cell_of(window, "Turn 1").click()
    window.command("notebook:delete-cell")
    expect(mark(window, "Turn 1")).to_have_count(0)
    expect(mark(window, "Step 1")).to_have_count(0)


@pytest.fixture
def windowed(desk: Desk) -> Iterator[Desk]:
    """Pages that are opened keep no more cells of a notebook than one sees."""
    desk.server.set("@jupyterlab/notebook-extension:tracker", {"windowingMode": "full"})
    yield desk
    desk.server.set("@jupyterlab/notebook-extension:tracker", {})


def test_a_session_of_500_cells_opens_at_once_and_is_marked_in_view(windowed: Desk) -> None:
    one = session(ONE).turns[0].steps
    turns = (Turn("Go on", steps=one[:1] * 250), Turn("Go on", outcome="answered"))
    name = windowed.write_session(Session("long", home="..", turns=turns))
    window = windowed.window(name)
    expect(mark(window, "Step 1").first).to_be_visible()
    assert window.marks.count() < 50

    def is_marked(index: int, text: str) -> bool:
        # Again and again: the cells on the way there get their heights only now.
        window.page.evaluate("index => { window.jupyterapp.shell.currentWidget.content.scrollToItem(index) }", index)
        return mark(window, text).first.is_visible()

    wait_until(lambda: is_marked(501, "Turn 2"), "the marks of the last cells")
    expect(mark(window, "Step 250")).to_be_visible()
    wait_until(lambda: is_marked(1, "Turn 1"), "the marks of the first cells, again")
    expect(mark(window, "Step 1").first).to_be_visible()
    assert window.marks.count() < 100
    cell = window.notebook.locator(".jp-CodeCell:has(.codeact-mod-foot)").first
    parts = (".jp-Cell-inputWrapper", ".codeact-mod-foot", ".jp-Cell-outputWrapper")
    places = [cell.locator(part).evaluate("node => node.offsetTop") for part in parts]
    assert places == sorted(places)


# -- going on ----------------------------------------------------------------------------------------------------------


def test_continue_opens_a_notebook_in_the_folder_of_the_code_and_loads_the_session(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    before = (desk.server.root / name).read_bytes()
    window = desk.session(name)
    window.banner.get_by_role("button", name="Continue").click()
    opened = companion(window, f"continue-{Path(name).name}")
    assert sources(opened) == ["%load_ext codeact_magic", f'%codeact load "{name}"', "%%codeact\n"]
    opened.wait_done(0).wait_done(1)
    expect(opened.output(1)).not_to_contain_text("Error")
    window.wait_for_focus(".jp-Cell:nth-child(3) .cm-content")
    expect(opened.cell(2).locator(".jp-InputPrompt")).to_have_text("[ ]:")
    assert (desk.server.root / name).read_bytes() == before


@pytest.mark.parametrize("way", ["replay", "verify"])
def test_replay_and_verify_open_notebooks_of_their_own_and_begin(desk: Desk, way: str) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.banner.get_by_role("button", name=way.capitalize()).click()
    opened = companion(window, f"{way}-{Path(name).name}")
    assert sources(opened) == ["%load_ext codeact_magic", f'%codeact {way} "{name}"']
    opened.wait_done(0)
    expect(opened.cell(1).locator(".jp-InputPrompt").first).not_to_have_text("[ ]:")


def test_a_replay_asks_about_each_step_in_its_own_notebook(desk: Desk) -> None:
    name = desk.write_session(session([step("print('re' + 'played')"), "Done."]))
    window = desk.session(name)
    window.command("codeact:replay")
    opened = companion(window, f"replay-{Path(name).name}")
    opened.pending.wait()
    assert opened.pending.text == "start = 1"
    opened.pending.run()
    expect(opened.steps).to_have_count(2)
    assert opened.pending.wait().text == "print('re' + 'played')"
    expect(opened.output(1)).not_to_contain_text("replayed")
    opened.pending.run()
    opened.wait_done(1)
    expect(opened.output(1)).to_contain_text("replayed")


def test_a_step_of_a_replay_has_its_own_name_and_is_rejected_without_a_reason(desk: Desk) -> None:
    name = desk.write_session(session([step("print('re' + 'played')"), "Done."]))
    window = desk.session(name)
    window.command("codeact:replay")
    opened = companion(window, f"replay-{Path(name).name}").show_panel()
    title = opened.pending.node.locator(".codeact-Title")
    expect(title).to_have_text("Your own cell")
    expect(opened.pending.button("Run all of this turn")).to_have_count(0)
    expect(opened.pending.button("Run all")).to_be_visible()
    expect(opened.panel.get_by_label("A remark for the model")).to_be_hidden()
    opened.pending.run()
    expect(title).to_have_text("Action 1")
    expect(opened.panel.locator(".codeact-Panel-state")).to_contain_text("waiting for you · action 1")
    expect(opened.panel.locator(".codeact-Turn-number")).to_have_text(["Your own cell", "Action 1"])
    opened.pending.wait().button("Reject").click()
    opened.wait_done(1)
    expect(opened.step(1).node).to_contain_text("rejected by you")
    expect(opened.output(1)).not_to_contain_text("replayed")


def test_a_rejection_by_key_needs_no_reason_in_a_replay_either(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.command("codeact:replay")
    opened = companion(window, f"replay-{Path(name).name}")
    opened.pending.wait()
    opened.command("codeact:reject")
    expect(opened.step(0).node).to_contain_text("rejected by you")


def test_the_result_of_a_verification_is_in_view_once_its_code_was_approved(desk: Desk) -> None:
    name = desk.write_session(session([step("total = 1\n" + "total += 1\n" * 120 + "print(total)"), "Done."]))
    window = desk.session(name)
    window.command("codeact:verify")
    opened = companion(window, f"verify-{Path(name).name}")
    expect(opened.pending.node.locator(".codeact-Title")).to_have_text("The session")
    expect(opened.pending.button("Run all")).to_have_count(0)
    opened.pending.run()
    opened.wait_done(1)
    expect(opened.output(1).locator("pre").filter(has_text="1 same")).to_be_in_viewport(ratio=1)
    opened.step(0).button("Show all").click()
    expect(opened.step(0).node.get_by_text("print")).to_be_visible()


def test_a_session_is_verified_again_in_the_notebook_that_is_open(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.command("codeact:verify")
    opened = companion(window, f"verify-{Path(name).name}")
    opened.pending.run()
    opened.wait_done(1)
    window.show(name).command("codeact:verify")
    opened = companion(window, opened.name)
    opened.pending.run()
    expect(opened.cell(1).locator(".jp-InputPrompt").first).to_have_text("[4]:")
    check_no_second(desk, opened.name)


@pytest.mark.parametrize("way", ["continue", "replay"])
def test_a_notebook_that_is_open_comes_to_the_front_as_it_is(desk: Desk, way: str) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.command(f"codeact:{way}")
    opened = companion(window, f"{way}-{Path(name).name}")
    opened.wait_done(0)
    opened.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2 }")
    opened.command("notebook:insert-cell-below")
    wait_until(lambda: len(sources(opened)) > (3 if way == "continue" else 2), "the user's own cell")
    mine = sources(opened)
    window.show(name).command(f"codeact:{way}")
    opened = companion(window, opened.name)
    assert sources(opened) == mine
    expect(opened.cell(0).locator(".jp-InputPrompt").first).to_have_text("[1]:")
    check_no_second(desk, opened.name)


def test_a_notebook_that_was_closed_as_it_was_made_serves_again(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.command("codeact:continue")
    opened = companion(window, f"continue-{Path(name).name}")
    opened.wait_done(1)
    opened.save()
    window.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    window.show(name).command("codeact:continue")
    companion(window, opened.name).wait_done(1)
    check_no_second(desk, opened.name)


def test_a_second_notebook_gets_a_name_of_its_own(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    other = desk.write("# not made for this session")
    path = (desk.server.root / other).rename(desk.server.root / f"verify-{Path(name).name}")
    before = path.read_bytes()
    window = desk.session(name)
    window.command("codeact:verify")
    companion(window, f"verify-{Path(name).stem}-2.ipynb")
    assert path.read_bytes() == before


def check_no_second(desk: Desk, name: str) -> None:
    """Check that of the notebooks that go on with a session there is the one alone."""
    assert [path.name for path in desk.server.root.glob(f"{Path(name).stem}*")] == [name]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_beside_the_data_replaces_no_package(desk: Desk, way: str) -> None:
    name = desk.write_session(session(ONE), folder=f"hostile-{way}/codeact-sessions")
    folder = desk.server.root / f"hostile-{way}"
    for module in ("codeact_magic", "nbformat", "platformdirs", "jsonschema"):
        (folder / f"{module}.py").write_text(
            f"open('ran-{module}', 'w').close()\ndef load_ipython_extension(shell): ...\n"
        )
    window = desk.session(name)
    window.command(f"codeact:{way}")
    opened = companion(window, f"hostile-{way}/{way}-{Path(name).name}")
    if way == "continue":
        opened.wait_done(1)
    else:
        opened.pending.wait()
    assert [path.name for path in folder.glob("ran-*")] == []
    if way == "verify":
        opened.pending.run()
        opened.wait_done(1)
        expect(opened.output(1)).to_contain_text("1 same")


def test_a_file_that_python_would_run_in_place_of_the_kernel_is_refused(desk: Desk) -> None:
    name = desk.write_session(session(ONE), folder="impostor/codeact-sessions")
    (desk.server.root / "impostor/ipykernel_launcher.py").write_text("open('ran', 'w').close()")
    window = desk.session(name)
    window.command("codeact:verify")
    expect(window.notifications).to_contain_text("impostor/ipykernel_launcher.py")
    assert not list((desk.server.root / "impostor").glob("*verify*"))
    window.page.locator(
        ".jp-Notification-Toast-Close, .Toastify__close-button, [aria-label='Hide notification']"
    ).first.click()


@pytest.mark.parametrize("home", ["../../..", "/etc", "../nowhere", ""], ids=["above", "absolute", "gone", "unknown"])
def test_a_home_out_of_reach_leaves_the_notebook_beside_the_session(desk: Desk, home: str) -> None:
    name = desk.write_session(session(ONE, home=home))
    window = desk.session(name)
    window.command("codeact:verify")
    opened = companion(window, f"codeact-sessions/verify-{Path(name).name}")
    assert sources(opened)[1] == f'%codeact verify "{Path(name).name}"'


def test_the_keys_of_a_session_work_from_its_notebook(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.put_cursor(0)
    window.page.keyboard.press("Alt+Shift+V")
    companion(window, f"verify-{Path(name).name}")


def test_the_palette_offers_the_commands_for_a_session(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name).show(name)

    def is_open() -> bool:
        # A notebook that is still being opened takes the focus, which closes it again.
        window.command("apputils:activate-command-palette")
        return "lm-CommandPalette-input" in window.focus()

    wait_until(is_open, "the palette")
    window.page.keyboard.type("replay this session")
    found = window.page.locator(".lm-CommandPalette-item.lm-mod-active")
    expect(found).to_contain_text("Replay This Session")
    expect(found).to_contain_text("Alt+Shift+Y")
    window.page.keyboard.press("Enter")
    companion(window, f"replay-{Path(name).name}")


def test_all_of_the_banner_can_be_reached_by_tab(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(ONE)))
    first = window.banner.get_by_role("button", name="Continue")
    first.focus()
    window.page.keyboard.press("Tab")
    expect(window.banner.get_by_role("button", name="Replay")).to_be_focused()
    window.page.keyboard.press("Tab")
    expect(window.banner.get_by_role("button", name="Verify")).to_be_focused()
    assert "Alt+Shift+V" in (window.banner.get_by_role("button", name="Verify").get_attribute("title") or "")


def test_in_a_narrow_window_all_of_the_banner_can_be_reached(desk: Desk) -> None:
    window = desk.window(desk.write_session(session(ONE)))
    window.page.set_viewport_size({"width": 420, "height": 800})
    window.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    for way in WAYS:
        button = window.banner.get_by_role("button", name=way.capitalize())
        expect(button).to_be_in_viewport(ratio=1)
    expect(mark(window, "Turn 1")).to_be_in_viewport(ratio=1)


def test_a_path_is_one_word_of_the_magic_whatever_it_contains(desk: Desk) -> None:
    stem = """it's "{1+1}" $x;!touch hacked #%s"""
    name = desk.write_session(session(ONE), stem=stem)
    window = desk.session(name)
    window.command("codeact:continue")
    opened = companion(window, f"continue-{stem}.ipynb")
    opened.wait_done(1)
    expect(opened.output(1)).not_to_contain_text("Error")
    assert not (desk.server.root / "hacked").exists()


def test_a_path_that_could_be_more_than_a_line_is_refused(desk: Desk) -> None:
    window = desk.session(desk.write_session(session(ONE), stem="two\nlines"))
    window.command("codeact:continue")
    expect(window.notifications).to_contain_text("Rename it")
    assert not list(desk.server.root.glob("continue-two*"))
    window.page.locator(
        ".jp-Notification-Toast-Close, .Toastify__close-button, [aria-label='Hide notification']"
    ).first.click()


def test_a_script_presses_no_button_of_the_banner(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.session(name)
    window.page.evaluate("() => document.querySelectorAll('.codeact-Banner button').forEach(one => one.click())")
    window.banner.get_by_role("button", name="Verify").click()
    companion(window, f"verify-{Path(name).name}")
    assert not list(desk.server.root.glob(f"continue-{Path(name).name}"))


def test_in_notebook_7_the_new_notebook_opens_in_a_page_of_its_own(desk: Desk) -> None:
    name = desk.write_session(session(ONE))
    window = desk.in_notebook_7(name)
    expect(mark(window, "Step 1")).to_be_visible()
    with window.page.context.expect_page() as opening:
        window.banner.get_by_role("button", name="Continue").click()
    page = opening.value
    expect(page.locator(".jp-Cell")).to_have_count(3)
    expect(page.locator(".jp-Cell").nth(1)).to_contain_text("%codeact load")
    page.close()


# -- hostile sessions --------------------------------------------------------------------------------------------------


def forged(desk: Desk, change: Any, of: Session | None = None) -> str:
    """Write a session whose notebook `change` has had its way with."""
    name = desk.write_session(of or session(ONE, MANY))
    notebook = nbformat.read(desk.server.root / name, as_version=4)
    change(notebook)
    (desk.server.root / name).write_text(json.dumps(notebook))
    return name


def with_hostile_texts(value: Any) -> Any:
    """Return metadata with every free text of it made hostile."""
    if isinstance(value, dict):
        fixed = ("kind", "status", "verdict", "outcome", "format")
        return {key: item if key in fixed else with_hostile_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_hostile_texts(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_the_metadata_of_a_session_is_shown_as_text(desk: Desk) -> None:
    def change(notebook: Any) -> None:
        notebook.metadata.codeact = with_hostile_texts(notebook.metadata.codeact)
        for cell in notebook.cells:
            cell.metadata = with_hostile_texts(cell.metadata)
            if cell.cell_type == "code":
                html = {
                    "text/html": HOSTILE.replace("http://example.com/", ""),
                    "image/svg+xml": "<svg onload='window.hacked=1'></svg>",
                }
                cell.outputs = [nbformat.v4.new_output("display_data", data=html)]

    window = desk.session(forged(desk, change))
    expect(mark(window, "Step 5")).to_be_visible()
    assert window.page.evaluate("window.hacked") is None
    for node in (window.banner, window.marks):
        inside = node.locator("script, style, iframe, img, video, object, form, input, link, math, a, b")
        assert inside.evaluate_all("all => all.map(one => one.outerHTML)") == []
    expect(window.banner).to_contain_text("unknown date")
    expect(window.banner).to_contain_text("<script>")
    assert "\u202e" not in window.banner.inner_text() + "".join(window.marks.all_inner_texts())


def test_cells_with_bad_metadata_have_no_mark_and_the_others_have(desk: Desk) -> None:
    nonsense: list[Any] = [None, 7, "x", [], {}, {"kind": "won"}, {"kind": "action", "step": {"reply": []}}]

    def change(notebook: Any) -> None:
        cells = [nbformat.v4.new_code_cell(f"'nonsense {number}'") for number, _ in enumerate(nonsense)]
        for cell, about in zip(cells, nonsense, strict=True):
            cell.metadata = {"codeact": about}
        notebook.cells[3:3] = cells

    window = desk.session(forged(desk, change, session(ONE)))
    expect(mark(window, "Turn 1")).to_be_visible()
    expect(mark(window, "Step 1")).to_be_visible()
    for number, _ in enumerate(nonsense):
        cell = window.notebook.locator(".jp-Cell").filter(has_text=f"nonsense {number}")
        expect(cell.locator(".codeact-Mark")).to_have_count(0)


def test_a_notebook_with_a_broken_session_is_an_ordinary_one(desk: Desk) -> None:
    for about in (7, {"codeact": 2}, {"codeact": 1, "home": []}):

        def change(notebook: Any, about: Any = about) -> None:
            notebook.metadata.codeact = about

        window = Window(desk, desk.profile.page, forged(desk, change, session(ONE)))
        window.open_tab()
        expect(window.banner).to_have_count(0)
        expect(window.marks).to_have_count(0)


def test_code_out_of_sight_is_pointed_out_in_a_saved_session(desk: Desk) -> None:
    far = step("x = 1" + " " * 400 + "; y = 'hid' 'den'")
    window = desk.session(desk.write_session(session([far, "Done."])))
    warning = window.notebook.locator(".codeact-mod-warning")
    expect(warning).to_contain_text("code far to the right: ; y = 'hid' 'den'")


def test_code_that_reads_differently_than_it_runs_is_pointed_out(desk: Desk) -> None:
    window = desk.session(
        desk.write_session(
            session(
                [step("p\u0430yload = 'a\u202eb'\nprint(p\u0430yload)"), step("x\u0430 = 1  # reject: no"), "Done."]
            )
        )
    )
    warnings = window.notebook.locator(".codeact-mod-warning")
    expect(warnings).to_have_count(2)
    expect(warnings.nth(0)).to_contain_text("U+202E: right-to-left override")
    expect(warnings.nth(0)).to_contain_text("is not payload: \u0430 is U+0430 (Cyrillic)")
    expect(warnings.nth(1)).to_contain_text("is not xa")
    cell = window.notebook.locator(".jp-CodeCell").filter(has=window.page.locator(".codeact-mod-warning"))
    cell.locator(".jp-InputArea .cm-content").click()
    window.page.keyboard.press("ControlOrMeta+A")
    window.page.keyboard.insert_text("payload = 'ab'")
    expect(warnings).to_have_count(1)


def test_a_session_with_huge_fields_opens_and_stays_usable(desk: Desk) -> None:
    def change(notebook: Any) -> None:
        for cell in notebook.cells:
            about = cell.metadata.codeact
            if "step" in about:
                about.step.reply.reasoning = "r" * 3_000_000
                about.step.reply.model = "m" * 3_000_000
                about.step.decision = {"verdict": "edit", "findings": ["f" * 5_000] * 300, "reason": "x" * 1_000_000}
                about.step.action = {"code": "c" * 1_000_000}

    window = desk.session(forged(desk, change, session(ONE)))
    expect(mark(window, "Step 1")).to_be_visible()
    window.notebook.get_by_role("button", name="Show changes").first.click()
    expect(window.notebook.locator(".codeact-Diff-removed")).to_be_visible()
    window.put_cursor(0)
    window.wait_for_focus(".cm-content")


# -- cells that the kernel gives ---------------------------------------------------------------------------------------

OFFER = """\
from IPython.display import display
channel = get_ipython().magics_manager.registry['CodeAct']._channel
cells = [dict(cell_type='code', source='a = 1\\nprint(a)'), dict(cell_type='markdown', source='# b')] * {times}
bundle = {{'version': 1, 'id': channel.offer(cells)}}
display({{'application/vnd.codeact.insert+json': bundle, 'text/plain': 'cells are on their way'}}, raw=True)
print('accepted:', channel.accepted({patience}, 0.05))"""


def test_offered_cells_are_inserted_below_the_cell_that_ran(desk: Desk) -> None:
    window = desk.notebook(OFFER.format(times=1, patience=10), "'the end'").ask()
    expect(window.output(1)).to_contain_text("accepted: True")
    expect(window.output(1)).to_contain_text("cells are on their way")
    wait_until(lambda: len(sources(window)) == 5, "the cells' arrival")
    assert sources(window)[2:] == ["a = 1\nprint(a)", "# b", "'the end'"]
    expect(window.cell(2).locator(".jp-InputPrompt")).to_have_text("[ ]:")
    kinds = [cell.cell_type for cell in window.save().cells]
    assert kinds == ["code", "code", "code", "markdown", "code"]
    window.command("notebook:undo-cell-action")
    wait_until(lambda: len(sources(window)) == 3, "all of them gone at once")


def test_insert_puts_the_steps_of_a_session_below(desk: Desk) -> None:
    replies = [step("a = 6 * 7"), step("print(a)"), "It is 42."]
    window = desk.notebook("%%codeact\nGo", "%codeact insert", "'the end'", replies=replies).ask()
    window.pending.run_all()
    window.wait_done(1).run_cell(2).wait_done(2)
    wait_until(lambda: len(sources(window)) > 6, "the cells' arrival")
    inserted = sources(window)[3:-1]
    assert [source for source in inserted if "Go" not in source] == ["a = 6 * 7", "print(a)"]
    assert sources(window)[-1] == "'the end'"
    expect(window.output(2)).to_contain_text("2 cells")


def test_cells_that_stand_below_already_are_not_inserted_again(desk: Desk) -> None:
    window = desk.notebook(OFFER.format(times=1, patience=10), "'the end'").set_up()
    for times in (1, 2):
        window.run_cell(1)
        expect(window.cell(1).locator(".jp-InputPrompt").first).to_have_text(f"[{times + 1}]:")
        expect(window.output(1)).to_contain_text("accepted: True")
        wait_until(lambda: len(sources(window)) == 5, "the cells' arrival")
    window.type_cell(2, "a = 2")
    window.run_cell(1)
    wait_until(lambda: len(sources(window)) == 7, "other cells' arrival")
    assert sources(window)[2:] == ["a = 1\nprint(a)", "# b", "a = 2", "# b", "'the end'"]


def test_run_all_inserts_no_cells_twice(desk: Desk) -> None:
    name = desk.write_session(session([step("a = 6 * 7"), step("print(a)"), "It is 42."]))
    window = desk.notebook(f'%codeact insert "{name}"', "'the end'").set_up()
    window.run_cell(1).wait_done(1)
    wait_until(lambda: len(sources(window)) > 3, "the cells' arrival")
    before = sources(window)
    window.command("notebook:run-all-cells")
    last = window.cell(len(before) - 1)
    expect(last.locator(".jp-OutputArea")).to_contain_text("the end")
    assert sources(window) == before


def test_a_saved_offer_of_cells_is_a_line_of_text(desk: Desk) -> None:
    name = desk.asking(OFFER.format(times=1, patience=10))
    window = desk.window(name).ask()
    expect(window.output(1)).to_contain_text("accepted: True")
    window.save()
    before = sources(window)
    window.reload()
    expect(window.output(1)).to_contain_text("cells are on their way")
    window.run_cell(0).wait_done(0)
    assert sources(window) == before


def test_an_offer_is_taken_by_the_page_that_ran_the_cell_alone(desk: Desk) -> None:
    name = desk.asking(OFFER.format(times=1, patience=10))
    other = desk.window(name)
    window = desk.window(name).ask()
    expect(window.output(1)).to_contain_text("accepted: True")
    wait_until(lambda: len(sources(window)) == 4, "the cells' arrival")
    other.run_cell(0).wait_done(0)
    assert len(sources(other)) == 2


def test_a_step_that_was_interrupted_says_so(desk: Desk) -> None:
    code = "import time\nprint('star' + 'ted', flush=True)\ntime.sleep(120)"
    window = desk.notebook("%%codeact\nGo", replies=[step(code)]).ask()
    window.pending.run()
    expect(window.output(1)).to_contain_text("started")
    window.step(0).stop()
    window.wait_done(1)
    expect(window.step(0).node.locator(".codeact-Status")).to_have_text("interrupted")
