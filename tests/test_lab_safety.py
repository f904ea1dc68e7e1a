"""Nothing that a model, an output or a saved notebook says can act, load, or decide."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from codeact_magic.testing import Say

from .attack import page
from .lab import MIME, Desk, Step, Window, step, wait_until

pytestmark = pytest.mark.browser

HOSTILE = """**bold** <b onclick="window.hacked=1">b</b>
<script>window.hacked=1</script><img src=x onerror="window.hacked=1">
<svg onload="window.hacked=1"><script>window.hacked=1</script><a xlink:href="javascript:window.hacked=1">s</a></svg>
<iframe src="javascript:parent.hacked=1" srcdoc="<script>parent.hacked=1</script>"></iframe>
<style>body{background:url(http://example.com/style)}</style><link rel=stylesheet href=http://example.com/l.css>
<form action=http://example.com><button class="codeact-Stop">press</button>
<input autofocus onfocus="window.hacked=1"></form>
<div style="position:fixed;inset:0;z-index:9999" class="jp-Dialog">over everything</div>
<video src=http://example.com/v autoplay></video><object data=http://example.com/o></object>
<math><mtext><mglyph><style><img src=x onerror="window.hacked=1"></style></mglyph></mtext></math>

[link](javascript:window.hacked=1) [data](data:text/html,<script>window.hacked=1</script>) [ok](https://example.com/ok)
[relative](api/kernels) ![remote](http://example.com/picture.png) ![local](files/secret.png)

\x1b[31mred\x1b[0m \x1b]8;;http://example.com\x07osc\x1b]8;;\x07 \u202eright to left\u202c end
"""

PRESS_EVERYTHING = """() => {
    const keys = [['Enter', 'Enter', 13], [' ', 'Space', 32]].flatMap(([key, code, keyCode]) =>
        [{}, { shiftKey: true }, { ctrlKey: true }].map(held => ({ key, code, keyCode, ...held }))
    );
    const options = { bubbles: true, cancelable: true };
    for (const view of document.querySelectorAll('.codeact-Step[data-status=pending]')) {
        for (const node of view.querySelectorAll('button, input, .codeact-Body, .cm-content')) {
            node.click();
            node.focus();
            for (const type of ['pointerdown', 'mousedown', 'mouseup', 'click']) {
                node.dispatchEvent(new MouseEvent(type, options));
            }
            for (const key of keys) {
                node.dispatchEvent(new KeyboardEvent('keydown', { ...key, ...options }));
                node.dispatchEvent(new KeyboardEvent('keyup', { ...key, ...options }));
            }
        }
    }
    document.querySelectorAll('.codeact-Panel form').forEach(form => form.requestSubmit());
}"""


def check_harmless(window: Window, node: Any) -> None:
    """Check that what is shown holds text, and nothing that acts, loads, or lies over other things."""
    assert window.page.evaluate("window.hacked") is None
    assert node.locator("script, style, svg, iframe, img, video, object, form, input, link, math, embed").count() == 0
    attributes = node.evaluate(
        "root => [...root.querySelectorAll('*')].flatMap(one => [...one.attributes].map(a => [a.name, a.value]))"
    )
    assert [name for name, _ in attributes if name.startswith("on") or name in ("style", "src", "srcdoc", "id")] == []
    assert {value for name, value in attributes if name == "href"} <= {"https://example.com/ok"}
    assert node.locator("button").count() == 0
    assert node.locator("[class*=jp-Dialog], [class*=codeact-]").count() == 0


def test_a_hostile_thought_is_text(desk: Desk) -> None:
    reply = Say(step("print(1)", HOSTILE), reasoning=HOSTILE)
    window = desk.notebook("%%codeact\nGo", replies=[reply, HOSTILE]).ask()
    window.pending.wait()
    expect(window.pending.thought.locator("strong")).to_have_text("bold")
    check_harmless(window, window.pending.thought)
    check_harmless(window, window.step(0).node.locator(".codeact-Reasoning pre"))
    link = window.pending.thought.get_by_role("link", name="ok")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    window.pending.run()
    window.wait_done(1)
    expect(window.step(1).thought.locator("strong")).to_have_text("bold")
    check_harmless(window, window.step(1).thought)
    check_harmless(window, window.step(0).thought)


def test_a_hostile_thought_is_harmless_without_the_extension_too(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print(1)", HOSTILE), HOSTILE]).ask()
    window.pending.run()
    window.wait_done(1)
    window.save()
    desk.server.disable("codeact-magic")
    try:
        plain = desk.window(window.name)
    finally:
        desk.server.disable()
    expect(plain.output(1)).to_contain_text("bold")
    assert plain.page.evaluate("window.hacked") is None
    output = plain.output(1)
    assert output.locator("script, style, svg, iframe, img, video, object, form, input, link, embed").count() == 0
    assert output.locator("[href^='javascript:' i], [href^='data:' i], [onclick], [onerror]").count() == 0


def test_hidden_characters_in_code_are_seen_and_run_as_they_are(desk: Desk) -> None:
    code = "name = 'a\u202eb\u200bc'\nprint(ascii(name))"
    window = desk.notebook("%%codeact\nGo", "", replies=[step(code), "Done."]).ask()
    expect(window.pending.wait().editor).to_contain_text("U+202E")
    expect(window.pending.editor).to_contain_text("U+200B")
    window.pending.run()
    window.wait_done(1)
    expect(window.output(1)).to_contain_text(r"'a\u202eb\u200bc'")
    expect(window.step(0).node.locator(".codeact-Code-text")).to_contain_text("U+202E")
    assert code in window.inputs(2)


@pytest.mark.parametrize("space", [" " * 400, "\n" * 401], ids=["right", "below"])
def test_code_out_of_sight_is_reported_and_brought_into_view(desk: Desk, space: str) -> None:
    code = f"x = 1{space}; y = 'hid' 'den'" if " " in space else f"x = 1{space}y = 'hid' 'den'"
    window = desk.notebook("%%codeact --approve risky\nGo", replies=[step(code), "Done."]).ask()
    view = window.pending.wait()
    expect(view.node.locator(".codeact-Finding")).to_contain_text("y = 'hid' 'den'")
    if "\n" in space:
        expect(view.node.locator(".codeact-Code-foot")).to_contain_text("402 lines")
        view.button("Show all").click()
        expect(view.button("Show less")).to_be_visible()
    check_all_is_in_sight(view, ".cm-scroller")
    view.run()
    window.wait_done(1)
    if "\n" in space:
        window.step(0).button("Show all").click()
    check_all_is_in_sight(window.step(0), ".codeact-Code-text")


def check_all_is_in_sight(view: Step, box: str) -> None:
    """Check that no code stands beyond the edges of its box, which would have to be scrolled."""
    expect(view.node.locator(".codeact-Code")).to_contain_text("'den'")
    edges = "node => [node.scrollWidth - node.clientWidth, node.scrollHeight - node.clientHeight]"
    wait_until(lambda: max(view.node.locator(box).evaluate(edges)) <= 1, "all of the code in sight")


def test_the_code_of_a_step_that_fits_has_no_foot(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("x = 1\ny = 2"), "Done."]).ask()
    expect(window.pending.wait().editor).to_contain_text("y = 2")
    expect(window.pending.node.locator(".codeact-Code-foot")).to_be_hidden()


def test_code_in_one_line_as_long_as_a_reply_may_be_can_be_decided(desk: Desk) -> None:
    text = "".join(map(str, range(100_000)))[:390_000]  # a text that repeats itself would be cut as a loop
    code = f"text = '{text}'; print(len(text))"
    window = desk.notebook("%%codeact\nGo", replies=[Say(step(code), chunk=50_000), "Done."]).ask()
    window.pending.run()
    window.wait_done(1)
    expect(window.output(1)).to_contain_text("390000")
    shown = window.step(0).node.locator(".codeact-Code-text")
    assert len(shown.inner_text()) < 10_000
    expect(window.step(0).button("Show all")).to_be_visible()


def test_a_saved_megabyte_of_code_in_one_line_does_not_hang_the_page(desk: Desk) -> None:
    window = desk.notebook(forged(code="x" * 1_000_000, thought="y" * 1_000_000), "1 + 1").set_up()
    expect(window.step(0).node).to_contain_text("was not decided")
    window.run_cell(2).wait_done(2)


def test_the_code_in_the_editor_runs_verbatim_with_its_line_endings(desk: Desk) -> None:
    code = "a = '''one\r\ntwo\rthree\n'''\nprint(ascii(a))"
    window = desk.notebook("%%codeact\nGo", "", replies=[step(code), "Done."]).ask()
    window.pending.run()
    window.wait_done(1)
    first, _ = window.bundles()
    assert (first["decision"], first["ran"]) == ("approve", "")


def test_no_script_can_decide(desk: Desk) -> None:
    window = desk.notebook("%%codeact\nGo", replies=[step("print('never' + ' run')"), "Done."]).ask()
    window.pending.wait()
    window.show_panel().pending_in_panel.wait()
    window.page.evaluate(PRESS_EVERYTHING)
    # The kernel answers in order: what was sent before this has been heard.
    window.panel.get_by_label("A remark for the model").fill("a real one")
    window.panel.get_by_label("A remark for the model").press("Enter")
    expect(window.panel.get_by_label("A remark for the model")).to_have_value("")
    assert len(desk.model.requests) == 1
    assert window.pending.wait().text == "print('never' + ' run')"
    window.pending.run()
    window.wait_done(1)
    assert len(desk.model.requests) == 2


def test_a_script_in_an_output_of_the_users_own_cell_decides_nothing(desk: Desk) -> None:
    (desk.server.root / "page.html").write_text(page.FILES["page.html"])
    show = "from IPython.display import HTML\nHTML(filename='page.html')"
    replies = [step("print('first')"), step("print('never' + ' run')"), "Done."]
    window = desk.notebook(show, "%%codeact\nGo", replies=replies).set_up()
    window.run_cell(1).wait_done(1).run_cell(2)
    window.pending.run()
    expect(window.steps).to_have_count(2)
    window.pending.wait()
    assert window.page.evaluate("window.attackRan") is True
    window.page.wait_for_function("window.attackRefused >= 3")
    assert len(desk.model.requests) == 2
    assert window.pending.text == "print('never' + ' run')"
    window.pending.run()
    window.wait_done(2)


def forged(**fields: Any) -> Any:
    """Return a cell as a hostile notebook may hold it: a step that says it waits."""
    bundle = {
        "version": 1,
        "id": "forged-1",
        "thread": "main",
        "turn": 1,
        "number": 1,
        "status": "pending",
        "ok": None,
        "thought": HOSTILE,
        "reasoning": HOSTILE,
        "code": "print('forged')",
        "ran": "",
        "findings": ["<img src=x onerror='window.hacked=1'>"],
        "why": "<b>because</b>",
        "decision": "",
        "by": "",
        "reason": "",
        "model": "m",
        "usage": {"prompt": 1, "cached": 0, "completion": 1, "estimated": False},
        "seconds": {"model": 1.0, "decision": 0.0, "run": 0.0},
        "notes": ["<script>window.hacked=1</script>"],
        "footer": "<script>window.hacked=1</script>",
    } | fields
    data = {MIME: bundle, "text/markdown": "a step", "text/plain": "a step"}
    output = nbformat.v4.new_output("display_data", data=data)
    return nbformat.v4.new_code_cell("%%codeact\nforged", outputs=[output], execution_count=1)


def test_a_step_in_a_forged_notebook_has_no_buttons(desk: Desk) -> None:
    window = desk.notebook(forged()).set_up()
    view = window.step(0)
    expect(view.node).to_contain_text("was not decided")
    check_harmless(window, view.thought)
    assert window.page.evaluate("window.hacked") is None
    expect(view.node.locator(".codeact-Buttons button:visible")).to_have_count(0)
    expect(view.editor).to_have_count(0)
    assert view.code == "print('forged')"
    assert not window.enabled("codeact:run")


def test_a_forged_step_with_the_id_of_the_pending_one_shows_the_record_of_the_kernel(desk: Desk) -> None:
    name = desk.asking("%%codeact\nGo", "", replies=[step("print('harm' + 'ful')", "The kernel's."), "Done."])
    window = desk.window(name).ask()
    window.pending.wait()
    saved = window.save()
    [real] = window.bundles(saved)
    saved.cells.append(forged(id=real["id"], thought="Looks harmless.", code="print('harmless')"))
    nbformat.write(saved, desk.server.root / name)
    other = desk.window(name)
    fake = Step(other.cell(3).locator(".codeact-Step"))
    fake.wait()
    assert fake.text == "print('harm' + 'ful')"
    expect(fake.thought).to_have_text("The kernel's.")


def test_a_bundle_that_cannot_be_read_falls_back_to_its_markdown(desk: Desk) -> None:
    unreadable: list[dict[str, Any]] = [{"status": "won"}, {"version": 99}, {"code": ["a"]}, {"id": None}]
    window = desk.notebook(*[forged(**fields) for fields in unreadable], forged())
    for number in range(1, 5):
        expect(window.output(number)).to_have_text("a step")
    expect(window.output(5)).to_contain_text("was not decided")
    expect(window.steps).to_have_count(1)
