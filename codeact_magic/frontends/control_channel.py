"""The control channel: what a page of JupyterLab may ask and say while a cell runs.

A cell that runs blocks the kernel's main thread, and comm messages queue behind it; the control channel has a socket
and a thread of its own. One handler in `kernel.control_handlers` answers there: it reads what the main thread has put
on the records, and hands over what the user says. Everything that comes in is checked by shape and by id.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..kernels import signals
from ..text import one_line

if TYPE_CHECKING:
    from ..session import Json  # making its classes takes 5 ms, and this is imported when the extension is loaded

REQUEST, REPLY = "codeact_request", "codeact_reply"
MOST_CODE, MOST_TEXT = 1_000_000, 10_000  # characters
MOST_DECIDED = 200  # ids of steps that are remembered, to tell a late answer from a foreign one
DECISIONS = ("approve", "reject", "stop")

LATE = "This step has been decided already."
UNKNOWN = "No such step is waiting in this kernel."
IDLE = "The agent is not at work."
NO_CELLS = "These cells are not offered by this kernel any more."


class Refused(Exception):
    """A request that changes nothing; `reason` is for the page, the message for the user."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ControlChannel:
    """The records that pages read, and the box that they put the user's words into.

    The methods below "the main thread's" are called by the cell that runs, `answer` by the control thread.
    """

    def __init__(self, interrupt: Callable[[], None] | None = None) -> None:
        self._interrupt = interrupt or partial(signals.interrupt, threading.get_ident())
        self._lock = threading.Lock()
        self._decisions: queue.SimpleQueue[Json] = queue.SimpleQueue()
        self._remarks: deque[str] = deque()
        self._decided: deque[str] = deque(maxlen=MOST_DECIDED)
        self._threads: dict[str, list[Json]] = {}
        self._pending: Json | None = None
        self._turn: Json | None = None
        self._agent, self._since = "idle", time.monotonic()
        self._revision = 0
        self._kernel: Any = None
        self._offer: tuple[str, list[Json]] = ("", [])  # cells for the notebook, under an id
        self._taken = threading.Event()
        self._alone = False  # a page was waited for in vain
        self.attached = False  # a page with buttons has been seen
        self.settings: Json = {}

    def open(self, kernel: Any) -> None:
        """Register the handler with `kernel`, where there is one."""
        self._kernel = kernel
        if kernel is not None:
            kernel.control_handlers[REQUEST] = self._handle

    def close(self) -> None:
        """Take the handler away again."""
        handlers = getattr(self._kernel, "control_handlers", {})
        if handlers.get(REQUEST) == self._handle:
            del handlers[REQUEST]

    async def _handle(self, stream: Any, ident: Any, parent: Any) -> None:
        reply = self.answer(parent.get("content"))
        self._kernel.session.send(stream, REPLY, reply, parent=parent, ident=ident)

    # -- the main thread's ---------------------------------------------------------------------------------------------

    def begin(self, thread: str, turn: int, prompt: str, max_steps: int) -> None:
        """A turn begins."""
        with self._lock:
            self._remarks.clear()
            entry = {"turn": turn, "prompt": one_line(prompt, 200), "outcome": "open", "note": "", "steps": []}
            turns = self._threads.setdefault(thread, [])
            if turn == 1:
                turns.clear()
            turns.append(entry)
            self._turn = {"thread": thread, "turn": turn, "prompt": entry["prompt"], "step": 0, "max_steps": max_steps}
            self._began = time.monotonic()
            self._changed("thinking")

    def step(self, bundle: Json, agent: str | None = None) -> None:
        """A step has become what `bundle` says; `agent` is what the agent does now."""
        with self._lock:
            if self._turn is None:
                return
            self._turn["step"] = bundle["number"]
            steps = self._threads[self._turn["thread"]][-1]["steps"]
            label = one_line(bundle["thought"] or bundle["code"], 120)
            entry = {name: bundle[name] for name in ("id", "number", "title", "status", "ok") if name in bundle}
            if steps and steps[-1]["id"] == bundle["id"]:
                steps.pop()
            steps.append(entry | {"label": label})
            self._changed(agent)

    def end(self, outcome: str, note: str, seconds: float, usage: Json) -> None:
        """The turn is over."""
        with self._lock:
            if self._turn is not None:
                entry = self._threads[self._turn["thread"]][-1]
                entry.update(outcome=outcome, note=note, seconds=seconds, usage=usage)
            self._turn = self._pending = None
            self._changed("idle")

    def spent(self, usage: Json) -> None:
        """The turn has used `usage` tokens so far."""
        with self._lock:
            if self._turn is not None:
                self._turn["usage"] = usage
                self._changed(None)

    def ask(self, bundle: Json, patience: float, tick: float) -> Json | None:
        """Wait for the user's decision about a step: what a page sent, or None where no page comes within `patience`.

        A page that has been seen in this kernel before may come back later: then there is no end to the waiting but
        the decision, or an interrupt. Where none came once, none is waited for again, unless it has said hello.
        """
        if self._alone and not self.attached:
            return None
        with self._lock:
            self._pending = bundle
            while not self._decisions.empty():
                self._decisions.get()
            self._changed("waiting")
        began = time.monotonic()
        try:
            while True:
                try:
                    return self._decisions.get(timeout=tick)
                except queue.Empty:
                    if not self.attached and time.monotonic() - began > patience:
                        self._alone = True
                        return None
        finally:
            with self._lock:
                self._decided.append(bundle["id"])
                self._pending = None
                self._changed("thinking")

    def remarks(self) -> tuple[str, ...]:
        """Return what the user has remarked since this was last asked."""
        with self._lock:
            remarks = tuple(self._remarks)
            self._remarks.clear()
        return remarks

    def offer(self, cells: list[Json]) -> str:
        """Have `cells` ready for the page that asks for them by the id that is returned."""
        name = os.urandom(8).hex()
        with self._lock:
            self._offer = (name, cells)
            self._taken.clear()
        return name

    def taken(self, patience: float, tick: float) -> bool:
        """Wait, at most `patience` seconds, and return whether a page took what was offered; then it is too late."""
        deadline = time.monotonic() + patience
        while not self._taken.wait(tick) and time.monotonic() < deadline:
            pass  # no longer at a time, so that Stop gets through
        with self._lock:
            self._offer = ("", [])
            return self._taken.is_set()

    # -- the control thread's ------------------------------------------------------------------------------------------

    def answer(self, content: Any) -> Json:
        """Return the reply to a request. Never raises: what does not fit changes nothing."""
        try:
            if not isinstance(content, dict) or not isinstance(content.get("op"), str):
                raise Refused("malformed", "The request has no op.")
            handler = _HANDLERS.get(content["op"])
            if handler is None:
                raise Refused("malformed", f"There is no op {one_line(content['op'], 40)}.")
            with self._lock:
                return {"status": "ok", **handler(self, content)}
        except Refused as refused:
            return {"status": "error", "reason": refused.reason, "error": str(refused)}

    def _hello(self, content: Json) -> Json:
        name = _text(content, "id", MOST_TEXT, "")
        if name:
            self._check_pending(name)
        self.attached = True
        return {}

    def _state(self, content: Json) -> Json:
        since = content.get("since")
        now = {"revision": self._revision, "agent": self._agent, "seconds": round(time.monotonic() - self._since, 1)}
        if isinstance(since, int) and not isinstance(since, bool) and since == self._revision:
            return now | {"unchanged": True}
        turn = self._turn and self._turn | {"seconds": round(time.monotonic() - self._began, 1)}
        threads = [{"name": name, "turns": turns} for name, turns in self._threads.items()]
        return now | {"pending": self._pending, "turn": turn, "threads": threads} | self.settings

    def _decide(self, content: Json) -> Json:
        self._check_pending(_text(content, "id", MOST_TEXT))
        decision = _text(content, "decision", 20)
        if decision not in DECISIONS:
            raise Refused("malformed", f"There is no decision {one_line(decision, 40)}.")
        code = _text(content, "code", MOST_CODE, None if decision == "approve" else "")
        reason, everything = _text(content, "reason", MOST_TEXT, ""), content.get("all", False)
        if not isinstance(everything, bool):
            raise Refused("malformed", "all is true or false.")
        assert self._pending is not None
        self._decided.append(self._pending["id"])
        self._pending = None  # a second answer comes too late, from whichever page
        self.attached = True
        self._decisions.put({"decision": decision, "code": code, "reason": reason, "all": everything})
        self._changed(None)
        return {}

    def _stop(self, content: Json) -> Json:
        if self._turn is None:
            raise Refused("idle", IDLE)
        if self._pending is not None:
            self._decided.append(self._pending["id"])
            self._pending = None
            self._decisions.put({"decision": "stop", "code": "", "reason": "", "all": False})
            self._changed(None)
        else:
            self._interrupt()
        return {}

    def _say(self, content: Json) -> Json:
        text = _text(content, "text", MOST_TEXT)
        if self._turn is None:
            raise Refused("idle", IDLE)
        if not text.strip():
            raise Refused("malformed", "The remark is empty.")
        self._remarks.append(text)
        return {}

    def _insert(self, content: Json) -> Json:
        """Give the offered cells out, once."""
        name, cells = self._offer
        if not name or _text(content, "id", MOST_TEXT) != name:
            raise Refused("unknown", NO_CELLS)
        self._offer = ("", [])
        self._taken.set()
        return {"cells": cells}

    def _check_pending(self, name: str) -> None:
        if self._pending is not None and self._pending["id"] == name:
            return
        if name in self._decided:
            raise Refused("late", LATE)
        raise Refused("unknown", UNKNOWN)

    def _changed(self, agent: str | None) -> None:
        self._revision += 1
        if agent is not None and agent != self._agent:
            self._agent, self._since = agent, time.monotonic()


_HANDLERS: dict[str, Callable[[ControlChannel, Json], Json]] = {
    "hello": ControlChannel._hello,
    "state": ControlChannel._state,
    "decide": ControlChannel._decide,
    "stop": ControlChannel._stop,
    "say": ControlChannel._say,
    "insert": ControlChannel._insert,
}


def _text(content: Json, name: str, limit: int, default: str | None = None) -> str:
    value = content.get(name, default)
    if not isinstance(value, str):
        raise Refused("malformed", f"{name} is a text.")
    if len(value) > limit:
        raise Refused("malformed", f"{name} has more than {limit:,} characters.")
    return value
