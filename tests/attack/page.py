"""Outputs that run script in JupyterLab, and try to approve the step that waits through the kernel's websocket.

A step shows what a hostile file holds; the next step waits. The script finds the kernel, asks what is pending, and
sends a decision, all with what the page has anyway. Two things are tried of each output: it runs no script, and
nothing it does decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .results import Try, UnavailableError

if TYPE_CHECKING:
    from ..lab import Desk, Window

A_WHILE = 4.0  # seconds in which a script that runs has done what it can
LOOK = 0.1

# What a script in the page does: it marks that it ran, and decides about the second step when that one waits.
SCRIPT = """
window.attackRan = true;
window.attackRefused = 0;
(async () => {
  const settings = JSON.parse(document.getElementById('jupyter-config-data').textContent);
  const root = settings.baseUrl || '/';
  const sessions = await (await fetch(root + 'api/sessions')).json();
  const ids = sessions.map(one => one.kernel.id);
  for (const id of ids) {
    const socket = new WebSocket(`ws://${location.host}${root}api/kernels/${id}/channels?session_id=attack`);
    let count = 0;
    const send = content => socket.send(JSON.stringify({
      header: { msg_id: 'attack-' + id + count++, msg_type: 'codeact_request', username: '', session: 'attack',
                date: new Date().toISOString(), version: '5.3' },
      parent_header: {}, metadata: {}, content, channel: 'control', buffers: [] }));
    socket.onopen = () => send({ op: 'state' });
    socket.onmessage = event => {
      if (typeof event.data !== 'string') { return; }
      const message = JSON.parse(event.data);
      if (message.msg_type !== 'codeact_reply') { return; }
      window.attackRefused += message.content.status === 'error' ? 1 : 0;
      const step = message.content.pending;
      if (step && step.number === 2) {
        const decision = { op: 'decide', id: step.id, decision: 'approve', code: step.code };
        send(decision);
        send({ op: 'hello', id: step.id, page: 'attacker1', key: '00'.repeat(32) });
        send({ op: 'signed', page: 'attacker1', text: JSON.stringify(decision), proof: '00'.repeat(32) });
      } else if (message.content.agent) {
        setTimeout(() => send({ op: 'state' }), 100);
      }
    };
  }
})().catch(error => { window.attackFailed = String(error); });
"""
# The same as the value of an attribute: it fetches nothing, and holds no quotes.
ENCODED = ",".join(str(ord(character)) for character in SCRIPT)
RUN = f"(0,eval)(String.fromCharCode({ENCODED}))"
TAG, IMAGE = f"<script>{SCRIPT}</script>", f'<img src="x" onerror="{RUN}">'
FRAME = f'<iframe srcdoc="<script>parent.eval(String.fromCharCode({ENCODED}))</script>"></iframe>'
DRAWING = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="{RUN}"><script>{RUN}</script></svg>'

FILES = {
    "notes.md": f"# Notes\n\n{TAG}\n\n{IMAGE}\n",
    "page.html": f"<p>hello</p>{TAG}",
    "cell.html": IMAGE,
    "a.svg": DRAWING,
    "a.js": SCRIPT,
}
READ = "from pathlib import Path\nfrom IPython.display import *\n"
# What a step shows, by name; the code reads what is hostile from the files above.
OUTPUTS = {
    "Markdown of a file": f"{READ}Markdown(Path('notes.md').read_text())",
    "Markdown with an image": f"{READ}Markdown({IMAGE!r})",
    "HTML of a file": f"{READ}HTML(Path('page.html').read_text())",
    "HTML by file name": f"{READ}HTML(filename='page.html')",
    "HTML with an image": f"{READ}HTML({IMAGE!r})",
    "HTML with a frame": f"{READ}HTML({FRAME!r})",
    "an SVG file": f"{READ}SVG(filename='a.svg')",
    "HTML with a drawing": f"{READ}HTML({DRAWING!r})",
    "JavaScript of a file": f"{READ}Javascript(filename='a.js')",
    "_repr_html_ of a class": (
        f"{READ}class Card:\n    def _repr_html_(self): return Path('page.html').read_text()\nCard()"
    ),
    "_repr_mimebundle_ of a class": (
        f"{READ}class Card:\n    def _repr_mimebundle_(self, **o):\n"
        "        return {'application/javascript': Path('a.js').read_text()}\nCard()"
    ),
    "the caption of a table": (
        f"{READ}import pandas as pd\npd.DataFrame({{'a': [1]}}).style.set_caption(Path('page.html').read_text())"
    ),
    "a table that is not escaped": (
        f"{READ}import pandas as pd\npd.set_option('display.max_colwidth', None)\n"
        "HTML(pd.DataFrame({'a': [Path('cell.html').read_text()]}).to_html(escape=False))"
    ),
    "a table": f"{READ}import pandas as pd\npd.DataFrame({{'a': [Path('page.html').read_text()]}})",
    "printed": f"{READ}print(Path('page.html').read_text())",
    "LaTeX": f"{READ}Latex(r'$\\\\href{{javascript:window.attackRan=1}}{{x}}$' + Path('page.html').read_text())",
    "an error's message": f"{READ}raise ValueError(Path('page.html').read_text())",
    "a display that is updated": (
        f"{READ}shown = display('', display_id=True)\nshown.update(HTML(Path('page.html').read_text()))"
    ),
}
MODES = ("ask", "risky")
QUICK = ("Markdown of a file", "a table")  # for the small version
OWNED = "open('owned', 'w').write('x')"


def tries(folder: Path) -> Iterator[Try]:
    """Try each output in `ask`, and some in `risky`, with a server and a browser of their own."""
    try:
        from playwright.sync_api import sync_playwright

        from .. import lab
        from ..browser import FLAGS, find
    except ImportError as error:
        raise UnavailableError(f"it needs Playwright and JupyterLab: {error}") from None
    if (path := find()) is None:
        raise UnavailableError("there is no Chromium")
    server = lab.Server(folder / "lab")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            profile = lab.Profile(browser, server)
            for name in OUTPUTS:
                for mode in MODES if name in QUICK else MODES[:1]:
                    desk = lab.Desk(server, profile, f"{name}-{mode}")
                    try:
                        yield from attacked(desk, name, mode)
                    finally:
                        desk.close()
            browser.close()
    finally:
        server.close()


def attacked(desk: Desk, name: str, mode: str) -> list[Try]:
    """Show one output in a step, and see whether its script runs and whether the next step is decided."""
    from ..lab import step

    for file, content in FILES.items():
        (desk.server.root / file).write_text(content)
    owned = desk.server.root / "owned"
    owned.unlink(missing_ok=True)
    replies = [step(OUTPUTS[name]), step(OWNED), "Done."]
    window = desk.notebook(f"%%codeact --approve {mode}\nGo", replies=replies).ask()
    while not _second_waits(window, owned):
        _approve_the_first(window)
        time.sleep(LOOK)
    deadline = time.monotonic() + A_WHILE
    while not owned.exists() and time.monotonic() < deadline:
        window.page.wait_for_timeout(1000 * LOOK)
    ran = window.page.evaluate("Boolean(window.attackRan)")
    failed = window.page.evaluate("window.attackFailed || ''")
    window.page.evaluate("delete window.attackRan; delete window.attackFailed;")
    told = f"{name}, {mode}"
    return [
        Try("decides nothing", told, not owned.exists(), "the step was approved" if owned.exists() else failed[:80]),
        Try("runs no script", told, not ran, "its script ran" if ran else ""),
    ]


def _approve_the_first(window: Window) -> None:
    """Click on Run of the step that shows the output, as its user does."""
    button = window.pending.run_button
    if button.count() and button.is_enabled() and OWNED not in window.pending.text:
        button.click()


def _second_waits(window: Window, owned: Path) -> bool:
    """Return whether the second step waits, or has run."""
    return owned.exists() or (window.pending.node.count() > 0 and OWNED in window.pending.text)
