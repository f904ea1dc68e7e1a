"""The keyboard, the focus, the commands, the side panel, the status bar and the settings."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .lab import Desk, held, step

pytestmark = pytest.mark.browser


def test_the_keyboard_is_enough_from_start_to_end(desk: Desk) -> None:
    replies = [step("total = 1"), step("print('no')"), step("print('last')"), "Done."]
    window = desk.notebook("%%codeact\nGo", "", replies=replies).set_up()
    keys = window.page.keyboard
    keys.press("Escape")
    keys.press("ArrowDown")
    keys.press("Control+Enter")
    window.pending.wait()
    window.wait_for_focus(".codeact-Body")
    keys.press("Enter")
    window.wait_for_focus(".cm-content")
    keys.press("Control+End")
    keys.type(" + 41")
    expect(window.pending.editor).to_have_text("total = 1 + 41")
    keys.press("Escape")
    window.wait_for_focus(".codeact-Body")
    keys.press("Shift+Enter")
    expect(window.steps).to_have_count(2)
    window.pending.wait()
    window.wait_for_focus(".codeact-Step[data-status=pending]")
    keys.press("Alt+Shift+R")
    window.wait_for_focus(".codeact-Reason")
    keys.type("rather the sum")
    keys.press("Enter")
    expect(window.steps).to_have_count(3)
    window.pending.wait()
    window.wait_for_focus(".codeact-Step[data-status=pending]")
    keys.press("Control+Enter")
    window.wait_done(1)
    window.wait_for_focus(".jp-Notebook")
    assert "rather the sum" in str(desk.model.requests[2].body["messages"][-1])
    assert "total = 1 + 41" in window.inputs(2)


def test_the_buttons_are_reached_with_tab_and_pressed_with_the_space_bar(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print('by' + ' space')"), "Done."]).ask()
    window.pending.wait()
    window.wait_for_focus(".codeact-Body")
    for _ in range(12):
        window.page.keyboard.press("Tab")
        if window.page.evaluate("document.activeElement.matches('.codeact-Buttons .jp-mod-accept')"):
            break
        if window.page.evaluate("document.activeElement.matches('.cm-content')"):
            window.page.keyboard.press("Escape")  # the editor takes Tab itself
    expect(window.pending.run_button).to_be_focused()
    window.page.keyboard.press("Space")
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("by space")


def test_focus_goes_to_the_next_step_and_then_back_to_the_notebook_never_to_the_body(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)"), step("print(2)"), "Done."]).ask()
    for number in (0, 1):
        expect(window.steps).to_have_count(number + 1)
        window.pending.wait()
        window.wait_for_focus(".codeact-Step[data-status=pending]")
        window.pending.run()
        assert window.focus() != "BODY"
    window.wait_done(1)
    window.wait_for_focus(".jp-Notebook")


def test_focus_is_not_taken_from_a_user_who_types_in_another_cell(desk: Desk) -> None:
    reply, gate = held(step("print(1)"))
    window = desk.notebook("%%codeact\nGo", "", replies=[reply, "Done."]).ask()
    window.put_cursor(2)
    window.page.keyboard.type("before, ")
    gate.set()
    window.pending.wait()
    window.page.keyboard.type("and after")
    expect(window.cell(2).locator(".cm-content")).to_have_text("before, and after")
    expect(window.pending.editor).to_have_text("print(1)")


def test_a_second_click_on_run_does_not_run_the_step_after(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)"), step("print(2)"), "Done."]).ask()
    window.pending.wait().run_button.dblclick()
    expect(window.steps).to_have_count(2)
    window.pending.wait()
    assert len(desk.model.requests) == 2


def test_a_key_that_is_held_down_does_not_run_the_step_after(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)"), step("print(2)"), "Done."]).ask()
    window.pending.wait()
    window.wait_for_focus(".codeact-Body")
    window.page.keyboard.down("Shift")
    window.page.keyboard.down("Enter")
    expect(window.steps).to_have_count(2)
    window.pending.wait()
    for _ in range(5):
        window.page.keyboard.down("Enter")  # repeats
    window.page.keyboard.up("Enter")
    window.page.keyboard.up("Shift")
    window.pending.wait()
    assert len(desk.model.requests) == 2


def test_the_commands_act_on_the_pending_step_and_are_enabled_only_then(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)"), step("print(2)")]).set_up()
    acting = ("run", "run-all", "reject", "edit", "stop", "show")
    assert not any(window.enabled(f"codeact:{name}") for name in acting)
    window.run_cell(1).pending.wait()
    assert all(window.enabled(f"codeact:{name}") for name in acting)
    window.command("codeact:run")
    expect(window.steps).to_have_count(2)
    window.pending.wait()
    window.command("codeact:stop")
    window.wait_done(1)
    window.wait_until_disabled(*(f"codeact:{name}" for name in acting))


def test_the_command_palette_offers_the_commands(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print('from' + ' palette')"), "Done."]).ask()
    window.pending.wait()
    window.page.keyboard.press("ControlOrMeta+Shift+C")
    window.page.keyboard.type("run the pending step")
    window.page.keyboard.press("Enter")
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("from palette")


def test_ask_codeact_loads_the_extension_and_writes_the_head_of_a_cell(desk: Desk) -> None:
    model = desk.endpoint([step("print('as' + 'ked')"), "Done."])
    name = desk.write("import os")
    desk.server.begin_kernel(name, "python3")
    window = desk.window(name)
    window.run_cell(0).wait_done(0)
    window.command("codeact:ask")
    expect(window.cell(1).locator(".cm-content")).to_contain_text("%%codeact")
    window.wait_for_focus(".cm-content")
    window.page.keyboard.type("Greet me")
    expect(window.cell(1).locator(".cm-content")).to_contain_text("Greet me")
    window.type_cell(0, f"%config CodeAct.base_url = {model.base_url!r}")
    window.run_cell(0).wait_done(0).run_cell(1)
    window.pending.run()
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("asked")


def test_the_panel_is_fully_usable_and_keeps_a_timeline(desk: Desk) -> None:
    replies = [step("a = 1", "First."), step("print(a)", "Second."), "The answer."]
    window = desk.notebook("%%codeact\nCount to one", replies=replies).ask()
    window.show_panel().pending_in_panel.reject("not this")
    expect(window.panel.locator(".codeact-Turn-step")).to_have_count(2)
    window.pending_in_panel.retype("print('edited' + ' here')")
    expect(window.pending.editor).to_have_text("print('edited' + ' here')")
    window.pending_in_panel.run()
    window.wait_done(1)
    expect(window.panel.locator(".codeact-Turn-prompt")).to_have_text("Count to one")
    statuses = window.panel.locator(".codeact-Turn-step").evaluate_all("all => all.map(one => one.dataset.status)")
    assert statuses == ["rejected", "done", "answer"]
    expect(window.panel.locator(".codeact-Turn-outcome")).to_contain_text("answered")
    window.put_cursor(0)
    window.panel.locator(".codeact-Turn-step").nth(1).click()
    window.wait_for_focus(".jp-Notebook .codeact-Step")


def test_a_remark_reaches_the_model_with_the_next_result(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)"), "Done."]).ask()
    window.pending.wait()
    window.show_panel()
    box = window.panel.get_by_label("A remark for the model")
    box.fill("the figures are in euros")
    box.press("Enter")
    expect(box).to_have_value("")
    window.pending.run()
    window.wait_done(1)
    assert "the figures are in euros" in str(desk.model.requests[1].body["messages"][-1])
    assert "the figures are in euros" not in str(desk.model.requests[0].body)
    expect(box).to_be_hidden()


def test_a_prompt_in_the_panel_becomes_a_cell_at_the_end_and_runs(desk: Desk) -> None:
    window = desk.notebook("1 + 1", replies=[step("print('for' + ' panel')"), "Done."]).set_up().show_panel()
    box = window.panel.get_by_label("A prompt")
    box.fill("Say it for the panel")
    box.press("Enter")
    expect(window.cell(2).locator(".cm-content")).to_contain_text("%%codeact")
    expect(window.cell(2).locator(".cm-content")).to_contain_text("Say it for the panel")
    window.pending_in(2).run()
    window.wait_done(2)
    expect(window.output(2)).to_contain_text("for panel")
    assert "Say it for the panel" in str(desk.model.requests[0].body["messages"][-1])


def test_the_status_bar_shows_the_activity_of_the_agent(desk: Desk) -> None:
    reply, gate = held(step("import time\nwhile not __import__('os').path.exists('go-on'): time.sleep(0.05)"))
    window = desk.notebook("%%codeact\nGo", replies=[reply, "Done."]).ask()
    expect(window.status).to_contain_text("thinking")
    gate.set()
    expect(window.status).to_contain_text("waiting for you")
    expect(window.status).to_contain_text("step 1")
    window.pending.wait()
    window.put_cursor(0)
    window.status.click()
    window.wait_for_focus(".codeact-Step[data-status=pending]")
    window.pending.run()
    expect(window.status).to_contain_text("running")
    (desk.server.root / "go-on").touch()
    window.wait_done(1)
    expect(window.status).to_contain_text("idle")


def test_the_settings_choose_the_side_of_the_panel(desk: Desk) -> None:
    window = desk.notebook("1 + 1").show_panel()
    expect(window.page.locator("#jp-right-stack #codeact-panel")).to_be_visible()
    with desk.settings(panelSide="left"):
        window = desk.window(window.name).show_panel()
    expect(window.page.locator("#jp-left-stack #codeact-panel")).to_be_visible()


def test_notifications_can_be_turned_off(desk: Desk) -> None:
    reply, gate = held(step("print(1)"))
    name = desk.asking("%%codeact\nGo", replies=[reply, "Done."])
    with desk.settings(notifications=False):
        window = desk.window(name).ask()
    other = window.show(desk.write("1 + 1"))
    gate.set()
    other.page.wait_for_timeout(2000)  # an absence can only be waited out: it comes after half a second where it is on
    expect(other.notifications).to_have_count(0)
    window.show(name)
    window.pending.wait()
