"""Take the pictures that the README shows, in light and dark: `python -m tests.screenshots`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from codeact_magic.testing import FakeEndpoint, Say

from .browser import FLAGS, get
from .lab import Desk, Profile, Server, Window

FOLDER = Path(__file__).parent.parent / "examples" / "images"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTH = 1100  # pixels
VIEWPORT: ViewportSize = {"width": WIDTH + 98, "height": 1500}  # the notebook's cells are WIDTH wide then

SALES = """month,region,units,price
2025-01,north,120,19.90
2025-01,south,95,19.90
2025-02,north,132,19.90
2025-02,south,88,21.50
2025-03,north,127,21.50
2025-03,south,,21.50
2025-04,north,141,21.50
2025-04,south,104,21.50
"""
LOAD = "%load_ext codeact_magic\nimport pandas as pd\n\nsales = pd.read_csv('sales.csv')"
PROMPT = "%%codeact\nWhich region earned more? Save the revenue per region and month as revenue.csv."
LOOK = """I will look at the data first: **units** may have gaps.

```python
sales.isna().sum()
```"""
SAVE = """One month of the south has no units. I will leave that row out and add up the revenue.

```python
known = sales.dropna(subset=["units"])
revenue = (
    known.assign(revenue=known["units"] * known["price"])
    .pivot_table(index="month", columns="region", values="revenue", aggfunc="sum")
    .round(2)
)
revenue.to_csv("revenue.csv")
revenue.sum()
```"""
ANSWER = (
    "**The north** earned more: 10,776.80 against 6,018.50 in the south. March of the south has no units in "
    "`sales.csv` and is left out. The table is saved as `revenue.csv`."
)
EDITED = 'revenue.to_csv("revenue.csv", float_format="%.2f")'


def replies() -> list[Say]:
    """Return what the model says."""
    return [Say(LOOK, usage=(912, 0, 48)), Say(SAVE, usage=(1204, 896, 112)), Say(ANSWER, usage=(1391, 1152, 57))]


@contextmanager
def notebook(browser: Browser, theme: str) -> Iterator[Window]:
    """Open the notebook in a theme, its data loaded."""
    with tempfile.TemporaryDirectory() as folder, FakeEndpoint(replies(), models=["qwen3-coder"]) as model:
        server = Server(Path(folder) / "lab", {"OPENAI_BASE_URL": model.base_url, "CODEACT_MODEL": "qwen3-coder"})
        server.set("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
        (server.root / "sales.csv").write_text(SALES)
        profile = Profile(browser, server, viewport=VIEWPORT)
        desk = Desk(server, profile, "sales")
        window = desk.window(desk.write(LOAD, PROMPT))
        window.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        yield window
        desk.close()
        profile.context.close()
        server.close()


def take(window: Window, theme: str) -> None:
    """Take the pictures of one theme."""
    window.ask().pending.run()
    expect(window.steps).to_have_count(2)
    edit(window)
    snap(window, window.cell(1), f"pending-{theme}")
    window.show_panel()
    window.pending_in_panel.wait()
    snap_window(window, f"panel-{theme}")
    window.page.evaluate("() => window.jupyterapp.shell.collapseRight()")
    window.pending.run()
    window.wait_done(1)
    snap(window, window.cell(1), f"finished-{theme}")
    take_session(window, theme)


def take_session(window: Window, theme: str) -> None:
    """Take the picture of the saved session, opened as a notebook."""
    [path] = (window.desk.server.root / "codeact-sessions").glob("*.ipynb")
    session = window.show(f"codeact-sessions/{path.name}")
    expect(session.marks.last).to_be_visible()
    session.page.set_viewport_size({"width": WIDTH, "height": 1180})
    session.notebook.evaluate("node => node.querySelector('.jp-WindowedPanel-outer').scrollTo(0, 0)")
    snap(session, session.page, f"session-{theme}")
    session.page.set_viewport_size(VIEWPORT)
    take_verification(session, theme)


def take_verification(session: Window, theme: str) -> None:
    """Take the picture of what the button Verify leads to, once a price in the data has changed."""
    (session.desk.server.root / "sales.csv").write_text(SALES.replace("120,19.90", "120,18.90"))
    session.banner.get_by_role("button", name="Verify").click()
    expect(session.steps).to_have_count(1)
    session.pending.run()
    session.wait_done(1)
    session.step(0).node.evaluate("node => node.closest('.jp-OutputArea-child').remove()")  # it says where this ran
    snap(session, session.cell(1), f"verify-{theme}")


def edit(window: Window) -> None:
    """Change a line of the step that waits, as the user would."""
    window.pending.wait().node.locator(".cm-line", has_text="to_csv").click()
    window.page.keyboard.press("Home")
    window.page.keyboard.press("Shift+End")
    window.page.keyboard.type(EDITED)
    expect(window.pending.editor).to_contain_text(EDITED)


def snap(window: Window, node: Locator | Page, name: str) -> None:
    """Save a picture of the page, or of a part of it."""
    window.page.mouse.move(0, 0)
    node.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    print(f"examples/images/{name}.png")


def snap_window(window: Window, name: str) -> None:
    """Save a picture of the window, made as small as a laptop's."""
    window.page.set_viewport_size({"width": WIDTH, "height": 760})
    window.pending.node.scroll_into_view_if_needed()
    snap(window, window.page, name)
    window.page.set_viewport_size(VIEWPORT)


def main() -> None:
    """Take them all."""
    path = get()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for theme in THEMES:
            with notebook(browser, theme) as window:
                take(window, theme)
        browser.close()


if __name__ == "__main__":
    main()
