"""The user at a page of JupyterLab: what the page is shown of a step, and how it is asked about one.

What is shown goes out as a MIME bundle beside the Markdown of the same step: a page without the extension, or a viewer
of the saved notebook, shows the Markdown. What the user says comes in through the control channel.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from ..formats import Reading
from ..session import Decision, Json, Step, Turn, Usage
from .captions import footer
from .control_channel import ControlChannel

MIME = "application/vnd.codeact.step+json"
PATIENCE = 3.0  # seconds in which a page has to greet the first step that is asked about in a kernel
TICK = 0.05  # seconds between two looks into the box: how fast Stop works


class StepRecords:
    """The step under way as a page is shown it (`record`), told to the control channel as it changes."""

    def __init__(self, channel: ControlChannel) -> None:
        self.channel = channel
        self.record: Json = {}
        self._constant: Json = {}

    def begin(self, thread: str, turn: int, prompt: str, model: str, max_steps: int) -> None:
        """Turn number `turn` of a thread begins."""
        self._spent = Usage()
        self._prefix = os.urandom(6).hex()
        self._constant = {"version": 1, "thread": thread, "turn": turn, "model": model}
        self.channel.begin(thread, turn, prompt, max_steps)

    def end(self, turn: Turn) -> None:
        """The turn is over."""
        self.channel.end(turn.outcome, turn.note, turn.seconds, usage_json(turn.usage))

    def thinking(self, number: int, title: str = "") -> None:
        """Step `number` begins; `title` is what it is called where "step" is not the word."""
        self.record = {
            **self._constant,
            **({"title": title} if title else {}),
            "id": f"{self._prefix}-{number}",
            "number": number,
            "status": "thinking",
            "ok": None,
            **dict.fromkeys(("thought", "reasoning", "code", "ran", "why", "decision", "by", "reason", "footer"), ""),
            "findings": [],
            "notes": [],
            "usage": usage_json(Usage()),
            "seconds": {"model": 0.0, "decision": 0.0, "run": 0.0},
        }
        self.channel.step(self.record, "thinking")

    def streaming(self, text: str, reasoning: str, notes: list[str]) -> None:
        """The reply has come as far as `text`."""
        self._change(thought=text, reasoning=reasoning, notes=notes)

    def proposed(self, reading: Reading) -> None:
        """The reply is complete."""
        code = reading.action.code if reading.action else ""
        thought = reading.thought or reading.fault
        self._change(thought=thought, reasoning=reading.reasoning, code=code, status="running" if code else "answer")
        self.channel.step(self.record, "running" if code else "thinking")

    def pending(self, findings: tuple[str, ...], why: str) -> Json:
        """The user is asked."""
        self._change(status="pending", findings=list(findings), why=why)
        self.channel.step(self.record, "waiting")
        return self.record

    def decided(self, decision: Decision) -> None:
        """The user has answered."""
        status = {"approve": "running", "edit": "running", "reject": "rejected", "stop": "stopped"}[decision.verdict]
        self._change(status=status, **_decision_json(decision, self.record["code"]))
        self.channel.step(self.record, "running" if decision.runs else "thinking")

    def finished(self, number: int, step: Step) -> None:
        """The step is over."""
        seconds = {
            "model": step.reply.seconds,
            "decision": step.decision.seconds if step.decision else 0.0,
            "run": step.observation.seconds if step.observation else 0.0,
        }
        self._change(
            status=_status(step),
            ok=step.observation.status == "ok" if step.observation else None,
            usage=usage_json(step.reply.usage),
            seconds=seconds,
            footer=footer(self.record.get("title") or f"step {number}", step) if step.observation_message else "",
            **(_decision_json(step.decision, self.record["code"]) if step.decision else {}),
        )
        self.channel.step(self.record)
        self._spent += step.reply.usage
        self.channel.spent(usage_json(self._spent))

    def broken_off(self) -> None:
        """The turn ended in the middle of the step."""
        if self.record.get("status") in ("thinking", "pending", "running"):
            self._change(status="stopped")
            self.channel.step(self.record)

    def bundle(self) -> Json:
        """Return the step as it stands, by MIME type."""
        return {MIME: self.record} if self.record else {}

    def _change(self, **fields: object) -> None:
        # A new record each time: the control thread may be reading the one before.
        self.record = {**self.record, **fields}


class LabPageAsker:
    """Asks the user at a page, if there is one; `show` publishes what has become of the step."""

    def __init__(self, channel: ControlChannel, records: StepRecords, show: Callable[[], None]) -> None:
        self._channel, self._records, self._show = channel, records, show

    @property
    def attached(self) -> bool:
        """Whether a page with buttons has been seen in this kernel."""
        return self._channel.attached

    def ask(self, number: int, reading: Reading, findings: tuple[str, ...], why: str) -> tuple[Decision, bool] | None:
        """Return the user's decision, and whether it holds for the rest of the turn; None where there is no page."""
        assert reading.action is not None
        pending = self._records.pending(findings, why)
        self._show()
        said = self._channel.ask(pending, PATIENCE, TICK)
        if said is None:
            return None
        decision = _decision(said, reading.action.code)
        self._records.decided(decision)
        self._show()
        return decision, said["all"] and decision.runs


def _decision(said: Json, proposed: str) -> Decision:
    if said["decision"] == "reject":
        return Decision("reject", reason=said["reason"].strip())
    if said["decision"] == "stop":
        return Decision("stop")
    return Decision("approve" if said["code"] == proposed else "edit", said["code"])


def _decision_json(decision: Decision, proposed: str) -> Json:
    ran = decision.code if decision.runs and decision.code != proposed else ""
    findings = {"findings": list(decision.findings)} if decision.findings else {}
    return {"decision": decision.verdict, "by": decision.by, "reason": decision.reason, "ran": ran, **findings}


def _status(step: Step) -> str:
    if step.decision and not step.decision.runs:
        return "rejected" if step.decision.verdict == "reject" else "stopped"
    if step.observation:
        return "done"
    return "skipped" if step.observation_message else "answer"


def usage_json(usage: Usage) -> Json:
    """Return a usage as the page is shown it."""
    return {
        "prompt": usage.prompt,
        "cached": usage.cached,
        "completion": usage.completion,
        "estimated": usage.estimated,
    }
