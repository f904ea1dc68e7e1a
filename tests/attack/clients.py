"""Clients of the kernel that are not the user's page, and steps that wait for a decision."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from codeact_magic.session import Json

from ..kernels import Run
from ..signing import SigningPage
from .kernel import LOOK, Target, act, request
from .results import Try

SHOWN, FORGED = "ran = 'as shown'", "ran = 'forged'"
A_WHILE = 2.0  # seconds in which something that must not happen would have happened


def waiting(at: Target, *more: str) -> tuple[Run, Json]:
    """Have a step wait, and return the cell that runs and the step."""
    run = at.begin(act(SHOWN), *map(act, more), "Done.")
    step = at.wait_for_step(run)
    assert step is not None
    return run, step


def ran(at: Target) -> Any:
    """Return what the step has left in the namespace, and take it away."""
    return at.kernel.value("globals().pop('ran', None)")


def next_step(at: Target, run: Run, before: Json) -> Json | None:
    """Wait for the step after `before`; None if the cell ends before."""
    step = at.wait_for_step(run)
    while step is not None and step["id"] == before["id"]:
        step = at.wait_for_step(run)
    return step


def still_waits(at: Target, kind: str, name: str, step: Json | None) -> Try:
    pending = at.pending  # answered in order: what was sent before this has been read
    held = pending is not None and step is not None and pending["id"] == step["id"]
    return Try(kind, name, held, "" if held else "decided")


FROM_A_THREAD = """
import threading, time
def forge():
    {body}
threading.Thread(target=forge, daemon=True).start()
"""
OVER_A_SOCKET = """
    from ipykernel.connect import get_connection_file
    from jupyter_client import BlockingKernelClient
    global client  # kept: its end would wait for its sockets
    client = BlockingKernelClient(connection_file=get_connection_file())
    client.load_connection_file()
    client.start_channels(shell=False, iopub=False, stdin=False, hb=False)
    def answer(content):
        client.control_channel.send(client.session.msg("codeact_request", content))
        return client.control_channel.get_msg(timeout=10)["content"]
"""
BY_REFERENCE = """
    import gc
    answer = next(o for o in gc.get_objects() if type(o).__name__ == "ControlChannel" and o._kernel).answer
"""
DECIDES = """
    while True:
        step = answer({"op": "state"})["pending"]
        if step and step["number"] == 2:
            return answer({"op": "decide", "id": step["id"], "decision": "approve", "code": "ran = 'forged'"})
        time.sleep(0.02)
"""


RIGHT: dict[str, dict[str, object]] = {
    "as it is shown": {},
    "with other code": {"code": FORGED},
    "for all of the turn": {"all": True},
    "said hello before": {},
}


def another_client(at: Target) -> Iterator[Try]:
    """Try decisions in the right shape by somebody who is not the page that the user sees."""
    for name in RIGHT:
        yield by_another(at, name)
    for name, way in (("by a reference", BY_REFERENCE), ("over a socket", OVER_A_SOCKET)):
        yield _by_an_action(at, f"a thread of an action, {name}", FROM_A_THREAD.format(body=(way + DECIDES).strip()))


def by_another(at: Target, name: str) -> Try:
    """Have another client of the kernel decide about a step that it has read of."""
    run, step = waiting(at)
    other = at.kernel.manager.blocking_client()
    other.start_channels(shell=False, iopub=False, stdin=False, hb=False)
    if "hello" in name:
        request(other, SigningPage("another1").hello(id=step["id"]))
    content = {"op": "decide", "id": step["id"], "decision": "approve", "code": step["code"], **RIGHT[name]}
    request(other, content)
    for page in ("another1", at.page.page):
        request(other, SigningPage(page).signed(content))
    one = still_waits(at, "another client", name, step)
    other.stop_channels()
    _end(at, run, one.held)
    return one


def _end(at: Target, run: Run, waits: bool) -> None:
    """End the turn, whether its step still waits or not, and take away what it left."""
    if waits:
        at.stop(run)
    else:
        run.finish()
    ran(at)


def _by_an_action(at: Target, name: str, code: str) -> Try:
    """Have an action that the user approved decide about the next one."""
    run = at.begin(act(code), act(SHOWN), "Done.")
    first = at.wait_for_step(run)
    assert first is not None
    at.decide(first)
    second = next_step(at, run, first)
    deadline = time.monotonic() + A_WHILE
    while second is not None and time.monotonic() < deadline and at.pending:
        time.sleep(LOOK)
    held = second is not None and at.pending is not None
    _end(at, run, held)
    return Try("another client", name, held, "" if held else "decided")
