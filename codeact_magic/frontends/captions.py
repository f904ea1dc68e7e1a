"""The words that notebooks and terminals have in common: the lines below steps and turns, tables, numbered code."""

from __future__ import annotations

from collections.abc import Sequence

from ..session import VERDICT_WORDS, Decision, Step, Turn, Usage
from ..text import one_line, visible


def step_name(number: int, title: str = "") -> str:
    """Return the name of a step: its title, or "step 3" if it has none."""
    return title or f"step {number}"


def footer(name: str, step: Step) -> str:
    """Return the line below a step: the decision, how the run ended, the cost."""
    parts = [name, *_decided(step.decision), *_went(step)]
    if step.stands_alone:
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


def waiting_line(seconds: float, doing: str = "thinking") -> str:
    """Return the line that is shown while nothing comes from the model."""
    return f"{doing} … {seconds:.0f} s"


def barred(lines: Sequence[str], bar: str = "|") -> list[str]:
    """Return lines of code as plain text that is set off from prose by a bar."""
    return [f"  {bar} {line}" for line in lines]


def numbered(code: str) -> str:
    """Return code with its lines numbered and its hidden characters visible."""
    return "\n".join(f"{number:3} {line}" for number, line in enumerate(visible(code).split("\n"), 1))


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return rows as lines with aligned columns; the columns whose indices are in `right` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _decided(decision: Decision | None) -> list[str]:
    if decision is None:
        return []
    by = "" if decision.by == "user" else f" by {decision.by}"
    reason = f": {one_line(decision.reason, 120)}" if decision.reason else ""
    return [f"{VERDICT_WORDS[decision.verdict]}{by}{reason}"]


def _went(step: Step) -> list[str]:
    observation = step.observation
    if observation is None:
        is_repeated = step.action and step.observation_message and not step.decision
        return ["not run: the same code again"] if is_repeated else []
    ended = "" if observation.status == "ok" else observation.status
    went = [ended, f"ran {observation.seconds:.1f} s", observation.note.rstrip(".")]
    return [one_line(text, 200) for text in went if text]
