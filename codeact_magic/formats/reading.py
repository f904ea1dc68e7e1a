"""Reads a reply: as an action, an answer, or a fault that the model is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..session import Action, Format, Reply
from ..text import clip
from .actions import find, scan
from .calls import answer_in, code_in
from .marks import ANSWER, without_end
from .reasoning import is_settled, split_reasoning


@dataclass(frozen=True)
class Reading:
    """A reply, understood. Without action and fault, `thought` is the answer.

    `assistant_message` is the part of the reply that stays in the conversation; `fault` tells the model why the reply
    cannot be used.
    """

    thought: str
    action: Action | None = None
    assistant_message: str = ""
    reasoning: str = ""
    fault: str = ""


CUT_OFF = (
    "Your reply was cut off before the code was complete, so nothing was run. Write shorter code, or do it in "
    "smaller steps."
)
EMPTY = "Your reply was empty. Either write code to run, or answer the question in words."
NO_CODE = "There was no code in your reply where there should be some. Either write code to run, or answer in words."
NO_JSON = 'Your reply could not be read. Write one JSON object with "thought", and with "code" or "answer".'
UNREADABLE = (
    "Where your code ends cannot be told, since it holds what ends code (a line of ```, or a closing tag), so nothing "
    "was run. Write it again between lines of ~~~~ (~~~~python, and ~~~~ behind it)."
)
_ENDINGS = "`~}/|"  # one of them is in the end of each action
_MOST_KEPT = 4_000  # characters of a reply that cannot be used


def read(reply: Reply, expected: Format = "fence") -> Reading:
    """Find the first action in `reply`, in any format. Never raises.

    `expected` only decides whether JSON without code is an answer or a text like any other.
    """
    inline, text = split_reasoning(reply.text)
    reading = _read_call(reply, text) if reply.tool_calls else _read_text(text, reply.finish, expected)
    return replace(reading, reasoning="\n".join(filter(None, [reply.reasoning.strip(), inline])))


def enough(text: str) -> int | None:
    """Return the position after which an unfinished reply may be cut: its first action is complete and text follows.

    Return None as long as the action may go on, or may turn out to be reasoning, or if nothing follows it.
    """
    if not any(character in text for character in _ENDINGS) or not is_settled(text):
        return None
    rest = split_reasoning(text)[1]
    found = find(rest)
    if found is None or not found.code or not found.sure:
        return None
    end = len(text) - len(rest) + found.end
    return end if text[end:].strip() else None


# -- native tool calls and plain answers -------------------------------------------------------------------------------


def _read_call(reply: Reply, text: str) -> Reading:
    call = reply.tool_calls[0]
    code = code_in(without_end(call.arguments))
    if reply.finish == "length" or not code:
        return _faulty(text, CUT_OFF if reply.finish == "length" else NO_CODE)
    words = without_end(text)
    return Reading(thought=words.strip(), action=Action(code, "tools", call.id), assistant_message=words)


def _read_text(text: str, finish: str, expected: Format) -> Reading:
    whole = finish in ("stop", "tool_calls")  # the model ended it; otherwise only code that is surely complete counts
    if expected == "json" and (answer := answer_in(text)):
        message = text[: answer[1]].strip()
        return Reading(thought=answer[0], assistant_message=message) if answer[0] else _faulty(text, NO_JSON, "")
    found, answer_text = scan(text)
    if found and found.code and (found.sure or whole):
        return Reading(
            thought=found.thought, action=Action(found.code, found.format), assistant_message=found.assistant_message
        )
    if found and found.unreadable and whole:
        return _faulty(text, UNREADABLE, found.thought)
    if found:
        return _faulty(text, NO_CODE if whole else CUT_OFF, found.thought)
    answer_text = without_end(answer_text).strip()
    if tagged := ANSWER.fullmatch(answer_text):
        answer_text = tagged[2].strip()
    if not answer_text:
        return _faulty(text, CUT_OFF if finish == "length" else EMPTY)
    if answer_text.startswith("{") and (expected == "json" or finish == "length"):
        return _faulty(text, CUT_OFF if finish == "length" else NO_JSON)
    return Reading(thought=answer_text, assistant_message=answer_text)


def _faulty(text: str, fault: str, thought: str | None = None) -> Reading:
    message = clip(without_end(text).strip(), _MOST_KEPT)
    return Reading(thought=message if thought is None else thought, assistant_message=message, fault=fault)
