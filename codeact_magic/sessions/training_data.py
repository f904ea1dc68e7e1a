"""Sessions as training data, and back: one JSON object per line.

    codeactinstruct   {"id", "conversations": [{"role", "content"}, ...]}: actions between <execute> tags; the
                      observation is a user message that begins with "Execution Output:" (CodeActInstruct: Wang et al.,
                      ICML 2024)
    openai            {"messages": [...]}: chat completions as the model was sent them, without the example turns

An import restores prompts, thoughts, code, observation messages and answers. Neither layout holds the rest: figures,
the user's own cells, tokens, times, who decided. Unusable replies are left out of an export. Secrets are masked with
*** in both directions.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from .. import formats
from ..context import IMAGES, UNFINISHED, edited, preface, turn_messages, wording
from ..errors import SessionError
from ..kernels.sent.namespace import HEADING
from ..session import IMPORTED, Decision, Json, Observation, Reply, Session, Step, ToolCall, Turn
from ..text import mask_all, storable

Layout = Literal["codeactinstruct", "openai"]
OUTPUT = "Execution Output:"
_SUMMARY = f"\n\n{HEADING}"  # separates a prompt from the namespace summary


def export(session: Session, layout: Layout, secrets: Sequence[str] = ()) -> str:
    """Return `session` as one line of JSON, without `secrets`."""
    turns = [_usable(turn) for turn in session.turns]
    if layout == "openai":
        record: Json = {"messages": [*preface(_format(session))[:1], *_joined(turns, turn_messages)]}
    else:
        system = {"role": "system", "content": preface("execute")[0]["content"]}
        record = {"id": session.id, "conversations": [system, *_joined(turns, _conversation)]}
    return storable(json.dumps(mask_all(record, _forms(secrets)), ensure_ascii=False))


def read(lines: Iterable[str], secrets: Sequence[str] = ()) -> Iterator[tuple[int, Session | SessionError]]:
    """Yield the number and the session of each line in either layout; an error for a line that cannot be read."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, parse(line, secrets)
            except SessionError as error:
                yield number, error


def is_record(line: str) -> bool:
    """Return whether `line` looks like a line that `export` writes."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and bool({"conversations", "messages"} & set(record))


def parse(line: str, secrets: Sequence[str] = ()) -> Session:
    """Return the session that one line of JSON holds, in either layout, without `secrets`. Raises SessionError."""
    try:
        record = mask_all(json.loads(line), _forms(secrets))
    except (ValueError, RecursionError) as error:
        raise SessionError(f"this is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise SessionError(f"this is not a JSON object, but {reprlib.repr(record)}")
    messages = record.get("conversations", record.get("messages"))
    if not isinstance(messages, list) or not messages:
        raise SessionError('there are no "conversations" and no "messages"')
    name = record.get("id")
    known = isinstance(name, str | int) and str(name).strip()
    session_id = storable(str(name)) if known else hashlib.sha256(line.strip().encode("utf-8", "replace")).hexdigest()
    turns = tuple(_turns([_message(message, number) for number, message in enumerate(messages, 1)]))
    if not turns:
        raise SessionError("there is no message of a user in it")
    return Session(id=session_id[:200], turns=turns)


def _forms(secrets: Sequence[str]) -> tuple[str, ...]:
    """Return `secrets`, both as they are and as they stand in the JSON of a tool call's arguments."""
    forms = set(secrets)
    for secret in secrets:
        forms.add(json.dumps(secret, ensure_ascii=True)[1:-1])
        forms.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return tuple(forms)


# -- a session as messages ---------------------------------------------------------------------------------------------


def _format(session: Session) -> Any:
    return session.turns[-1].format if session.turns else "fence"


def _usable(turn: Turn) -> Turn:
    """Return `turn` without the steps whose reply could not be used."""
    answer = turn.steps[-1] if turn.outcome == "answered" and turn.steps else None
    steps = [step for step in turn.steps if step.action or not step.observation_message or step is answer]
    return replace(turn, steps=tuple(steps))


def _joined(turns: list[Turn], messages: Callable[[Turn], Iterator[Json]]) -> Iterator[Json]:
    """Yield the messages of all `turns`, with `UNFINISHED` between a turn without an answer and the next turn."""
    for number, turn in enumerate(turns):
        role = ""
        for message in messages(turn):
            role = message["role"]
            yield message
        if role != "assistant" and number < len(turns) - 1:
            yield {"role": "assistant", "content": UNFINISHED}


def _conversation(turn: Turn) -> Iterator[Json]:
    yield {"role": "user", "content": f"{turn.prompt}\n\n{turn.context}" if turn.context else turn.prompt}
    for step in turn.steps:
        yield {"role": "assistant", "content": _content(step)}
        if step.observation_message:
            ran = step.action and step.decision and step.decision.runs
            content = f"{OUTPUT}\n{step.observation_message}" if ran else step.observation_message
            yield {"role": "user", "content": content}


