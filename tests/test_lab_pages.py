"""Steps outlive pages: reloads, several windows, views and notebooks, restarts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .lab import Desk, Step, held, step

pytestmark = pytest.mark.browser


def test_a_reload_loses_nothing_and_the_panel_runs_the_step(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", "", replies=[step("print('from' + ' panel')", "A thought."), "Done."])
    window = desk.window(name).ask()
    window.pending.wait()
    window.reload().show_panel()
    pending = window.pending_in_panel.wait()
    expect(pending.thought).to_contain_text("A thought.")
    assert pending.text == "print('from' + ' panel')"
    pending.retype("print('from the panel, edited')")
    pending.run()
    desk.model.wait_for_requests(2)
    assert "from the panel, edited" in str(desk.model.requests[1].body["messages"][-1])
    expect(window.panel.locator(".codeact-Turn")).to_have_attribute("data-outcome", "answered")


def test_after_a_reload_the_cell_runs_the_step_too(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", replies=[step("print('from' + ' cell')"), step("print(2)"), "Done."])
    window = desk.window(name).ask()
    window.pending.wait()
    window.save()
    window.reload()
    window.pending.run()
    desk.model.wait_for_requests(2)
    assert "from cell" in str(desk.model.requests[1].body["messages"][-1])
    expect(window.step(0).node).to_have_attribute("data-status", "done")
    window.show_panel().pending_in_panel.run()
    desk.model.wait_for_requests(3)


def test_the_second_of_two_answers_is_told_that_it_came_too_late(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", "", replies=[step("print('proposed')"), "Done."])
    slow, line = desk.slow_window(name)
    slow.ask().pending.wait()
    slow.save()
    fast = desk.window(name)
    slow.admit()
    slow.pending.retype("print('too late')")
    line.hold()
    fast.pending.retype("print('in time')")
    fast.pending.run()
    desk.model.wait_for_requests(2)
    mine = slow.step(0)
    mine.run_button.click()
    line.let_go()
    expect(mine.error).to_have_text("This step has been decided already.")
    expect(mine.node.locator(".codeact-Lost pre")).to_have_text("print('too late')")
    expect(mine.run_button).to_be_hidden()
    slow.wait_done(1)
    ran = slow.inputs(2)
    assert "print('in time')" in ran
    assert "print('too late')" not in ran


def test_a_decision_in_one_window_is_seen_in_the_other(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", replies=[step("print('once')"), "Done."])
    one = desk.window(name).ask()
    one.pending.wait()
    one.save()
    other = desk.window(name)
    other.show_panel().pending_in_panel.wait()
    one.pending.run()
    expect(other.pending_in_panel.node).to_have_count(0)
    expect(other.panel.locator(".codeact-Turn")).to_have_attribute("data-outcome", "answered")


def test_a_second_window_decides_once_it_is_admitted_in_the_first(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", replies=[step("print('on' + 'ce')"), "Done."])
    one = desk.window(name).ask()
    one.pending.wait()
    one.save()
    other = desk.window(name)
    pending = other.show_panel().pending_in_panel.wait()
    expect(pending.error).to_contain_text("Admit this one there")
    code = re.search(r"code is (\w{4})", pending.error.inner_text())
    assert code is not None
    expect(one.notifications.filter(has_text=code[1])).to_be_visible()
    pending.run_button.click()
    expect(pending.error).to_contain_text("Admit this one there")
    assert len(desk.model.requests) == 1
    one.admit()
    expect(pending.error).to_be_hidden()
    pending.run()
    desk.model.wait_for_requests(2)


def test_two_views_of_a_notebook_share_the_edit_and_the_decision(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", "", replies=[step("print('proposed')"), "Done."]).ask()
    window.pending.wait()
    window.new_view()
    one, two = (Step(window.view(n).locator(".codeact-Step").first) for n in (0, 1))
    one.retype("print('edited in one')")
    expect(two.editor).to_have_text("print('edited in one')")
    two.run()
    for view in (one, two):
        expect(view.node).to_have_attribute("data-status", "done")
        assert view.code == "print('edited in one')"
    assert "edited in one" in str(desk.model.requests[1].body["messages"][-1])


def test_two_notebooks_have_agents_at_once_and_each_is_asked_about_its_own(desk: Desk) -> None:
    here = desk.asking("%%codeact\nGo", replies=[step("print('he' + 're')"), "Done here."])
    models = [desk.model]
    there = desk.asking("%%codeact\nGo", replies=[step("print('the' + 're')"), "Done there."])
    models.append(desk.model)
    one = desk.window(here).ask()
    one.pending.wait()
    two = one.show(there).ask()
    two.show_panel()
    assert two.pending_in_panel.wait().text == "print('the' + 're')"
    one.show(here)
    expect(one.pending_in_panel.editor).to_have_text("print('he' + 're')")
    one.pending.run()
    one.wait_done(1)
    expect(one.output(1)).to_contain_text("Done here.")
    assert [len(model.requests) for model in models] == [2, 1]
    one.show(there)
    two.pending.run()
    two.wait_done(1)
    expect(two.output(1)).to_contain_text("Done there.")
    assert [len(model.requests) for model in models] == [2, 2]


def test_a_kernel_restart_leaves_a_record_and_the_cell_can_be_run_again(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print('one')"), step("print('two')"), "Done."]).ask()
    window.pending.wait()
    window.restart_kernel()
    gone = window.step(0)
    # Some kernels are interrupted before they are ended.
    expect(gone.node).to_have_attribute("data-status", re.compile("stale|stopped"))
    expect(gone.node).to_contain_text(re.compile("was not decided|stopped"))
    expect(gone.node.locator("button:visible")).to_have_count(0)
    assert gone.code == "print('one')"
    window.ask()
    assert window.pending.wait().text == "print('two')"
    window.pending.run()
    window.wait_done(1)


def test_another_kernel_leaves_a_record_and_asks_again(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", "", replies=[step("print('old')"), step("print('new')"), "Done."]).ask()
    window.pending.wait()
    change = "() => window.jupyterapp.shell.currentWidget.sessionContext.changeKernel({ name: 'python3' })"
    window.page.evaluate(f"async () => {{ await ({change})(); }}")
    gone = window.step(0).node
    # The old kernel may be interrupted before it is ended.
    expect(gone).to_have_attribute("data-status", re.compile("stale|stopped"))
    expect(gone.locator("button:visible")).to_have_count(0)
    window.wait_until_disabled("codeact:run", "codeact:stop")
    window.ask()
    assert window.pending.wait().text == "print('new')"
    window.pending.run()
    window.wait_done(1)
    assert "print('old')" not in window.inputs(2)


@pytest.mark.parametrize("width", [360, 700])
def test_in_a_narrow_window_a_step_can_be_read_and_decided(desk: Desk, width: int) -> None:
    code = "print('a rather long line of code, which does not fit into a window as narrow as this one is')"
    name = desk.asking(
        "%%codeact\nGo", replies=[step(code, "A thought that is long enough to be wrapped here."), "Done."]
    )
    window = desk.window(name)
    window.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    window.page.set_viewport_size({"width": width, "height": 800})
    window.ask().pending.wait()
    box = window.pending.node.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    for label in ("Run", "Run all of this turn", "Reject", "Stop"):
        button = window.pending.button(label).first
        button.scroll_into_view_if_needed()
        expect(button).to_be_in_viewport(ratio=1)
    window.pending.run()
    window.wait_done(1)


def test_a_step_has_names_for_screen_readers(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("open('x.txt', 'w').close()"), "Done."]).ask()
    node = window.pending.wait().node
    expect(node.get_by_role("group", name="CodeAct, step 1: waiting for you")).to_be_visible()
    expect(node.get_by_role("list", name="What it would touch")).to_contain_text("x.txt")
    expect(node.get_by_role("textbox", name="Code of step 1")).to_be_visible()
    expect(node.get_by_role("status")).to_have_text("Step 1: waiting for you")
    window.pending.button("Reject").first.click()
    expect(node.get_by_role("textbox", name="Why this step is rejected")).to_be_focused()
    window.page.keyboard.press("Escape")
    window.pending.run()
    window.wait_done(1)
    expect(window.step(0).node.get_by_role("group", name="CodeAct, step 1: ran")).to_be_visible()


def test_a_notebook_that_is_closed_and_opened_again_finds_its_step(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print('still' + ' there')"), "Done."]).ask()
    window.pending.wait()
    window.save()
    window.close_tab()
    window.show(window.name)
    assert window.pending.wait().text == "print('still' + ' there')"
    window.pending.run()
    desk.model.wait_for_requests(2)
    assert "still there" in str(desk.model.requests[1].body["messages"][-1])


def test_a_step_behind_another_tab_raises_one_notification_that_leads_to_it(desk: Desk) -> None:
    reply, gate = held(step("open('notes.txt', 'w').close()"))
    window = desk.notebook("%%codeact\nGo", replies=[reply, "Done."]).ask()
    other = window.show(desk.write("1 + 1"))
    gate.set()
    expect(other.notifications).to_have_count(1)
    expect(other.notifications).to_contain_text(window.name)
    expect(other.notifications).to_contain_text("notes.txt")
    other.notifications.get_by_role("button", name="Show").click()
    window.pending.wait()
    window.wait_for_focus(".codeact-Step[data-status=pending]")
    expect(window.notifications).to_have_count(0)
    window.pending.run()
    window.wait_done(1)


def test_a_step_in_sight_raises_no_notification(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)"), step("print(2)"), "Done."]).ask()
    window.page.evaluate(
        """() => {
            window.seen = 0;
            new MutationObserver(() => { window.seen += document.querySelectorAll('.jp-Notification-Toast').length; })
                .observe(document.body, { childList: true, subtree: true });
        }"""
    )
    window.pending.run()
    expect(window.steps).to_have_count(2)
    window.pending.run()
    window.wait_done(1)
    assert window.page.evaluate("window.seen") == 0


def test_a_kernel_without_the_extension_has_no_agent(desk: Desk) -> None:
    window = desk.window(desk.write("1 + 1"))
    window.run_cell(0).wait_done(0)
    assert not window.enabled("codeact:run")
    assert not window.enabled("codeact:stop")
    expect(window.status).to_be_hidden()
