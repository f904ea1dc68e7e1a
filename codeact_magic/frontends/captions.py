"""The lines that stand below steps and turns, in a notebook and in a terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from ..session import Decision, Reply, Step, Turn, Usage
from ..text import one_line, visible

_VERDICTS = {"approve": "approved", "edit": "edited", "reject": "rejected", "stop": "stopped"}
_STATUSES = {"error": "error", "aborted": "interrupted"}


def footer(name: str, step: Step) -> str:
    """Return the line below a step: what was decided, how it went, what it cost."""
    parts = [name, *_decided(step.decision), *_went(step)]
    if step.reply == Reply(""):  # replayed: no model had a part in it
        return " · ".join(parts)
    return " · ".join([*parts, f"model {step.reply.seconds:.1f} s", tokens(step.reply.usage)])


def turn_line(turn: Turn) -> str:
    """Return the line below a turn: its steps, tokens and seconds."""
    return " · ".join([counted(len(turn.steps), "step"), tokens(turn.usage), f"{turn.seconds:.1f} s"])


def tokens(usage: Usage) -> str:
    """Return a usage as text, e.g. "812 tokens in (700 cached), 45 out"."""
    about = "about " if usage.estimated else ""
    cached = f" ({usage.cached:,} cached)" if usage.cached else ""
    return f"{about}{usage.prompt:,} tokens in{cached}, {usage.completion:,} out"


def counted(number: int, noun: str) -> str:
    """Return "1 step", "2 steps"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def numbered(code: str) -> str:
    """Return code with its lines numbered, everything in it visible."""
    return "\n".join(f"{number:3} {line}" for number, line in enumerate(visible(code).split("\n"), 1))


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return rows as lines whose cells stand below each other, those of the columns `right` flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )
    return [line.rstrip() for line in lines]


def _decided(decision: Decision | None) -> list[str]:
    if decision is None:
        return []
    by = "" if decision.by == "user" else f" by {decision.by}"
    reason = f": {one_line(decision.reason, 120)}" if decision.reason else ""
    return [f"{_VERDICTS[decision.verdict]}{by}{reason}"]


def _went(step: Step) -> list[str]:
    observation = step.observation
    if observation is None:
        return (
            ["not run: the same code again"] if step.action and step.observation_message and not step.decision else []
        )
    went = [_STATUSES.get(observation.status, ""), f"ran {observation.seconds:.1f} s", observation.note.rstrip(".")]
    return [one_line(text, 200) for text in went if text]
