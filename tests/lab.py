"""JupyterLab as its users drive it: one server and one browser for all tests, a notebook and a kernel for each.

Nothing is waited for but conditions; a test that waits in vain fails after PATIENCE.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, Request, WebSocketRoute, expect

from codeact_magic.session import Session
from codeact_magic.sessions.saving.to_notebook import to_notebook
from codeact_magic.testing import FakeEndpoint, Say, Scripted

from .kernels import NEWEST, OLDER, fetch

PACKAGE = Path(__file__).parent.parent / "codeact_magic"
EXTENSION = "codeact-magic"
MIME = "application/vnd.codeact.step+json"
PATIENCE = 30.0  # seconds that a test waits for anything
VIEWPORT = {"width": 1280, "height": 900}

SETUP = "%load_ext codeact_magic\n%config CodeAct.base_url = '{url}'\n%config CodeAct.model = 'fake-model'"

expect.set_options(timeout=PATIENCE * 1000)


def step(code: str, thought: str = "I will do it.") -> str:
    """Return a reply of the model with an action."""
    return f"{thought}\n```python\n{code}\n```"


def held(text: str, after: int = 1) -> tuple[Say, threading.Event]:
    """Return a reply that stops short after some of its pieces until the event is set."""
    gate = threading.Event()
    return Say(text, gate=gate, gate_after=after), gate


def wait_until(happened: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    """Wait for something that no page shows."""
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        time.sleep(0.02)


# -- the server --------------------------------------------------------------------------------------------------------


class Server:
    """A JupyterLab on a free port of loopback, with all of its folders in `home`."""

    def __init__(self, home: Path, variables: dict[str, str] | None = None) -> None:
        self.home, self.root, self._variables = home, home / "notebooks", variables or {}
        self.root.mkdir(parents=True)
        self._share, self._config = home / "share", home / "config"
        self._log = home / "server.log"
        _copy_extension(self._share / "labextensions" / EXTENSION)
        for version in (NEWEST, *OLDER):
            _write_kernel(self._share / "kernels", version)
        _write_startup(home / "ipython")
        self.disable()
        self._spare: dict[str, str] = {}
        self.token = secrets.token_hex(16)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command(), cwd=self.root, env=self.environment, stderr=log)
        self._find_url()

    def _command(self) -> list[str]:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": "0",
            "ServerApp.open_browser": "False",
            "ServerApp.root_dir": str(self.root),
            "IdentityProvider.token": self.token,
            "KernelManager.shutdown_wait_time": "0.2",
            "LabApp.expose_app_in_browser": "True",
            "JupyterNotebookApp.expose_app_in_browser": "True",
            "LabApp.extension_manager": "readonly",
            "LabApp.news_url": "",
        }
        flags = ["--allow-root"] if os.geteuid() == 0 else []
        return [sys.executable, "-m", "jupyterlab", *flags, *(f"--{name}={value}" for name, value in options.items())]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the server and its kernels have."""
        ours = ("OPENAI_", "CODEACT_", "PYTEST_", "JPY_", "JUPYTER")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **kept,
            **self._variables,
            "IPYTHONDIR": str(self.home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self._config),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_PATH": str(self._share),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }

    def _find_url(self) -> None:
        about = self.home / "runtime" / f"jpserver-{self._process.pid}.json"
        wait_until(lambda: _is_json(about) or self._process.poll() is not None, "the server's start")
        assert _is_json(about), f"JupyterLab did not start:\n{self._log.read_text()[-3000:]}"
        self.url = str(json.loads(about.read_text())["url"])
        self.host = urlsplit(self.url).netloc
        wait_until(self._answers, "the server's first answer")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("GET", "api/status"))
        except OSError:
            return False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer of the server's REST interface."""
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def disable(self, *extensions: str) -> None:
        """Have pages that are opened from now on go without these extensions."""
        page = {name: True for name in ("@jupyterlab/apputils-extension:announcements", *extensions)}
        folder = self._config / "labconfig"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page_config.json").write_text(json.dumps({"disabledExtensions": page}))

    def set(self, plugin: str, settings: dict[str, Any]) -> None:
        """Set what the settings editor would."""
        self.ask("PUT", f"lab/api/settings/{plugin}", {"raw": json.dumps(settings)})

    def begin_kernel(self, name: str, kernel: str) -> None:
        """Give a notebook its kernel, while no page has opened it yet. The one for the next notebook starts already."""
        given = {"name": kernel}
        if kernel == kernel_name(NEWEST):
            given, self._spare = self._spare or self._new_kernel(), self._new_kernel()
        self.ask("POST", "api/sessions", {"path": name, "name": name, "type": "notebook", "kernel": given})

    def _new_kernel(self) -> dict[str, str]:
        return {"id": self.ask("POST", "api/kernels", {"name": kernel_name(NEWEST)})["id"]}

    def end_kernels(self) -> None:
        """End the kernels of all notebooks."""
        for session in self.ask("GET", "api/sessions"):
            self.ask("DELETE", f"api/sessions/{session['id']}")

    def restart_kernel(self, name: str) -> None:
        """Restart the kernel of a notebook, as another client would."""
        sessions = self.ask("GET", "api/sessions")
        id = next(session["kernel"]["id"] for session in sessions if session["path"] == name)
        self.ask("POST", f"api/kernels/{id}/restart")

    def close(self) -> None:
        """End the server and its kernels."""
        for kernel in self.ask("GET", "api/kernels"):
            self.ask("DELETE", f"api/kernels/{kernel['id']}")
        self._process.terminate()
        self._process.wait(PATIENCE)


