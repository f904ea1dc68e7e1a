"""Requests to the control channel of a real kernel: no decision but the user's may count, and it counts once.

An attacker here is whoever can write to the kernel's control channel: a script in the page, another client, an action.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.session import Session as JupyterSession

from codeact_magic.frontends.control_channel import REQUEST
from codeact_magic.session import Json

from . import clients, tampering
from .clients import FORGED, next_step, ran, still_waits, waiting
from .kernel import Target, request, target
from .results import Try


def tries(folder: Path) -> Iterator[Try]:
    """Try all of it, in a few kernels."""
    with target(folder / "kernel") as at:
        at.greet()
        for kind in (malformed, foreign, late, double, clients.another_client):
            yield from kind(at)
    yield from tampering.tries(folder)


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
    wrong = {f"{name} = {value!r:.40}": right | {name: value} for name, values in fields.items() for value in values}
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
    ids = [
        "",
        " ",
        id + " ",
        " " + id,
        id.upper() + "!",
        id + "\0",
        prefix,
        f"{prefix}-{int(number) + 1}",
        f"-{number}",
    ]
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
    return still_waits(at, "malformed", "on the shell channel", step)


def _wrongly_signed(at: Target, step: Json) -> Try:
    content = {"op": "decide", "id": step["id"], "decision": "approve", "code": FORGED}
    forger = JupyterSession(key=b"another key")
    forger.send(at.client.control_channel.socket, REQUEST, content)
    return still_waits(at, "malformed", "signed with another key", step)


# -- decisions that come too late, or twice ----------------------------------------------------------------------------


def late(at: Target) -> Iterator[Try]:
    """Try decisions about steps that have been decided."""
    run, first = waiting(at, "ran = ran + ', and more'")
    at.decide(first)
    second = next_step(at, run, first)
    assert second is not None
    yield _refused(at, "late", "about the step before, while the next one waits", first)
    yield still_waits(at, "late", "the next one still waits", second)
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
    for count in (2, 8):
        yield _at_once(at, count)
    yield _replayed(at)
    yield _too_early(at)


def _at_once(at: Target, count: int) -> Try:
    """Have many clients decide at the same time, each with code of its own."""
    run, step = waiting(at)
    others = [at.kernel.manager.blocking_client() for _ in range(count)]
    answers: list[Json] = []
    for client in others:
        client.start_channels(shell=False, iopub=False, stdin=False, hb=False)

    def send(number: int) -> None:
        answers.append(at.decide(step, client=others[number], code=f"ran = [*globals().get('ran', []), {number}]"))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    for client in others:
        client.stop_channels()
    accepted = sum(answer["status"] == "ok" for answer in answers)
    times = len(ran(at) or ())
    held = (accepted, times) == (1, 1)
    return Try("double", f"{count} clients at once", held, "" if held else f"{accepted} accepted, {times} ran")


def _replayed(at: Target) -> Try:
    """Send what decided about one step to the letter again, when the next one waits."""
    run, step = waiting(at, "ran = 'replayed'")
    message = at.client.session.msg(REQUEST, at.decision(step))
    at.client.control_channel.send(message)
    second = next_step(at, run, step)
    at.client.control_channel.send(message)
    one = still_waits(at, "double", "the same message again, when the next step waits", second)
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
    second = next_step(at, run, step)
    one = still_waits(at, "double", name, second)
    at.stop(run)
    ran(at)
    return one if early["status"] == "error" else Try("double", name, False, "it was accepted")
