"""Requests to the control channel of a real kernel: no decision but the user's may count, and it counts once.

An attacker here is whoever can write to the kernel's control channel: a script in the page, another client, an action.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jupyter_client.session import Session as JupyterSession

from codeact_magic.frontends.control_channel import REQUEST
from codeact_magic.session import Json

from ..kernels import Run
from . import tampering
from .kernel import LOOK, Target, act, request, target
from .results import Try

SHOWN, FORGED = "ran = 'as shown'", "ran = 'forged'"
A_WHILE = 2.0  # seconds in which something that must not happen would have happened


def tries(folder: Path) -> Iterator[Try]:
    """Try all of it, in a few kernels."""
    with target(folder / "kernel") as at:
        at.greet()
        for kind in (malformed, foreign, late, double, another_client):
            yield from kind(at)
    yield from tampering.tries(folder)


def waiting(at: Target, *more: str) -> tuple[Run, Json]:
    """Have a step wait, and return the cell that runs and the step."""
    run = at.begin(act(SHOWN), *map(act, more), "Done.")
    step = at.wait_for_step(run)
    assert step is not None
    return run, step


def ran(at: Target) -> Any:
    """Return what the step has left in the namespace, and take it away."""
    return at.kernel.value("globals().pop('ran', None)")


# -- requests that change nothing --------------------------------------------------------------------------------------


def shapes(step: Json) -> dict[str, Any]:
    """Return requests that are wrong in their shape, by name."""
    right = {"op": "decide", "id": step["id"], "decision": "approve", "code": FORGED}
    fields: dict[str, list[Any]] = {
        "op": [None, 1, "DECIDE", "decide ", "_decide", "__init__", "approve", ["decide"], {"op": "decide"}, ""],
        "id": [None, 1, [step["id"]], {step["id"]: 1}, True, "x" * 20_000],
        "decision": [None, True, 1, "edit", "Approve", "approve ", "yes", "all", "auto", ["approve"], "appr\u043eve"],
        "code": [None, 1, [FORGED], {"code": FORGED}, "x" * 1_000_001, True],
        "all": ["yes", 1, None, [], "true"],
        "reason": [1, None, ["x"], "x" * 10_001],
    }
    wrong = {
        f"{name} = {value!r:.40}": right | {name: value} for name, values in fields.items() for value in values
    }
    missing = {f"without {name}": {key: right[key] for key in right if key != name} for name in right}
    deep = {"op": "decide", "id": "[" * 1000, "decision": {"a": {"b": [[[[]]]]}}}
    raw = {f"content {text!r}": text for text in (b"[]", b"1", b'"decide"', b"true")}
    return {**wrong, **missing, **raw, "nested": deep, "nothing": {}, "twice": {"op": "state", "OP": "decide"}}


def malformed(at: Target) -> Iterator[Try]:
    """Try requests that are wrong in their shape."""
    run, step = waiting(at)
    yield from _changing_nothing(at, "malformed", step, shapes(step))
    yield _on_the_other_channel(at, step)
    yield _wrongly_signed(at, step)
    at.stop(run)


def foreign(at: Target) -> Iterator[Try]:
    """Try decisions about steps that are not the one that waits."""
    run, step = waiting(at)
    id = step["id"]
    prefix, _, number = id.rpartition("-")
    ids = ["", " ", id + " ", " " + id, id.upper() + "!", id + "\0", prefix, f"{prefix}-{int(number) + 1}", f"-{number}"]
    ids += [f"{prefix}-0{number}", f"{prefix}-{number}.0", f"{prefix[::-1]}-{number}", "pending", "*", "null", "main"]
    ids += [f"{prefix}\u2010{number}", id[:-1] + "\uff11", "../" + id, f"{id}\n{id}"]
    requests = {
        f"id {one!r}": {"op": "decide", "id": one, "decision": "approve", "code": FORGED} for one in ids if one != id
    }
    yield from _changing_nothing(at, "another step's id", step, requests)
    at.stop(run)


def _changing_nothing(at: Target, kind: str, step: Json, requests: dict[str, Any]) -> Iterator[Try]:
    for name, content in requests.items():
        answer = request(at.client, content)
        pending = at.pending
        held = pending is not None and pending["id"] == step["id"]
        yield Try(kind, name, held, "" if held else f"decided: {json.dumps(answer)[:80]}")
        if not held:
            return


def _on_the_other_channel(at: Target, step: Json) -> Try:
    content = {"op": "decide", "id": step["id"], "decision": "approve", "code": FORGED}
    at.client.shell_channel.send(at.client.session.msg(REQUEST, content))
    return _still_waits(at, "malformed", "on the shell channel", step)


def _wrongly_signed(at: Target, step: Json) -> Try:
    content = {"op": "decide", "id": step["id"], "decision": "approve", "code": FORGED}
    forger = JupyterSession(key=b"another key")
    forger.send(at.client.control_channel.socket, REQUEST, content)
    return _still_waits(at, "malformed", "signed with another key", step)


def _still_waits(at: Target, kind: str, name: str, step: Json) -> Try:
    pending = at.pending  # answered in order: what was sent before this has been read
    held = pending is not None and pending["id"] == step["id"]
    return Try(kind, name, held, "" if held else "decided")


# -- decisions that come too late, or twice ----------------------------------------------------------------------------


def late(at: Target) -> Iterator[Try]:
    """Try decisions about steps that have been decided."""
    run, first = waiting(at, "ran = ran + ', and more'")
    at.decide(first)
    second = _next_step(at, run, first)
    yield _refused(at, "late", "about the step before, while the next one waits", first)
    yield _still_waits(at, "late", "the next one still waits", second)
    at.decide(second, "reject")
    run.finish()
    yield _ran(at, "late", "what was rejected has not run", "as shown")
    for name, step in (("after the turn", second), ("about the first step, after the turn", first)):
        yield _refused(at, "late", name, step)
    run, step = waiting(at)
    yield _refused(at, "late", "about a step of the turn before", second)
    at.stop(run)
    yield _refused(at, "late", "after Stop", step)
    yield _ran(at, "late", "nothing ran after Stop", None)


def _next_step(at: Target, run: Run, before: Json) -> Json:
    """Wait for the step after `before`."""
    while True:
        step = at.wait_for_step(run)
        assert step is not None
        if step["id"] != before["id"]:
            return step


def _refused(at: Target, kind: str, name: str, step: Json) -> Try:
    answer = at.decide(step, code=FORGED)
    held = answer["status"] == "error" and answer["reason"] in ("late", "unknown")
    return Try(kind, name, held, "" if held else json.dumps(answer)[:80])


def _ran(at: Target, kind: str, name: str, expected: Any) -> Try:
    seen = ran(at)
    return Try(kind, name, seen == expected, "" if seen == expected else f"ran: {seen!r}")


def double(at: Target) -> Iterator[Try]:
    """Try more than one decision about a step: the first one counts, and no other."""
    pairs: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
        "approved twice": ({}, {"code": FORGED}, "as shown"),
        "approved, then rejected": ({}, {"decision": "reject"}, "as shown"),
        "rejected, then approved": ({"decision": "reject"}, {}, None),
        "stopped, then approved": ({"decision": "stop"}, {}, None),
        "edited, then approved as it was": ({"code": "ran = 'edited'"}, {}, "edited"),
        "approved, then all of the turn": ({}, {"all": True}, "as shown"),
    }
    for name, (first, second, expected) in pairs.items():
        run, step = waiting(at)
        at.decide(step, **first)
        again = at.decide(step, **second)
        run.finish()
        one = _ran(at, "double", name, expected)
        yield one if again["status"] == "error" else Try("double", name, False, "the second one was accepted")
    for clients in (2, 8):
        yield _at_once(at, clients)
    yield _replayed(at)
    yield _too_early(at)


def _at_once(at: Target, count: int) -> Try:
    """Have many clients decide at the same time, each with code of its own."""
    run, step = waiting(at)
    clients = [at.kernel.manager.blocking_client() for _ in range(count)]
    answers: list[Json] = []
    for client in clients:
        client.start_channels(shell=False, iopub=False, stdin=False, hb=False)

    def send(number: int) -> None:
        answers.append(at.decide(step, client=clients[number], code=f"ran = [*globals().get('ran', []), {number}]"))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    for client in clients:
        client.stop_channels()
    accepted = sum(answer["status"] == "ok" for answer in answers)
    times = len(ran(at) or ())
    held = (accepted, times) == (1, 1)
    return Try("double", f"{count} clients at once", held, "" if held else f"{accepted} accepted, {times} ran")


def _replayed(at: Target) -> Try:
    """Send what decided about one step to the letter again, when the next one waits."""
    run, step = waiting(at, "ran = 'replayed'")
    message = at.client.session.msg(REQUEST, {"op": "decide", "id": step["id"], "decision": "approve", "code": SHOWN})
    at.client.control_channel.send(message)
    second = _next_step(at, run, step)
    at.client.control_channel.send(message)
    one = _still_waits(at, "double", "the same message again, when the next step waits", second)
    at.stop(run)
    ran(at)
    return one


def _too_early(at: Target) -> Try:
    """Decide about the step that will wait next."""
    name = "about the next step, before it waits"
    run, step = waiting(at, "ran = 'early'")
    prefix, _, number = step["id"].rpartition("-")
    early = at.decide(step | {"id": f"{prefix}-{int(number) + 1}"}, code=FORGED)
    at.decide(step)
    second = _next_step(at, run, step)
    one = _still_waits(at, "double", name, second)
    at.stop(run)
    ran(at)
    return one if early["status"] == "error" else Try("double", name, False, "it was accepted")


# -- clients that are not the user's page ------------------------------------------------------------------------------

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


def another_client(at: Target) -> Iterator[Try]:
    """Try decisions in the right shape by somebody who is not the page that the user sees."""
    right: dict[str, Callable[[Json], Json]] = {
        "as it is shown": lambda step: {"code": step["code"]},
        "with other code": lambda step: {"code": FORGED},
        "for all of the turn": lambda step: {"code": step["code"], "all": True},
        "said hello before": lambda step: {"code": step["code"]},
    }
    for name, fields in right.items():
        yield _by_another(at, name, fields)
    for name, way in (("by a reference", BY_REFERENCE), ("over a socket", OVER_A_SOCKET)):
        yield _by_an_action(at, f"a thread of an action, {name}", FROM_A_THREAD.format(body=(way + DECIDES).strip()))


def _by_another(at: Target, name: str, fields: Callable[[Json], Json]) -> Try:
    run, step = waiting(at)
    other = at.kernel.manager.blocking_client()
    other.start_channels(shell=False, iopub=False, stdin=False, hb=False)
    if "hello" in name:
        request(other, {"op": "hello", "id": step["id"]})
    request(other, {"op": "decide", "id": step["id"], "decision": "approve", **fields(step)})
    one = _still_waits(at, "another client", name, step)
    other.stop_channels()
    at.stop(run) if one.held else run.finish()
    ran(at)
    return one


def _by_an_action(at: Target, name: str, code: str) -> Try:
    """Have an action that the user approved decide about the next one."""
    run = at.begin(act(code), act(SHOWN), "Done.")
    first = at.wait_for_step(run)
    assert first is not None
    at.decide(first)
    second = at.wait_for_step(run)
    while second is not None and second["id"] == first["id"]:
        second = at.wait_for_step(run)
    deadline = time.monotonic() + A_WHILE
    while second is not None and time.monotonic() < deadline and at.pending:
        time.sleep(LOOK)
    held = second is not None and at.pending is not None
    at.stop(run) if held else run.finish()
    ran(at)
    return Try("another client", name, held, "" if held else "decided")