def _is_json(path: Path) -> bool:
    """Return whether a file is there, and written to its end."""
    try:
        json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return True


def _copy_extension(to: Path) -> None:
    """Copy the built extension: what is built during the tests does not get between them."""
    built = PACKAGE / "labextension"
    assert (built / "package.json").exists(), "codeact_magic/labextension is not built: `pip install -e .` builds it"
    shutil.copytree(built, to)


def _write_kernel(folder: Path, version: str) -> None:
    spec: dict[str, Any] = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"Python 3 ({version})",
        "language": "python",
        "env": {"PYTHONPATH": str(fetch(version))} if version in OLDER else {},
    }
    (folder / kernel_name(version)).mkdir(parents=True)
    (folder / kernel_name(version) / "kernel.json").write_text(json.dumps(spec))


def _write_startup(home: Path) -> None:
    """Have kernels import what takes long while nobody waits for them yet."""
    folder = home / "profile_default" / "startup"
    folder.mkdir(parents=True)
    (folder / "import.py").write_text("import openai, pygments\ndel openai, pygments\n")


def kernel_name(version: str) -> str:
    """Return the name of the kernel with some version of ipykernel."""
    return "python3" if version == NEWEST else f"ipykernel-{version}"


# -- a step ------------------------------------------------------------------------------------------------------------


class Step:
    """A step as a page shows it."""

    def __init__(self, node: Locator) -> None:
        self.node = node
        self.page = node.page
        self.body = node.locator(".codeact-Body")
        self.thought = node.locator(".codeact-Markdown").first
        self.editor = node.locator(".cm-content")
        self.reason = node.get_by_label("Why this step is rejected")
        self.error = node.locator(".codeact-Error")

    def button(self, name: str) -> Locator:
        """Return a button by the beginning of its label."""
        return self.node.locator("button:visible").filter(has_text=re.compile(rf"^{re.escape(name)}"))

    def wait(self, *, live: bool = True) -> Step:
        """Wait until it is there, and takes a decision."""
        expect(self.node).to_be_visible()
        if live:
            expect(self.run_button).to_be_enabled()
        return self

    @property
    def run_button(self) -> Locator:
        """The button that runs this step alone."""
        return self.node.locator(".codeact-Buttons button.jp-mod-accept")

    def run(self) -> None:
        """Click on Run."""
        self.wait().run_button.click()

    def run_all(self) -> None:
        """Click on Run all of this turn."""
        self.wait().button("Run all of this turn").click()

    def reject(self, reason: str) -> None:
        """Click on Reject, say why, and send it."""
        self.wait().button("Reject").first.click()
        self.reason.fill(reason)
        self.reason.press("Enter")

    def stop(self) -> None:
        """Click on Stop."""
        self.button("Stop").first.click()

    def retype(self, code: str) -> None:
        """Select the code in the editor and type another, as fast as it goes."""
        self.wait().editor.click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(code)

    @property
    def text(self) -> str:
        """The code in the editor."""
        return "\n".join(line.replace("\u200b", "") for line in self.node.locator(".cm-line").all_text_contents())

    @property
    def code(self) -> str:
        """The code that is shown where it cannot be edited."""
        return self.node.locator(".codeact-Code-text").inner_text()


# -- a page ------------------------------------------------------------------------------------------------------------


