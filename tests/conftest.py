"""Fixtures that more than one file of tests uses."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .kernels import VERSIONS, Kernel, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .lab import Desk, Profile, Server

# The environments for the unit tests on other Pythons have no browser to drive: `-m browser` finds no tests there.
collect_ignore_glob = [] if find_spec("playwright") else ["test_lab*.py"]


# The machines are shared and noisy: no test is about time. In CI the examples are the same in every run.
settings.register_profile("local", deadline=None, max_examples=30)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("few", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# What a shell without job control runs in the background ignores SIGINT, and so do its children: Stop would do nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # and nohup has them ignore SIGHUP
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Have what was imported by now left alone by the garbage collector, which IPython's %reset runs each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", params=VERSIONS)
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel of each version of ipykernel, started once a file of tests."""
    with started(request.param, tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


@pytest.fixture
def kernel(process: Kernel, tmp_path: Path) -> Iterator[Kernel]:
    """That kernel with an empty namespace, a working directory of the test's own, and the extension freshly loaded."""
    process.refresh(tmp_path)
    yield process
    assert process.alive()
    process.settle()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab for all tests."""
    from .lab import Server

    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    from .browser import FLAGS, get

    path = get()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def profile(browser: Browser, server: Server) -> Iterator[Profile]:
    """A browser profile for all tests: what a page loads, the next one finds in the cache."""
    from .lab import Profile

    profile = Profile(browser, server)
    yield profile
    profile.context.close()


@pytest.fixture
def desk(server: Server, profile: Profile, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A test's own windows, notebooks and endpoints; what no page may ever do is checked in the end."""
    from .lab import Desk

    desk = Desk(server, profile, request.node.name)
    yield desk
    desk.close()
    profile.check()
