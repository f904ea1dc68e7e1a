"""Messages and a saved session as the kernel makes them, for the tests of the pages: see protocol.py."""

from __future__ import annotations

import json
from unittest.mock import patch

from codeact_magic.formats import Reading
from codeact_magic.frontends import control_channel, lab_page
from codeact_magic.risk import hidden
from codeact_magic.session import Action, Cell, Decision, Json, Observation, Reply, Session, Step, Turn, Usage
from codeact_magic.sessions.saving.to_notebook import to_notebook

from .signing import SigningPage

# -- step records and requests -----------------------------------------------------------------------------------------

_PROPOSED = Reading(thought="I look.", action=Action("x = 1"), reasoning="Hm.")
_REPLY = Reply("I look.", usage=Usage(812, 700, 45, True, 0.0021), seconds=1.5, model="m")
_APPROVED = Decision("approve", "x = 1", seconds=2.0, findings=("writes a.csv",))
_FINISHED = Step(_REPLY, "I look.", Action("x = 1"), _APPROVED, None, "s", "h")
_REJECTED = Step(_REPLY, "I look.", Action("x = 1"), Decision("reject", reason="no"), None, "s", "h")
_FINAL = Step(_REPLY, "Done.")
_NO_MODEL = Step(Reply(""), "", Action("x = 1"), _APPROVED, observation_message="h", stands_alone=True)


class Channel:
    """A kernel that is at work, and a page that asks it. `steps` and `requests` are what went between them."""

    def __init__(self) -> None:
        self.steps: dict[str, Json] = {}
        self.requests: list[tuple[Json, Json]] = []
        self._channel = control_channel.ControlChannel(interrupt=lambda: None)
        self._channel._decisions = self  # type: ignore[assignment]
        self._records = lab_page.StepRecords(self._channel)
        self._page = SigningPage()
        self._decision: Json = {}
        self._sent: Json = {}

    def play(self) -> None:
        """Take a turn, a replay and a consent through every status that a step can have."""
        names = (bytes([number] * 8) for number in range(100))
        with (
            patch("os.urandom", lambda size: next(names)[:size]),
            patch("time.monotonic", lambda: 0.0),
        ):
            self._request({"op": "stop"})
            self._request({"op": "hello", "quiet": True})
            self._channel.answer(SigningPage("page0002").hello())
            self._request({"op": "here", "call": bytes([1] * 8).hex()})
            self._request({"op": "admit", "page": "page0002", "code": "0000"})
            self._request({"op": "bye", "page": "page0002"})
            self._turn()
            self._replay()
            self._consent()
            state = self._request({"op": "state"})
            self._request({"op": "state", "since": state["revision"]})
            self._request({"op": "insert", "id": self._channel.offer([{"cell_type": "code", "source": "x = 1"}])})
            self._request({"op": "insert", "id": "gone"})

    def _turn(self) -> None:
        self._channel.settings = {"approve": "ask", "session": "codeact-sessions/a.ipynb"}
        self._records.begin("main", 1, "Look", "m", 1)
        self._records.thinking(1)
        self._keep("thinking")
        self._records.streaming("I lo", "H", ["again"])
        self._keep("streaming")
        self._request({"op": "say", "text": "a remark"})
        self._ask(1, {"op": "decide", "decision": "approve", "code": "x = 2", "all": False})
        self._finish(1, "ok", Observation("ok", seconds=0.1))
        self._ask(2, {"op": "decide", "decision": "approve", "code": "x = 1", "all": True})
        self._finish(2, "error", Observation("error", line="line 1: x"))
        self._ask(3, {"op": "stop"})
        self._finish(3, "interrupted", Observation("interrupted", note="Stopped."))
        self._ask(4, {"op": "decide", "decision": "reject", "reason": "no"})
        self._records.finished(
            4, Step(_REPLY, "I look.", Action("x = 1"), Decision("reject", reason="no"), observation_message="h")
        )
        self._keep("rejected")
        self._propose(5)
        self._records.finished(5, Step(_REPLY, "I look.", Action("x = 1"), observation_message="The same code again."))
        self._keep("skipped")
        self._propose(6)
        self._records.broken_off()
        self._keep("stopped")
        self._records.thinking(7)
        self._records.proposed(Reading(thought="Done."))
        self._records.finished(7, _FINAL)
        self._keep("answer")
        self._records.end(Turn("Look", steps=(_FINISHED, _FINAL), outcome="answered", seconds=3.0))

    def _replay(self) -> None:
        self._records.begin("replay of Look", 1, "Look", "", 2, of="replay")
        self._records.thinking(1, "action 1")
        self._records.proposed(_PROPOSED)
        self._keep("replay")
        self._records.finished(1, _NO_MODEL)
        self._records.end(Turn("Look", steps=(_NO_MODEL,), outcome="failed"))

    def _consent(self) -> None:
        self._records.begin("main", 1, "This runs elsewhere.", "", 1, of="consent")
        self._records.thinking(1, "the session")
        self._ask(1, {"op": "decide", "decision": "approve", "code": "x = 1", "all": False}, begin=False)
        self._records.finished(1, _NO_MODEL)
        self._keep("consent")
        self._records.end(Turn("This runs elsewhere.", outcome="answered"))

    def _propose(self, number: int) -> None:
        self._records.thinking(number)
        self._records.proposed(_PROPOSED)

    def _ask(self, number: int, decision: Json, *, begin: bool = True) -> None:
        """Have the page answer a step with `decision`."""
        if begin:
            self._records.thinking(number)
        self._records.proposed(_PROPOSED)
        pending = self._records.pending(("writes a.csv",), "writes a.csv")
        self._keep(f"pending {pending['of']} {number}")
        names = {"id": pending["id"]} if decision["op"] == "decide" else {}
        self._sent = decision | names
        said = self._channel.ask(pending, patience=0.0, tick=0.0)
        assert said is not None
        self._records.decided(lab_page._decision(said, "x = 1"))
        self._keep(f"decided {pending['of']} {number}")

    # What the main thread waits on: the page looks at the state and decides.

    def empty(self) -> bool:
        return True

    def put(self, decision: Json) -> None:
        self._decision = decision

    def get(self, timeout: float) -> Json:
        pending = self._request({"op": "state"})["pending"]
        self._request({"op": "hello", "id": pending["id"]})
        self._request(self._sent)
        if self._sent["op"] == "decide":
            self._request(self._sent)
        return self._decision

    def _finish(self, number: int, ended: str, observation: Observation) -> None:
        decision = Decision("edit", "x = 2") if number == 1 else _APPROVED
        step = Step(_REPLY, "I look.", Action("x = 1"), decision, observation, observation_message="h")
        self._records.finished(number, step)
        self._keep(ended)

    def _keep(self, name: str) -> None:
        self.steps[name] = self._records.record

    def _request(self, content: Json) -> Json:
        content = self._page.signed(content)
        reply = self._channel.answer(content)
        self.requests.append((content, json.loads(json.dumps(reply))))
        return reply


