"""A lab page, which shows a step with buttons: the record of the step, and the question about it.

The record is published as a MIME bundle, beside the Markdown of the same step. A page without the extension shows the
Markdown, and so does a viewer of the saved notebook. Decisions and remarks come in on the control channel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Literal

from ..formats import Reading
from ..session import Decision, Json, Occasion, Step, Turn, Usage
from ..text import storable
from .captions import footer, step_name
from .control_channel import ControlChannel
from .front_end import TurnListener

MIME = "application/vnd.codeact.step+json"
INSERT_MIME = "application/vnd.codeact.insert+json"
PATIENCE = 3.0  # seconds in which a page must say hello to the first step that is asked about in a kernel
TICK = 0.05  # seconds between two looks for a decision: how fast Stop works
VERSION = 1  # of the step record; a record with new keys keeps it, so that older pages can show it

StepStatus = Literal["thinking", "pending", "running", "done", "rejected", "stopped", "skipped", "answer"]


class StepRecords(TurnListener):
    """Keeps the record of the step under way, and passes each change to the control channel."""

    def __init__(self, channel: ControlChannel) -> None:
        self.channel = channel
        self.record: Json = {}
        self._constant: Json = {}

    def configure(self, approve: str, session: str) -> None:
        """Take note of the approval mode and of the path that the session is saved in ("" if it is not saved)."""
        self.channel.settings = {"approve": approve, "session": session}

    def remarks(self) -> Sequence[str]:
        """Return the user's remarks since the last call."""
        return self.channel.remarks()

    def begin(self, thread: str, turn: int, prompt: str, model: str, max_steps: int, *, of: Occasion = "turn") -> None:
        """Begin turn number `turn` of a thread, or a replay or a consent, which is shown like a turn."""
        self._spent = Usage()
        self._prefix = os.urandom(6).hex()
        self._constant = {"version": VERSION, "thread": thread, "turn": turn, "of": of, "model": model}
        self.channel.begin(thread, turn, prompt, max_steps)

    def end(self, turn: Turn) -> None:
        """End the turn."""
        self.channel.end(turn.outcome, turn.note, turn.seconds, usage_json(turn.usage))

    def thinking(self, number: int, title: str = "") -> None:
        """Begin step `number`; `title` is its name if that is not "step N"."""
        self.record = {
            **self._constant,
            **({"title": title} if title else {}),
            "id": f"{self._prefix}-{number}",
            "number": number,
            "status": "thinking",
            "ok": None,
            "ended": None,
            **dict.fromkeys(("thought", "reasoning", "code", "ran", "why", "decision", "by", "reason", "footer"), ""),
            "findings": [],
            "notes": [],
            "usage": usage_json(Usage()),
            "seconds": {"model": 0.0, "decision": 0.0, "run": 0.0},
        }
        self.channel.step(self.record, "thinking")

    def streaming(self, text: str, reasoning: str, notes: list[str]) -> None:
        """Record the reply so far."""
        self._change(thought=text, reasoning=reasoning, notes=notes)

    def proposed(self, reading: Reading) -> None:
        """Record the complete reply."""
        code = reading.action.code if reading.action else ""
        thought = reading.thought or reading.fault
        self._change(thought=thought, reasoning=reading.reasoning, code=code, status="running" if code else "answer")
        self.channel.step(self.record, "running" if code else "thinking")

    def pending(self, findings: tuple[str, ...], why: str) -> Json:
        """Record that the user is asked, and return the record."""
        self._change(status="pending", findings=list(findings), why=why)
        self.channel.step(self.record, "waiting")
        return self.record

    def decided(self, decision: Decision) -> None:
        """Record the user's decision."""
        status = {"approve": "running", "edit": "running", "reject": "rejected", "stop": "stopped"}[decision.verdict]
        self._change(status=status, **_decision_json(decision, self.record["code"]))
        self.channel.step(self.record, "running" if decision.runs else "thinking")

    def finished(self, number: int, step: Step) -> None:
        """Record the result of the step."""
        seconds = {
            "model": step.reply.seconds,
            "decision": step.decision.seconds if step.decision else 0.0,
            "run": step.observation.seconds if step.observation else 0.0,
        }
        self._change(
            status=_status(step),
            ok=step.observation.status == "ok" if step.observation else None,
            ended=step.observation.status if step.observation else None,
            usage=usage_json(step.reply.usage),
            seconds=seconds,
            footer=footer(step_name(number, self.record.get("title", "")), step) if step.observation_message else "",
            **(_decision_json(step.decision, self.record["code"]) if step.decision else {}),
        )
        self.channel.step(self.record)
        self._spent += step.reply.usage
        self.channel.spent(usage_json(self._spent))

    def broken_off(self) -> None:
        """Record that the turn ended in the middle of the step."""
        if self.record.get("status") in ("thinking", "pending", "running"):
            self._change(status="stopped")
            self.channel.step(self.record)

    def bundle(self) -> Json:
        """Return the current record of the step, by MIME type."""
        return {MIME: self.record} if self.record else {}

    def _change(self, **fields: object) -> None:
        # A new record each time: the control thread may be reading the old one.
        self.record = {**self.record, **fields}


class LabPageAsker:
    """Asks the user at a lab page, if one is there. `show` publishes the step with its current record."""

    def __init__(self, channel: ControlChannel, records: StepRecords, show: Callable[[], None]) -> None:
        self._channel = channel
        self._records = records
        self._show = show

    @property
    def attached(self) -> bool:
        """Whether a page with buttons has been seen in this kernel."""
        return self._channel.attached

    def ask(self, number: int, reading: Reading, findings: tuple[str, ...], why: str) -> tuple[Decision, bool] | None:
        """Return the user's decision, and whether it holds for the rest of the turn; None if there is no page."""
        assert reading.action is not None
        pending = self._records.pending(findings, why)
        self._show()
        answer = self._channel.ask(pending, PATIENCE, TICK)
        if answer is None:
            return None
        decision = _decision(answer, reading.action.code)
        self._records.decided(decision)
        self._show()
        return decision, answer["all"] and decision.runs


def _decision(answer: Json, proposed: str) -> Decision:
    if answer["decision"] == "reject":
        return Decision("reject", reason=storable(answer["reason"]).strip())
    if answer["decision"] == "stop":
        return Decision("stop")
    code = storable(answer["code"])  # a page can send half of a surrogate pair
    return Decision("approve" if code == proposed else "edit", code)


def _decision_json(decision: Decision, proposed: str) -> Json:
    ran = decision.code if decision.runs and decision.code != proposed else ""
    findings = {"findings": list(decision.findings)} if decision.findings else {}
    return {"decision": decision.verdict, "by": decision.by, "reason": decision.reason, "ran": ran, **findings}


def _status(step: Step) -> StepStatus:
    if step.decision and not step.decision.runs:
        return "rejected" if step.decision.verdict == "reject" else "stopped"
    if step.observation:
        return "done"
    return "skipped" if step.observation_message else "answer"


def usage_json(usage: Usage) -> Json:
    """Return a usage as JSON for the page."""
    return {
        "prompt": usage.prompt,
        "cached": usage.cached,
        "completion": usage.completion,
        "estimated": usage.estimated,
        "cost": usage.cost,
    }
