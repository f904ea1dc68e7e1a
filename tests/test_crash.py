"""Kernels that die in the middle of a turn: what was there is there, in a file that loads, and the session goes on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codeact_magic.session import Session, Step
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint, Hang, Scripted

from .kernels import NEWEST, Run, started
from .test_kernel import DONE, Chat, act, script

pytestmark = pytest.mark.kernel

FOREVER = "import time\nopen('begun', 'w').close()\nwhile True: time.sleep(0.01)"
FULL_STOP = "import os, signal\nprint('about to die', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
SEGFAULT = "import ctypes\nctypes.string_at(0)"
PATIENT = "from codeact_magic.sessions import threads\nthreads.MOMENT = {seconds}\n"  # the disk may be a slow one
HELD_DISK = """
import os, threading
from codeact_magic.sessions.saving import disk
def hold(*_):
    open("held", "w").close()
    threading.Event().wait(60)
{what} = hold
"""
# What an action changes in the code that saves is put back, so the user's own cell does it.
HELD_ONCE_ARMED = """
import os, threading
from codeact_magic.sessions.saving import disk
draft = disk.draft
def hold(*arguments, **options):
    if not os.path.exists("armed"):
        return draft(*arguments, **options)
    open("held", "w").close()
    threading.Event().wait(60)
disk.draft = hold
"""
HELD_NEXT_TIME = f"""
{HELD_DISK.format(what="held")}
sync = os.fsync
def sync_once(handle):
    os.fsync = held
    sync(handle)
