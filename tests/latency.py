"""Measure how long a click on Run takes to the first line of the action: `python -m tests.latency`.

The click's time is the browser's, the line's is the kernel's: both read the clock of this machine.
"""

from __future__ import annotations

import re
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from .browser import FLAGS, get
from .lab import Desk, Profile, Server, Window, step

CLICKS = 20
REMEMBER = """() => {
    window.clicks = [];
    addEventListener('click', event => window.clicks.push(performance.timeOrigin + event.timeStamp), true);
}"""


def measure(desk: Desk) -> list[float]:
    """Return the milliseconds from each click to the first line of the code that it runs."""
    actions = [step(f"began_{n} = __import__('time').time()\nprint('began:', began_{n})") for n in range(CLICKS)]
    window = desk.notebook(f"%%codeact --max-steps {CLICKS + 1}\nGo", replies=[*actions, "Done."])
    window.page.evaluate(REMEMBER)
    window.ask()
    clicks = [_click(window, number) for number in range(CLICKS)]
    window.wait_done(1)
    told = [str(request.body["messages"][-1]["content"]) for request in desk.model.requests[1:]]
    began = [float(re.findall(r"began: ([\d.]+)", text)[-1]) * 1000 for text in told]
    return [after - before for before, after in zip(clicks, began, strict=True)]


def _click(window: Window, number: int) -> float:
    expect(window.steps).to_have_count(number + 1)
    window.pending.run()
    return float(window.page.evaluate("window.clicks.at(-1)"))


def main() -> None:
    """Print the median and the extremes."""
    path = get()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "lab")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        desk = Desk(server, Profile(browser, server), "latency")
        took = measure(desk)
        desk.close()
        browser.close()
        server.close()
    print(
        f"from a click on Run to the first line of the action: median of {CLICKS} is {statistics.median(took):.0f} ms "
        f"({min(took):.0f} to {max(took):.0f} ms)"
    )


if __name__ == "__main__":
    main()