# -- a saved session ---------------------------------------------------------------------------------------------------

CELL_STEPS = [
    ["done", "ok", "approve"],
    ["done", "error", "edit"],
    ["done", "interrupted", "approve"],
    ["rejected", None, "reject"],
    ["answer", None, ""],
]


def saved_session() -> tuple[Json, list[Json]]:
    """Return the metadata of a session notebook that has every kind of cell, and its cells."""
    steps = (
        _saved(_APPROVED, Observation("ok", seconds=0.1)),
        _saved(Decision("edit", "x = 2"), Observation("error", line="line 1: x")),
        _saved(_APPROVED, Observation("interrupted", note="Stopped.")),
        _REJECTED,
        _FINAL,
    )
    cells = (Cell("mine"), Cell("other", failed=True, earlier=True))
    turn = Turn("Look", cells=cells, steps=steps, outcome="answered", model="m", seconds=3.0)
    limit = Turn("Again", outcome="limit", note="At the limit.", model="m")
    session = Session("a1", started="2026-01-02T03:04:05+00:00", home="..", turns=(turn, limit))
    made = to_notebook(session)
    cells_json = [{"metadata": cell.metadata.get("codeact"), "source": cell.source} for cell in made.cells]
    return made.metadata["codeact"], cells_json


def _saved(decision: Decision, observation: Observation) -> Step:
    return Step(_REPLY, "I look.", Action("x = 1"), decision, observation, "s", "h")


# -- code that does not read as it runs --------------------------------------------------------------------------------

CODES = [
    "total = sum(values)  # fine",
    "x = 'a\u202eb'",
    "x\u200b = 1",
    "print('👩\u200d🔬')",
    "p\u0430yload = 1",
    "max_\u0430 = 1",
    "цена = Δx",
    "\uff45val(x)",
    f"x = 1{' ' * (hidden.GAP - 1)}; y = 2",
    f"x = 1{' ' * hidden.GAP}; y = 2",
    f"x = 1{' ' * hidden.GAP}# y = 2",
    f"if x:\n{' ' * (hidden.INDENT - 1)}y = 2",
    f"if x:\n{' ' * hidden.INDENT}y = 2",
    "x = 1" + "\n" * hidden.BLANK_LINES + "y = 2",
    "x = 1" + "\n" * (hidden.BLANK_LINES + 1) + "y = 2",
]
