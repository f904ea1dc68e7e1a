"""Other places than JupyterLab with the newest kernel: Notebook 7, older kernels, no extension, no kernel, no page."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
from playwright.sync_api import expect

from .kernels import OLDER
from .lab import SETUP, Desk, kernel_name, step

pytestmark = pytest.mark.browser

EXECUTE = "from nbclient.cli import main; main()"  # what `jupyter execute` runs


@pytest.mark.parametrize("version", OLDER)
def test_older_kernels_run_stop_and_survive_a_reload(desk: Desk, version: str) -> None:
    replies = [step("import ipykernel\nprint('on', ipykernel.__version__)"), step("import time; time.sleep(120)")]
    name = desk.asking("%%codeact\nGo", "1 + 1", replies=replies, ipykernel=version)
    window = desk.window(name).ask()
    window.pending.run()
    expect(window.output(1)).to_contain_text(f"on {version}")
    window.pending.wait()
    window.save()
    window.reload().show_panel().pending_in_panel.run()
    expect(window.step(1).node).to_have_attribute("data-status", "running")
    window.step(1).stop()
    window.run_cell(2).wait_done(2)
    assert len(desk.model.requests) == 2


def test_notebook_7_asks_in_the_cell_and_in_the_panel(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", "", replies=[step("print('in 7')"), step("print('panel')"), "Done."])
    window = desk.in_notebook_7(name).ask()
    window.pending.retype("print('edited in 7')")
    window.pending.run()
    expect(window.steps).to_have_count(2)
    window.pending.wait()
    window.wait_for_focus(".codeact-Step[data-status=pending]")
    window.show_panel().pending_in_panel.run()
    window.wait_done(1)
    assert {"print('edited in 7')", "print('panel')"} <= set(window.inputs(2))


def test_without_the_extension_the_cell_asks_on_its_own_line(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", replies=[step("print('as' + 'ked')", "The thought."), "Done."])
    desk.server.disable("codeact-magic")
    try:
        window = desk.window(name).ask()
    finally:
        desk.server.disable()
    answer = window.cell(1).locator(".jp-Stdin-input")
    expect(answer).to_be_visible()
    expect(window.output(1)).to_contain_text("The thought.")
    expect(window.steps).to_have_count(0)
    answer.fill("yes")
    answer.press("Enter")
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("asked")
    expect(window.output(1)).not_to_contain_text("Error displaying widget")


def test_without_a_page_a_policy_decides_and_asking_is_an_error(desk: Desk) -> None:
    model = desk.endpoint([step("print('un' + 'asked')"), "Done.", step("print('never' + '!')")])
    set_up = SETUP.format(url=model.base_url)
    allowed = desk.write(set_up, "%%codeact --approve auto\nGo")
    refused = desk.write(set_up, "%%codeact\nGo")
    for name, wanted, unwanted in ((allowed, "unasked", "never!"), (refused, "Nobody can be asked here", "never!")):
        command = [sys.executable, "-c", EXECUTE, "--inplace", "--allow-errors", name]
        subprocess.run(command, cwd=desk.server.root, env=desk.server.environment, check=True, capture_output=True)
        shown = json.dumps(nbformat.read(desk.server.root / name, as_version=4).cells[1])
        assert wanted in shown
        assert unwanted not in shown


def finished(desk: Desk) -> str:
    """Run a turn with an edit, a rejection and an answer; returns the name of the saved notebook."""
    replies = [step("a = 1", "I **set** a."), step("print(a)"), "The *answer* is 2."]
    window = desk.notebook("%%codeact\nGo", replies=replies).ask()
    window.pending.retype("a = 2")
    window.pending.run()
    expect(window.steps).to_have_count(2)
    window.pending.reject("no need")
    window.wait_done(1)
    window.save()
    window.close_tab()
    desk.server.end_kernels()
    return window.name


def without_kernel(desk: Desk, name: str) -> str:
    """Have a notebook ask for a kernel that is not there."""
    notebook = nbformat.read(desk.server.root / name, as_version=4)
    notebook.metadata.kernelspec = {"name": "gone", "display_name": "Gone", "language": "python"}
    nbformat.write(notebook, desk.server.root / name)
    return name


def test_a_saved_notebook_shows_its_record_without_a_kernel(desk: Desk) -> None:
    window = desk.look_at(without_kernel(desk, finished(desk)))
    expect(window.steps).to_have_count(3)
    assert window.step(0).code == "a = 2"
    assert window.step(1).code == "print(a)"
    expect(window.step(1).node).to_contain_text("no need")
    expect(window.step(2).thought.locator("em")).to_have_text("answer")
    expect(window.steps.locator(".codeact-Buttons:visible")).to_have_count(0)
    expect(window.notebook).not_to_contain_text("Error displaying widget")


def test_a_saved_notebook_shows_its_record_if_the_extension_is_disabled(desk: Desk) -> None:
    name = without_kernel(desk, finished(desk))
    desk.server.disable("codeact-magic")
    try:
        window = desk.look_at(name)
    finally:
        desk.server.disable()
    for shown in ("I set a.", "a = 1", "Edited, and run as:", "a = 2", "print(a)", "no need", "The answer is 2."):
        expect(window.output(1)).to_contain_text(shown)
    expect(window.output(1).locator("button")).to_have_count(0)
    expect(window.notebook).not_to_contain_text("Error displaying widget")


def test_a_record_stands_beside_the_live_steps_of_a_new_kernel(desk: Desk) -> None:
    name = finished(desk)
    model = desk.endpoint([step("print('a' + 'new')"), "Done."])
    desk.server.begin_kernel(name, kernel_name("newest"))
    window = desk.window(name)
    expect(window.steps).to_have_count(3)
    expect(window.steps.locator(".codeact-Buttons:visible")).to_have_count(0)
    window.type_cell(0, SETUP.format(url=model.base_url))
    window.ask().pending.run()
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("anew")