def _content(step: Step) -> str:
    if step.action is None:
        return step.thought
    for kind in ("execute", "fence"):  # code that contains the closing tag cannot stand between tags
        content: str = formats.write(step.thought, step.action.code, kind)["content"].strip("\n")
        reading = formats.read(Reply(content), "execute")
        if reading.action and reading.action.code == step.action.code:
            break
    return content


# -- messages as a session ---------------------------------------------------------------------------------------------

_ROLES = {"human": "user", "gpt": "assistant", "developer": "system"}  # other names of the roles


def _message(message: Any, number: int) -> tuple[str, str, tuple[ToolCall, ...]]:
    """Return the role, the text and the tool calls of a chat message. Raises SessionError."""
    where = f"message {number}"
    if not isinstance(message, dict):
        raise SessionError(f"{where} is not an object, but {reprlib.repr(message)}")
    role = message.get("role", message.get("from"))
    if isinstance(role, str):
        role = _ROLES.get(role, role)
    if role not in ("system", "user", "assistant", "tool"):
        raise SessionError(f"{where} has the unknown role {reprlib.repr(role)}")
    content = message.get("content", message.get("value"))
    calls = tuple(_call(call, where) for call in _list(message.get("tool_calls"), f"{where}: tool_calls"))
    return role, storable(_text(content, where)), calls


def _text(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = [part.get("text") for part in _list(content, f"{where}: content") if isinstance(part, dict)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise SessionError(f"{where} is not a list, but {reprlib.repr(value)}")
    return value


def _call(call: Any, where: str) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    texts = [call.get("id"), function.get("name"), function.get("arguments")] if isinstance(function, dict) else []
    if len(texts) != 3 or not all(isinstance(text, str) for text in texts):
        raise SessionError(f"{where} has a tool call that cannot be read: {reprlib.repr(call)}")
    return ToolCall(*map(storable, texts))


def _turns(messages: list[tuple[str, str, tuple[ToolCall, ...]]]) -> Iterator[Turn]:
    turn: Turn | None = None
    for role, text, calls in messages:
        if role == "system":
            continue
        if role == "assistant":
            if turn is None:
                raise SessionError("the assistant speaks before the user does")
            if text != UNFINISHED:
                turn = _with_reply(turn, text, calls)
        elif text.startswith(IMAGES):
            continue  # a session has images only among the outputs of a kernel
        elif turn is not None and _waits(turn):
            turn = replace(turn, steps=(*turn.steps[:-1], _observed(turn.steps[-1], text)))
        else:
            if turn is not None:
                yield _ended(turn)
            prompt, found, context = text.partition(_SUMMARY)
            turn = Turn(prompt=prompt, context=(found + context).strip("\n"), model=IMPORTED, approve="")
    if turn is not None:
        yield _ended(turn)


def _with_reply(turn: Turn, text: str, calls: tuple[ToolCall, ...]) -> Turn:
    reply = Reply(text, tool_calls=calls)
    reading = formats.read(reply, "execute")
    format = reading.action.format if reading.action else turn.format
    step = Step(reply, thought=reading.thought, action=reading.action, assistant_message=reading.assistant_message)
    return replace(turn, steps=(*turn.steps, step), format=format)


def _waits(turn: Turn) -> bool:
    """Return whether the last step is an action without an observation message."""
    return bool(turn.steps) and turn.steps[-1].action is not None and not turn.steps[-1].observation_message


def _observed(step: Step, text: str) -> Step:
    """Return `step` with the observation that its message tells of."""
    action = step.action
    assert action is not None
    if text.startswith(wording.NEVER_RAN):
        return replace(step, observation_message=text, decision=Decision("reject", by=IMPORTED))
    output = text.removeprefix(OUTPUT).removeprefix("\n")
    change = edited(action.code, output)
    code, shown = change or (action.code, output)
    decision = Decision("edit" if change else "approve", code, by=IMPORTED)
    return replace(step, observation_message=output or "(nothing)", decision=decision, observation=_observation(shown))


_ERROR = re.compile(
    rf"(?:^|\n){re.escape(wording.RAISED)}\n(?P<name>[\w.]+)?(?:: )?(?P<value>.*?)(?:\nat (?P<line>line \d+: [^\n]*))?"
    rf"\n{re.escape(wording.ADVICE)}",
    re.DOTALL,
)


def _observation(output: str) -> Observation:
    """Return the observation that an observation message describes."""
    error = _ERROR.search(output)
    failed = any(sign in output for sign in (wording.RAISED, "Traceback (most recent call last)"))
    shown = (output[: error.start()] if error else output).removeprefix(wording.OUTPUT)
    outputs: list[Json] = []
    if shown and not shown.startswith(wording.SILENT):
        outputs.append({"output_type": "stream", "name": "stdout", "text": shown})
    if error:
        name = error["name"] or "Error"
        outputs.append({"output_type": "error", "ename": name, "evalue": error["value"], "traceback": []})
    return Observation("error" if failed else "ok", tuple(outputs), line=(error and error["line"]) or "")


def _ended(turn: Turn) -> Turn:
    answered = bool(turn.steps) and turn.steps[-1].action is None
    note = "" if answered else "The conversation that was imported ends here without an answer."
    return replace(turn, outcome="answered" if answered else "stopped", note=note)