os.fsync = sync_once
"""


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(default=DONE) as server:
        yield server


@pytest.fixture
def chat(tmp_path: Path, endpoint: FakeEndpoint) -> Iterator[Chat]:
    with started(NEWEST, tmp_path) as kernel:
        kernel.refresh(tmp_path)
        assert kernel.run(PATIENT.format(seconds=60)).reply["status"] == "ok"
        yield Chat(kernel, endpoint)


def killed(chat: Chat, run: Run, happened: Callable[[], object]) -> Session:
    """Kill the kernel as soon as something has happened, and return the session that is left."""
    run.wait(happened)
    process: Any = chat.kernel.manager.provisioner
    os.kill(process.pid, signal.SIGKILL)
    return left(chat)


def left(chat: Chat) -> Session:
    """Return the session that a dead kernel has left."""
    process: Any = chat.kernel.manager.provisioner
    process.process.wait(30)
    (session,) = (load(path) for path in (chat.kernel.folder / "codeact-sessions").glob("*.ipynb"))
    assert session.turns[-1].outcome == "open"
    assert [step.observation is not None for step in session.turns[-1].steps[:1]] == [True]
    return session


def dying(chat: Chat, reply: Scripted, options: str = "--approve auto") -> Run:
    """Have a turn begin whose first step is whole, and whose second one is `reply`."""
    script(chat.endpoint, act("x = 41\nprint('first')"), reply)
    return chat.begin(options)


def goes_on(chat: Chat, session: Session) -> list[str]:
    """Have another kernel go on with the session; return what its model is told of the steps so far."""
    with started(NEWEST, chat.kernel.folder) as kernel:
        kernel.refresh(chat.kernel.folder)
        again = Chat(kernel, chat.endpoint)
        loaded = kernel.run("%codeact load last")
        assert loaded.reply["status"] == "ok", loaded.errors
        script(chat.endpoint, "It goes on.")
        assert again.ask().reply["status"] == "ok"
        broken, last = again.session.turns
    assert broken.steps == session.turns[0].steps
    assert (broken.outcome, broken.note) == ("failed", "The kernel ended in the middle of this turn.")
    assert last.answer == "It goes on."
    assert not list((chat.kernel.folder / "codeact-sessions").glob(".*.lock"))
    return [message["content"] for message in chat.endpoint.requests[-1].body["messages"]]


def test_a_kernel_that_dies_while_the_model_writes_loses_that_reply_alone(chat: Chat) -> None:
    run = dying(chat, Hang(text="Now I"))
    session = killed(chat, run, lambda: len(chat.endpoint.requests) == 2)
    (step,) = session.turns[0].steps
    assert step.observation and step.observation.outputs[0]["text"] == "first\n"
    assert any("first" in told for told in goes_on(chat, session))


def test_a_kernel_that_dies_while_it_waits_for_the_user_keeps_what_was_proposed(chat: Chat) -> None:
    script(chat.endpoint, act("x = 41"), act("y = 42"))
    run = chat.kernel.begin(chat.cell("--approve ask"), "y")
    session = killed(chat, run, lambda: len(run.questions) == 2)
    _, proposed = session.turns[0].steps
    assert is_open(proposed, "y = 42")
    assert "nobody decided" in proposed.observation_message
    assert any("nobody decided" in told for told in goes_on(chat, session))


def is_open(step: Step, code: str) -> bool:
    """Return whether `code` was proposed, and nothing came of it."""
    return bool(step.action and step.action.code == code and step.decision is None and step.observation is None)


@pytest.mark.parametrize("approve", ["auto", "ask"])
def test_a_kernel_that_is_killed_while_code_runs_keeps_the_step(chat: Chat, approve: str) -> None:
    script(chat.endpoint, act("x = 41"), act(FOREVER))
    run = chat.kernel.begin(chat.cell(f"--approve {approve}"), "y", "y")
    session = killed(chat, run, (chat.kernel.folder / "begun").exists)
    assert broke_off(session.turns[0].steps[-1], FOREVER)
    assert any("broke off" in told for told in goes_on(chat, session))


def broke_off(step: Step, code: str) -> bool:
    """Return whether `code` was to run, and it is not known how far it came."""
    decided = step.decision is not None and step.decision.runs and step.decision.code == code
    return decided and step.observation is None and "broke off" in step.observation_message


@pytest.mark.parametrize("code", [FULL_STOP, SEGFAULT], ids=["kill", "segfault"])
def test_code_that_ends_the_kernel_leaves_its_step_behind(chat: Chat, code: str) -> None:
    if sys.platform == "win32":
        code = code.replace("SIGKILL", "SIGTERM")
    dying(chat, act(code))
    session = left(chat)
    assert broke_off(session.turns[0].steps[-1], code)
    assert any(code.splitlines()[-1] in told for told in goes_on(chat, session))


def test_a_kernel_that_dies_while_it_writes_the_file_has_saved_what_it_told_the_model(chat: Chat) -> None:
    script(chat.endpoint, act(HELD_NEXT_TIME + "print('first')"), act("y = 42"))
    session = killed(chat, chat.begin(), (chat.kernel.folder / "held").exists)
    (step,) = session.turns[0].steps
    assert step.observation and step.observation.outputs[0]["text"] == "first\n"
    assert any("first" in told for told in goes_on(chat, session))


def test_a_disk_that_hangs_holds_an_action_up_for_a_moment_only(chat: Chat) -> None:
    held = PATIENT.format(seconds=0.5) + HELD_DISK.format(what="disk.draft")
    assert chat.kernel.run(held).reply["status"] == "ok"
    run = dying(chat, "Done.")
    run.wait(lambda: "first" in run.text)
    assert (chat.kernel.folder / "held").exists()


def test_stop_works_while_a_step_waits_for_the_disk(chat: Chat) -> None:
    assert chat.kernel.run(PATIENT.format(seconds=60) + HELD_ONCE_ARMED).reply["status"] == "ok"
    script(chat.endpoint, act("open('armed', 'w').close()\nprint('first')"), act("y = 42"), DONE)
    run = chat.begin()
    run.wait((chat.kernel.folder / "held").exists)
    chat.kernel.interrupt()
    run.finish()
    assert "StoppedError" in run.errors[0]
    assert len(chat.endpoint.requests) == 1
