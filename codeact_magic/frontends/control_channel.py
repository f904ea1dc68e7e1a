"""The control channel answers the requests of a lab page while a cell runs.

A running cell blocks the kernel's main thread, and comm messages queue behind it. The control channel has a socket and
a thread of its own. One handler in `kernel.control_handlers` answers there: it reads the records that the main thread
has written, and passes on the user's decisions and remarks. Every request is checked by shape and by id.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ..text import one_line
from .pages import CALL_MIME, Pages, RefusedRequestError

if TYPE_CHECKING:
    from ..session import Json  # making its classes takes 5 ms, and this is imported when the extension is loaded

REQUEST = "codeact_request"
REPLY = "codeact_reply"
MOST_CODE = 1_000_000  # characters
MOST_TEXT = 10_000  # characters
MOST_REMARKS = 50  # remarks that wait for the end of a step
MOST_SIGNED = 6 * (MOST_CODE + MOST_TEXT)  # as JSON, in which a character may take six
MOST_DECIDED = 200  # ids of steps that are remembered, to tell a late answer from one to an unknown step
DECISIONS = ("approve", "reject", "stop")
Activity = Literal["idle", "thinking", "waiting", "running"]

LATE = "This step has been decided already."
UNKNOWN = "No such step is waiting in this kernel."
IDLE = "The agent is not at work."
FULL = "Too many remarks wait already: the model reads them after this step."
NOT_SIGNED = "Only a page that was admitted may ask for this."
NO_CELLS = "These cells are not offered by this kernel any more."


class ControlChannel:
    """Passes records to lab pages, and decisions and remarks from them.

    The running cell calls the methods in the section "main thread". The control thread calls `answer`.
    """

    def __init__(self, interrupt: Callable[[], None] | None = None) -> None:
        self._interrupt = interrupt or partial(_interrupt, threading.get_ident())
        self._lock = threading.Lock()
        self._decisions: queue.SimpleQueue[Json] = queue.SimpleQueue()
        self._remarks: deque[str] = deque()
        self._decided: deque[str] = deque(maxlen=MOST_DECIDED)
        self._threads: dict[str, list[Json]] = {}
        self._pending: Json | None = None
        self._turn: Json | None = None
        self._agent: Activity = "idle"
        self._since = time.monotonic()
        self._revision = 0
        self._kernel: Any = None
        self._pages = Pages(self._call)
        self._offer: tuple[str, list[Json]] = ("", [])  # an id, and the cells that it stands for
        self._accepted = threading.Event()
        self._alone = False  # whether no page came when one was waited for
        self.attached = False  # whether a page with buttons has been seen
        self.settings: Json = {}

    def open(self, kernel: Any) -> None:
        """Register the handler with `kernel`, unless that is None."""
        self._kernel = kernel
        if kernel is not None:
            kernel.control_handlers[REQUEST] = self._handle
            self._call({"call": "", "page": "", "code": ""})  # pages that are open say hello, before an action runs

    def close(self) -> None:
        """Remove the handler, unless another channel has replaced it."""
        handlers = getattr(self._kernel, "control_handlers", {})
        if handlers.get(REQUEST) == self._handle:
            del handlers[REQUEST]

    def _call(self, content: Json) -> None:
        """Publish `content` to all pages, as the update of a display that is not there: others ignore it."""
        kernel = self._kernel
        if getattr(kernel, "iopub_socket", None) is None:
            return
        update = {"data": {CALL_MIME: content}, "metadata": {}, "transient": {"display_id": "codeact-call"}}
        kernel.session.send(kernel.iopub_socket, "update_display_data", update, ident=b"update_display_data")

    async def _handle(self, stream: Any, ident: Any, parent: Any) -> None:
        reply = self.answer(parent.get("content"))
        self._kernel.session.send(stream, REPLY, reply, parent=parent, ident=ident)

    # -- main thread ---------------------------------------------------------------------------------------------------

    def begin(self, thread: str, turn: int, prompt: str, max_steps: int) -> None:
        """Begin a turn."""
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

    def step(self, record: Json, agent: Activity | None = None) -> None:
        """Replace the record of a step; `agent` is the agent's activity from now on, None if it stays."""
        with self._lock:
            if self._turn is None:
                return
            self._turn["step"] = record["number"]
            steps = self._threads[self._turn["thread"]][-1]["steps"]
            label = one_line(record["thought"] or record["code"], 120)
            entry = {name: record[name] for name in ("id", "number", "title", "status", "ok") if name in record}
            if steps and steps[-1]["id"] == record["id"]:
                steps.pop()
            steps.append(entry | {"label": label})
            self._changed(agent)

    def end(self, outcome: str, note: str, seconds: float, usage: Json) -> None:
        """End the turn."""
        with self._lock:
            if self._turn is not None:
                entry = self._threads[self._turn["thread"]][-1]
                entry.update(outcome=outcome, note=note, seconds=seconds, usage=usage)
            self._turn = self._pending = None
            self._changed("idle")

    def spent(self, usage: Json) -> None:
        """Note that the turn has used `usage` tokens so far."""
        with self._lock:
            if self._turn is not None:
                self._turn["usage"] = usage
                self._changed(None)

    def ask(self, record: Json, patience: float, tick: float) -> Json | None:
        """Wait for the user's decision about a step, and return it as the page sent it.

        Return None if no page comes within `patience` seconds. A page that has been seen in this kernel may come back
        at any time: then only a decision or an interrupt ends the waiting. If no page came once, none is waited for
        again until one says hello.
        """
        if self._alone and not self.attached:
            return None
        with self._lock:
            self._pending = record
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
                self._decided.append(record["id"])
                self._pending = None
                self._changed("thinking")

    def remarks(self) -> tuple[str, ...]:
        """Return the user's remarks since the last call."""
        with self._lock:
            remarks = tuple(self._remarks)
            self._remarks.clear()
        return remarks

    def offer(self, cells: list[Json]) -> str:
        """Keep `cells` for the page that asks for them, and return the id to ask with."""
        name = os.urandom(8).hex()
        with self._lock:
            self._offer = (name, cells)
            self._accepted.clear()
        return name

    def accepted(self, patience: float, tick: float) -> bool:
        """Wait until a page takes the offered cells, at most `patience` seconds; then withdraw the offer.

        Return whether a page took them.
        """
        deadline = time.monotonic() + patience
        while not self._accepted.wait(tick) and time.monotonic() < deadline:
            pass  # short waits, so that Stop gets through
        with self._lock:
            self._offer = ("", [])
            return self._accepted.is_set()

    # -- control thread ------------------------------------------------------------------------------------------------

    def answer(self, content: Any) -> Json:
        """Return the reply to a request. Never raises; a request that is refused changes nothing."""
        try:
            if not isinstance(content, dict) or not isinstance(content.get("op"), str):
                raise RefusedRequestError("malformed", "The request has no op.")
            with self._lock:
                return {"status": "ok", **self._handled(content, proven=False)}
        except RefusedRequestError as refused:
            return {"status": "error", "reason": refused.reason, "error": str(refused)}

    def _handled(self, content: Json, *, proven: bool) -> Json:
        handler = _HANDLERS.get(content["op"])
        if handler is None:
            raise RefusedRequestError("malformed", f"There is no op {one_line(content['op'], 40)}.")
        if content["op"] in PROVEN and not proven:
            raise RefusedRequestError("unproven", NOT_SIGNED)
        return handler(self, content)

    def _signed(self, content: Json) -> Json:
        """Do what an admitted page has signed."""
        page, text, proof = (_text(content, name, limit) for name, limit in _SIGNED.items())
        request = self._pages.opened(page, text, proof)
        if not isinstance(request, dict) or request.get("op") not in PROVEN:
            raise RefusedRequestError("malformed", "What was signed is no request.")
        return self._handled(request, proven=True)

    def _hello(self, content: Json) -> Json:
        self._pages.greet(_text(content, "page", MOST_TEXT), _text(content, "key", MOST_TEXT))
        name = _text(content, "id", MOST_TEXT, "")
        if name:
            self._check_pending(name)
        if name or not content.get("quiet"):
            self.attached = True
        return {}

    def _here(self, content: Json) -> Json:
        self._pages.here(_text(content, "call", MOST_TEXT))
        return {}

    def _bye(self, content: Json) -> Json:
        self._pages.leave(_text(content, "page", MOST_TEXT))
        return {}

    def _admit(self, content: Json) -> Json:
        self._pages.admit(_text(content, "page", MOST_TEXT), _text(content, "code", MOST_TEXT))
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
            raise RefusedRequestError("malformed", f"There is no decision {one_line(decision, 40)}.")
        code = _text(content, "code", MOST_CODE, None if decision == "approve" else "")
        reason = _text(content, "reason", MOST_TEXT, "")
        everything = content.get("all", False)
        if not isinstance(everything, bool):
            raise RefusedRequestError("malformed", "all is true or false.")
        assert self._pending is not None
        self._decided.append(self._pending["id"])
        self._pending = None  # a second answer comes too late, whichever page sends it
        self.attached = True
        self._decisions.put({"decision": decision, "code": code, "reason": reason, "all": everything})
        self._changed(None)
        return {}

    def _stop(self, content: Json) -> Json:
        if self._turn is None:
            raise RefusedRequestError("idle", IDLE)
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
            raise RefusedRequestError("idle", IDLE)
        if not text.strip():
            raise RefusedRequestError("malformed", "The remark is empty.")
        if len(self._remarks) >= MOST_REMARKS:
            raise RefusedRequestError("full", FULL)
        self._remarks.append(text)
        return {}

    def _insert(self, content: Json) -> Json:
        """Return the offered cells, once."""
        name, cells = self._offer
        if not name or _text(content, "id", MOST_TEXT) != name:
            raise RefusedRequestError("unknown", NO_CELLS)
        self._offer = ("", [])
        self._accepted.set()
        return {"cells": cells}

    def _check_pending(self, name: str) -> None:
        if self._pending is not None and self._pending["id"] == name:
            return
        if name in self._decided:
            raise RefusedRequestError("late", LATE)
        raise RefusedRequestError("unknown", UNKNOWN)

    def _changed(self, agent: Activity | None) -> None:
        self._revision += 1
        if agent is not None and agent != self._agent:
            self._agent = agent
            self._since = time.monotonic()


_HANDLERS: dict[str, Callable[[ControlChannel, Json], Json]] = {
    "signed": ControlChannel._signed,
    "hello": ControlChannel._hello,
    "here": ControlChannel._here,
    "bye": ControlChannel._bye,
    "admit": ControlChannel._admit,
    "state": ControlChannel._state,
    "decide": ControlChannel._decide,
    "stop": ControlChannel._stop,
    "say": ControlChannel._say,
    "insert": ControlChannel._insert,
}


PROVEN = ("decide", "say", "here", "bye", "admit")  # what only an admitted page may ask for
_SIGNED = {"page": MOST_TEXT, "text": MOST_SIGNED, "proof": MOST_TEXT}


def _text(content: Json, name: str, limit: int, default: str | None = None) -> str:
    value = content.get(name, default)
    if not isinstance(value, str):
        raise RefusedRequestError("malformed", f"{name} is a text.")
    if len(value) > limit:
        raise RefusedRequestError("malformed", f"{name} has more than {limit:,} characters.")
    return value


def _interrupt(thread: int) -> None:
    """Interrupt a thread."""
    from ..kernels import signals  # a turn has imported it long before; loading the extension need not

    signals.interrupt(thread)
