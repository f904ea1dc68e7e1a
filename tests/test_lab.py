"""A user at a page of JupyterLab, from the cell to the answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .lab import Desk, held, step

pytestmark = pytest.mark.browser

LONG = "\n".join(f"line_{n} = 'the quick brown fox jumps over the lazy dog, {n} times'" for n in range(5))

COLOUR = "node => getComputedStyle(node).color"


def test_a_click_on_run_runs_the_step_and_the_cell_goes_on(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGreet me", replies=[step("print('hel' + 'lo')", "I greet."), "Greeted."]).ask()
    window.pending.wait()
    expect(window.pending.thought).to_contain_text("I greet.")
    assert window.pending.text == "print('hel' + 'lo')"
    assert len(desk.model.requests) == 1
    window.pending.run()
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("hello")
    expect(window.output(1)).to_contain_text("Greeted.")
    assert "hello" in str(desk.model.requests[1].body["messages"][-1])


def test_code_that_is_typed_fast_arrives_whole(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", "", replies=[step("print('proposed')"), "Done."]).ask()
    window.pending.retype(LONG)
    assert window.pending.text == LONG
    window.pending.run()
    window.wait_done(1)
    assert LONG in window.inputs(2)
    assert not any("proposed" in code for code in window.inputs(2)[2:])
    first, _answer = window.bundles()
    assert (first["decision"], first["ran"], first["code"]) == ("edit", LONG, "print('proposed')")


def test_an_edit_is_marked_compared_and_kept_in_view(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("total = 1\nprint(total)"), "Done."]).ask()
    pending = window.pending.wait()
    expect(pending.node.get_by_text("edited", exact=False)).to_be_hidden()
    pending.retype("total = 2\nprint(total)")
    expect(pending.node.get_by_text("edited", exact=False)).to_be_visible()
    pending.button("Show changes").click()
    expect(pending.node.locator(".codeact-Diff-removed")).to_contain_text("total = 1")
    expect(pending.node.locator(".codeact-Diff-added")).to_contain_text("total = 2")
    pending.run()
    window.wait_done(1)
    done = window.step(0)
    expect(done.node).to_have_attribute("data-status", "done")
    assert done.code == "total = 2\nprint(total)"
    done.button("Show changes").click()
    expect(done.node.locator(".codeact-Diff-removed")).to_contain_text("total = 1")


def test_the_reason_of_a_rejection_is_in_the_next_request_and_the_code_stays(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print('no')"), step("print('yes')"), "Done."]).ask()
    window.pending.reject("use the other file")
    desk.model.wait_for_requests(2)
    assert "use the other file" in str(desk.model.requests[1].body["messages"][-1])
    rejected = window.step(0)
    expect(rejected.node).to_have_attribute("data-status", "rejected")
    expect(rejected.node).to_contain_text("use the other file")
    assert rejected.code == "print('no')"
    window.pending.run()
    window.wait_done(1)
    assert "no\n" not in window.output(1).inner_text().split("Done.")[0].replace("print('no')", "")


def test_run_all_runs_the_rest_of_the_turn_unasked_and_no_other_turn(desk: Desk) -> None:
    steps = [step(f"print('step', {n} * 111)") for n in (1, 2, 3)]
    replies = [*steps, "Done.", step("print('again')"), "Done again."]
    window = desk.notebook("%%codeact\nGo", "%%codeact\nAnd again", replies=replies).ask()
    window.pending.run_all()
    window.wait_done(1)
    for shown in ("step 111", "step 222", "step 333", "Done."):
        expect(window.output(1)).to_contain_text(shown)
    window.run_cell(2)
    window.pending_in(2).run()
    window.wait_done(2)


def test_the_only_step_of_a_turn_with_one_step_at_most_can_be_run_with_all_of_the_turn(desk: Desk) -> None:
    window = desk.notebook("%%codeact --max-steps 1\nGo", replies=[step("print('on' + 'ly')")]).ask()
    window.pending.run_all()
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("only")


def test_stop_while_a_step_waits_ends_the_turn_and_runs_nothing(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", "print('alive')", replies=[step("print('never' + ' run')")]).ask()
    window.pending.wait().stop()
    window.wait_done(1)
    expect(window.step(0).node).to_have_attribute("data-status", "stopped")
    window.run_cell(2).wait_done(2)
    expect(window.output(2)).to_contain_text("alive")
    expect(window.output(1)).not_to_contain_text("never run")
    assert len(desk.model.requests) == 1


def test_stop_while_code_runs_interrupts_it(desk: Desk) -> None:
    code = "import time\nprint('star' + 'ted', flush=True)\ntime.sleep(120)"
    window = desk.notebook("%%codeact\nGo", "print('alive')", replies=[step(code)]).ask()
    window.pending.run()
    expect(window.output(1)).to_contain_text("started")
    window.step(0).stop()
    window.wait_done(1)
    window.run_cell(2).wait_done(2)
    expect(window.output(2)).to_contain_text("alive")
    assert len(desk.model.requests) == 1


def test_stop_while_the_model_writes_reaches_the_endpoint(desk: Desk) -> None:
    reply, _ = held(step("print('never')", "I will think about it for a long time."), after=6)
    window = desk.notebook("%%codeact\nGo", "print('alive')", replies=[reply]).ask()
    expect(window.step(0).thought).to_contain_text("I will think about")
    assert desk.model.disconnects == 0
    window.step(0).stop()
    desk.model.wait_for_disconnects(1)
    window.wait_done(1)
    expect(window.step(0).node).to_have_attribute("data-status", "stopped")
    expect(window.step(0).thought).to_contain_text("I will think about")
    window.run_cell(2).wait_done(2)


def test_the_reply_is_shown_while_the_model_writes_and_its_code_is_coloured(desk: Desk) -> None:
    text = step("for n in range(3):\n    print(n)", "I will count to three, slowly.")
    reply, gate = held(text, after=len(text) // 4 - 4)
    window = desk.notebook("%%codeact\nGo", replies=[reply, "Done."]).ask()
    expect(window.step(0).thought).to_contain_text("I will count to three, slowly.")
    expect(window.step(0).node).to_contain_text("for n in range")
    expect(window.step(0).node).to_have_attribute("data-status", "thinking")
    expect(window.step(0).node.locator(".codeact-Elapsed")).to_contain_text("s")
    gate.set()
    keyword = window.pending.wait().editor.locator("span", has_text="for").first
    assert keyword.evaluate(COLOUR) != window.pending.editor.evaluate(COLOUR)
    window.pending.run()
    window.wait_done(1)
    keyword = window.step(0).node.locator(".codeact-Code-text span", has_text="for").first
    assert keyword.evaluate(COLOUR) != window.step(0).node.locator(".codeact-Code-text").evaluate(COLOUR)


def test_run_all_cells_runs_no_later_cell_past_a_step_that_waits(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", "print('la' + 'ter')", replies=[step("print(1)"), "Done."])
    window.command("notebook:run-all-cells")
    window.pending.wait()
    expect(window.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    expect(window.output(2)).not_to_contain_text("later")
    window.pending.run()
    window.wait_done(2)
    expect(window.output(2)).to_contain_text("later")


def test_run_all_cells_runs_no_later_cell_past_a_step_that_was_stopped(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", "print('la' + 'ter')", replies=[step("print(1)")])
    window.command("notebook:run-all-cells")
    window.pending.wait().stop()
    window.wait_done(1)
    expect(window.cell(2).locator(".jp-InputPrompt")).to_have_text("[ ]:")
    expect(window.output(2)).not_to_contain_text("later")