class Window:
    """A browser window with a notebook in JupyterLab, or in Notebook 7."""

    def __init__(self, desk: Desk, page: Page, name: str) -> None:
        self.desk, self.page, self.name = desk, page, name
        self.notebook = page.locator(".jp-NotebookPanel:visible .jp-Notebook").first
        self.panel = page.locator("#codeact-panel")
        self.status = page.locator(".codeact-StatusItem button")
        self.notifications = page.locator(".jp-Notification-Toast, .Toastify__toast")

    # the notebook's cells

    def cell(self, number: int) -> Locator:
        """Return a cell; the first one, 0, sets up the extension."""
        return self.notebook.locator(".jp-Cell").nth(number)

    def put_cursor(self, number: int) -> None:
        """Click into a cell's code."""
        self.cell(number).locator(".jp-InputArea .cm-content").click()

    def run_cell(self, number: int, keys: str = "Control+Enter") -> Window:
        """Click into a cell, and run it."""
        self.put_cursor(number)
        self.page.keyboard.press(keys)
        return self

    def wait_done(self, number: int) -> Window:
        """Wait until a cell has run."""
        expect(self.cell(number).locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]"))
        return self

    def set_up(self) -> Window:
        """Run the first cell."""
        return self.run_cell(0).wait_done(0)

    def ask(self, number: int = 1) -> Window:
        """Run the set-up, and then a %%codeact cell."""
        return self.set_up().run_cell(number)

    def admit(self) -> Window:
        """Let another page decide as well, which asks for it here."""
        asks = self.notifications.filter(has_text="Another page asks to decide")
        asks.get_by_role("button", name="Admit").click()
        return self

    def output(self, number: int) -> Locator:
        """Return what a cell shows below its code."""
        return self.cell(number).locator(".jp-OutputArea").first

    def inputs(self, number: int) -> list[str]:
        """Return all that the kernel has run so far, by running a cell that prints it."""
        self.type_cell(number, "import json; print(json.dumps(In[:-1]))")
        self.run_cell(number).wait_done(number)
        text = self.output(number).locator("pre").last.inner_text()
        return [str(line) for line in json.loads(text)]

    def type_cell(self, number: int, code: str) -> None:
        """Replace a cell's code."""
        self.put_cursor(number)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(code)

    # the steps

    @property
    def steps(self) -> Locator:
        """All steps in the notebook."""
        return self.notebook.locator(".codeact-Step")

    def step(self, number: int) -> Step:
        """Return a step of the notebook, from 0."""
        return Step(self.steps.nth(number))

    def pending_in(self, number: int) -> Step:
        """Return the step of a cell that waits."""
        return Step(self.cell(number).locator(".codeact-Step[data-status=pending]"))

    @property
    def pending(self) -> Step:
        """The step that waits in the notebook."""
        return Step(self.notebook.locator(".codeact-Step[data-status=pending]").last)

    @property
    def pending_in_panel(self) -> Step:
        """The step that waits in the side panel."""
        return Step(self.panel.locator(".codeact-Step[data-status=pending]"))

    # a saved session

    @property
    def banner(self) -> Locator:
        """What stands above a session notebook."""
        return self.page.locator(".jp-NotebookPanel:visible .codeact-Banner")

    @property
    def marks(self) -> Locator:
        """All that is told above and below the cells of a session notebook."""
        return self.notebook.locator(".codeact-Mark")

    # JupyterLab around it

    def open(self) -> Window:
        """Load the page, and wait for the notebook and its kernel."""
        self.page.goto(self.desk.address(self.name))
        return self._wait()

    def open_in_notebook_7(self) -> Window:
        """Load the page in Jupyter Notebook."""
        self.page.goto(f"{self.desk.server.url}notebooks/{self.name}?token={self.desk.server.token}")
        return self._wait()

    def reload(self) -> Window:
        """Reload the page."""
        self.page.reload()
        return self._wait()

    def _wait(self) -> Window:
        expect(self.cell(0)).to_be_visible()
        self.page.wait_for_function(
            """() => {
                const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
                return kernel?.connectionStatus === 'connected' && ['idle', 'busy'].includes(kernel.status);
            }"""
        )
        return self

    def show(self, name: str) -> Window:
        """Open a notebook in a tab of this window, or bring its tab to the front."""
        window = Window(self.desk, self.page, name)
        window.open_tab()
        return window._wait()

    def open_tab(self) -> None:
        """Open the notebook in a tab, or bring its tab to the front, without waiting for a kernel."""
        self.page.evaluate(
            "async path => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }", self.name
        )
        expect(self.cell(0)).to_be_visible()

    def close_tab(self) -> None:
        """Close the notebook, which leaves its kernel as it is."""
        self.page.evaluate("() => { window.jupyterapp.shell.currentWidget.close(); }")
        expect(self.notebook).to_have_count(0)

    def command(self, id: str, **arguments: Any) -> Any:
        """Do what the command palette would."""
        return self.page.evaluate(
            "([id, args]) => { void window.jupyterapp.commands.execute(id, args); }", [id, arguments]
        )

    def enabled(self, id: str) -> bool:
        """Return whether a command can act."""
        return bool(self.page.evaluate("id => window.jupyterapp.commands.isEnabled(id)", id))

    def wait_until_disabled(self, *ids: str) -> None:
        """Wait until none of these commands can act: the page hears of the end of a turn a moment after the cell."""
        self.page.wait_for_function("ids => !ids.some(id => window.jupyterapp.commands.isEnabled(id))", arg=list(ids))

    def show_panel(self) -> Window:
        """Open the side panel."""
        self.command("codeact:panel")
        expect(self.panel).to_be_visible()
        return self

    def confirm(self) -> None:
        """Click on the button of JupyterLab's dialog that goes on."""
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()

    def restart_kernel(self) -> None:
        """Restart the kernel from the menu."""
        self.command("notebook:restart-kernel")
        self.confirm()

    def new_view(self) -> None:
        """Show the notebook a second time, beside the first."""
        self.command("docmanager:clone")
        expect(self.page.locator(".jp-NotebookPanel:visible")).to_have_count(2)

    def view(self, number: int) -> Locator:
        """Return one of the notebook's views."""
        return self.page.locator(".jp-NotebookPanel:visible").nth(number)

    def save(self) -> Any:
        """Save the notebook, and return what was saved."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
        return self.saved

    @property
    def saved(self) -> Any:
        """The notebook as it is on the disk."""
        return nbformat.read(self.desk.server.root / self.name, as_version=4)

    def focus(self) -> str:
        """Return the class names of the element with the focus."""
        return str(self.page.evaluate("document.activeElement?.className || document.activeElement?.tagName || ''"))

    def wait_for_focus(self, selector: str) -> None:
        """Wait until the focus is on an element that matches, or within one."""
        self.page.wait_for_function("s => document.activeElement?.closest(s)", arg=selector)

    def bundles(self, notebook: Any | None = None) -> list[dict[str, Any]]:
        """Return the steps in a saved notebook."""
        cells = (notebook or self.save()).cells
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        return [output.data[MIME] for output in outputs if MIME in output.get("data", {})]


class HeldBack:
    """Keeps what kernels say from a page until it is let go; what the page says goes through."""

    def __init__(self, page: Page) -> None:
        self._holds = False
        self._waiting: list[Callable[[], None]] = []
        page.route_web_socket(re.compile(r"/channels"), self._route)

    def hold(self) -> None:
        """From now on the page hears nothing."""
        self._holds = True

    def let_go(self) -> None:
        """Deliver what came in the meantime, and all that comes."""
        self._holds = False
        for deliver in self._waiting:
            deliver()
        self._waiting.clear()

    def _route(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        server.on_message(lambda message: self._take(lambda: page.send(message)))

    def _take(self, deliver: Callable[[], None]) -> None:
        if self._holds:
            self._waiting.append(deliver)
        else:
            deliver()


# -- the browser -------------------------------------------------------------------------------------------------------


class Profile:
    """A browser profile, watched. Its `page` with JupyterLab serves one test after the other, as it would a user."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        self._server = server
        self._page: Page | None = None
        self.strangers: list[str] = []  # addresses elsewhere that a page wanted something of
        self.failures: list[str] = []  # exceptions in our scripts that nobody caught
        self.complaints: list[str] = []  # errors in the console
        self.context = browser.new_context(**{"viewport": VIEWPORT, **options})
        self.context.on("request", self._on_request)
        self.context.on("console", self._on_console)

    def new_page(self) -> Page:
        """Return an empty page."""
        page = self.context.new_page()
        page.on("pageerror", self._on_error)
        page.on("dialog", lambda dialog: dialog.accept())  # the browser's own: leaving a page with unsaved work
        return page

    @property
    def page(self) -> Page:
        """The page that shows JupyterLab, with nothing opened in it."""
        if self._page is None:
            self._page = self.new_page()
            self._page.goto(f"{self._server.url}lab?reset&token={self._server.token}")
            self._page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        return self._page

    def tidy(self) -> None:
        """Close what a test has left open in that page, or else the page."""
        if self._page is not None and not self._page.evaluate(TIDY):
            self._page.close()
            self._page = None

    def check(self) -> None:
        """Fail where a page has asked another host, or our scripts left an exception uncaught, since the last call."""
        strangers, failures = self.strangers, self.failures
        self.strangers, self.failures, self.complaints = [], [], []
        assert not strangers, f"requests to other hosts: {strangers}"
        assert not failures, "\n".join(failures)

    def _on_error(self, error: Error) -> None:
        if EXTENSION in (error.stack or ""):  # JupyterLab has some of its own
            self.failures.append(f"{error.message}\n{error.stack}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self._server.host:
            self.strangers.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


TIDY = """async () => {
    const shell = window.jupyterapp?.shell;
    if (!shell?.collapseRight || document.querySelector('.jp-Dialog, .jp-Notification-Toast')) { return false; }
    for (const widget of [...shell.widgets('main')]) { widget.dispose(); }
    shell.collapseRight();
    return true;
}"""


# -- a test's own ------------------------------------------------------------------------------------------------------


class Desk:
    """What a test works at: windows, notebooks and endpoints of its own, on the shared server and browser."""

    def __init__(self, server: Server, profile: Profile, name: str) -> None:
        self.server, self.profile = server, profile
        self._prefix = re.sub(r"\W+", "-", name).strip("-")[:80]
        self._pages: list[Page] = []
        self._endpoints: list[FakeEndpoint] = []
        self._count = 0

    def endpoint(self, replies: Iterable[Scripted], **options: Any) -> FakeEndpoint:
        """Return a model that plays a script."""
        endpoint = FakeEndpoint(replies, **options)
        endpoint.start()
        self._endpoints.append(endpoint)
        return endpoint

    def write(self, *cells: Any) -> str:
        """Write a notebook of code, and of cells of other kinds; returns its name."""
        self._count += 1
        name = f"{self._prefix}-{self._count}.ipynb"
        made = [cell if isinstance(cell, dict) else nbformat.v4.new_code_cell(cell) for cell in cells]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.server.root / name)
        return name

    def write_session(self, session: Session, stem: str = "", folder: str = "codeact-sessions") -> str:
        """Write a session where it would be saved, or elsewhere; returns its name, seen from the server's root."""
        self._count += 1
        name = f"{folder}/{stem or f'{self._prefix}-{self._count}'}.ipynb"
        path = self.server.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(to_notebook(session, folder), path)
        return name

    def session(self, name: str) -> Window:
        """Open a session notebook in the window that is there."""
        window = Window(self, self.profile.page, name)
        window.open_tab()
        expect(window.banner).to_be_visible()
        return window

    def asking(self, *cells: Any, replies: Iterable[Scripted] = (), ipykernel: str = NEWEST) -> str:
        """Write a notebook whose first cell sets up the extension for a model of its own, and start its kernel."""
        self.model = self.endpoint(replies)
        name = self.write(SETUP.format(url=self.model.base_url), *cells)
        self.server.begin_kernel(name, kernel_name(ipykernel))
        return name

    def notebook(self, *cells: Any, replies: Iterable[Scripted] = (), ipykernel: str = NEWEST) -> Window:
        """Open such a notebook in the window that is there."""
        name = self.asking(*cells, replies=replies, ipykernel=ipykernel)
        return Window(self, self.profile.page, name).show(name)

    def window(self, name: str) -> Window:
        """Open a notebook in a new window."""
        return self._new(name).open()

    def look_at(self, name: str) -> Window:
        """Open a notebook in a new window, without waiting for a kernel; a dialog that asks for one is turned down."""
        window = self._new(name)
        window.page.goto(self.address(name))
        window.page.locator(".jp-Dialog button", has_text="No Kernel").click()
        expect(window.cell(0)).to_be_visible()
        return window

    def in_notebook_7(self, name: str) -> Window:
        """Open a notebook in a new window, in Jupyter Notebook."""
        return self._new(name).open_in_notebook_7()

    def slow_window(self, name: str) -> tuple[Window, HeldBack]:
        """Open a notebook in a new window, which can be kept from hearing its kernel."""
        window = self._new(name)
        line = HeldBack(window.page)
        return window.open(), line

    def _new(self, name: str) -> Window:
        page = self.profile.new_page()
        self._pages.append(page)
        return Window(self, page, name)

    def address(self, name: str) -> str:
        """Return where JupyterLab shows a notebook, in a workspace of its own."""
        workspace = f"{self._prefix}-{len(self._pages)}"
        return f"{self.server.url}lab/workspaces/{workspace}/tree/{name}?token={self.server.token}"

    @contextmanager
    def settings(self, **settings: Any) -> Iterator[None]:
        """Have the pages that are opened meanwhile find these settings of the extension."""
        self.server.set(f"{EXTENSION}:plugin", settings)
        try:
            yield
        finally:
            self.server.set(f"{EXTENSION}:plugin", {})

    def close(self) -> None:
        """Close the windows, and end what was started."""
        for page in self._pages:
            page.close()
        self.profile.tidy()
        self.server.end_kernels()
        for endpoint in self._endpoints:
            endpoint.stop()
