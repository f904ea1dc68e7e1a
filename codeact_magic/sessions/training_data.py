"""Sessions as training data, and back: one JSON object a line.

    codeactinstruct   {"id", "conversations": [{"role", "content"}, ...]}: actions between <execute> tags, and what came
                      of them in a user's message that begins with "Execution Output:" (CodeActInstruct: Wang et al.,
                      ICML 2024)
    openai            {"messages": [...]}: chat completions, as the model was sent them, less the example turns

A session comes back with its prompts, thoughts, code, what the model heard, and answers. What neither layout holds is
lost: figures, your own cells, tokens, times, who decided. Replies that could not be used are left out. Secrets go
neither way: *** stands for each.
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
from ..context import IMAGES, UNFINISHED, edited, preface, turn_messages
from ..errors import SessionError
from ..kernels.live.record import masked
from ..session import IMPORTED, Decision, Json, Observation, Reply, Session, Step, ToolCall, Turn
from ..text import storable

Layout = Literal["codeactinstruct", "openai"]
OUTPUT = "Execution Output:"
_NOT_RUN = (  # how the model is told that its code did not run
    "The user rejected this code",
    "The user stopped here",
    "The code was not run",
    "You proposed the same code again",
)
_VARIABLES = "\n\nVariables in the notebook:\n"  # what a summary of the namespace begins with


def export(session: Session, layout: Layout, secrets: Sequence[str] = ()) -> str:
    """Return `session` as one line of JSON, without `secrets`."""
    turns = [_usable(turn) for turn in session.turns]
    if layout == "openai":
        record: Json = {"messages": [*preface(_format(session))[:1], *_joined(turns, turn_messages)]}
    else:
        system = {"role": "system", "content": preface("execute")[0]["content"]}
        record = {"id": session.id, "conversations": [system, *_joined(turns, _conversation)]}
    return storable(json.dumps(masked(record, _forms(secrets)), ensure_ascii=False))


def read(lines: Iterable[str], secrets: Sequence[str] = ()) -> Iterator[tuple[int, Session | SessionError]]:
    """Yield the session of each line in either layout, with the line's number; an error where the line is broken."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, parse(line, secrets)
            except SessionError as error:
                yield number, error


def is_record(line: str) -> bool:
    """Return whether `line` looks like what `export` writes."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and bool({"conversations", "messages"} & set(record))


def parse(line: str, secrets: Sequence[str] = ()) -> Session:
    """Return the session that one line of JSON holds, in either layout, without `secrets`. Raises SessionError."""
    try:
        record = masked(json.loads(line), _forms(secrets))
    except (ValueError, RecursionError) as error:
        raise SessionError(f"this is no JSON ({error})") from None
    if not isinstance(record, dict):
        raise SessionError(f"this is no JSON object, but {reprlib.repr(record)}")
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
    """Return `secrets` as they are, and as the JSON of a tool call's arguments has them."""
    in_json = [json.dumps(secret, ensure_ascii=ascii)[1:-1] for secret in secrets for ascii in (True, False)]
    return tuple({*secrets, *in_json})


# -- a session as messages ---------------------------------------------------------------------------------------------


def _format(session: Session) -> Any:
    return session.turns[-1].format if session.turns else "fence"


def _usable(turn: Turn) -> Turn:
    """Return `turn` without the steps whose reply could not be used."""
    return replace(
        turn,
        steps=tuple(step for step in turn.steps if step.action or not step.observation_message or step is _last(turn)),
    )


def _last(turn: Turn) -> Step | None:
    """Return the step that answers."""
    return turn.steps[-1] if turn.outcome == "answered" and turn.steps else None


def _joined(turns: list[Turn], messages: Callable[[Turn], Iterator[Json]]) -> Iterator[Json]:
    """Yield the messages of all `turns`; where a turn has no answer before the next one begins, that is said."""
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
            yield {
                "role": "user",
                "content": f"{OUTPUT}\n{step.observation_message}" if ran else step.observation_message,
            }


def _content(step: Step) -> str:
    if step.action is None:
        return step.thought
    for kind in ("execute", "fence"):  # code that holds the closing tag itself cannot stand between tags
        content: str = formats.write(step.thought, step.action.code, kind)["content"].strip("\n")
        reading = formats.read(Reply(content), "execute")
        if reading.action and reading.action.code == step.action.code:
            break
    return content


# -- messages as a session ---------------------------------------------------------------------------------------------


def _message(message: Any, number: int) -> tuple[str, str, tuple[ToolCall, ...]]:
    """Return the role, the text and the tool calls of a chat message. Raises SessionError."""
    where = f"message {number}"
    if not isinstance(message, dict):
        raise SessionError(f"{where} is no object, but {reprlib.repr(message)}")
    role = message.get("role", message.get("from"))
    role = (
        {"human": "user", "gpt": "assistant", "developer": "system"}.get(role, role) if isinstance(role, str) else role
    )
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
        raise SessionError(f"{where} is no list, but {reprlib.repr(value)}")
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
            turn = turn if text == UNFINISHED else _said(turn, text, calls)
        elif text.startswith(IMAGES):
            continue  # the layouts hold them, a session's outputs are what the kernel gave
        elif turn is not None and _waits(turn):
            turn = replace(turn, steps=(*turn.steps[:-1], _heard(turn.steps[-1], text)))
        else:
            if turn is not None:
                yield _ended(turn)
            prompt, found, context = text.partition(_VARIABLES)
            turn = Turn(prompt=prompt, context=(found + context).strip("\n"), model=IMPORTED, approve="")
    if turn is not None:
        yield _ended(turn)


def _said(turn: Turn, text: str, calls: tuple[ToolCall, ...]) -> Turn:
    reply = Reply(text, tool_calls=calls)
    reading = formats.read(reply, "execute")
    format = reading.action.format if reading.action else turn.format
    step = Step(reply, thought=reading.thought, action=reading.action, assistant_message=reading.assistant_message)
    return replace(turn, steps=(*turn.steps, step), format=format)


def _waits(turn: Turn) -> bool:
    """Return whether the last step is an action of which nothing was heard yet."""
    return bool(turn.steps) and turn.steps[-1].action is not None and not turn.steps[-1].observation_message


def _heard(step: Step, text: str) -> Step:
    action = step.action
    assert action is not None
    if text.startswith(_NOT_RUN):
        return replace(step, observation_message=text, decision=Decision("reject", by=IMPORTED))
    output = text.removeprefix(OUTPUT).removeprefix("\n")
    change = edited(action.code, output)
    code, shown = change or (action.code, output)
    decision = Decision("edit" if change else "approve", code, by=IMPORTED)
    return replace(step, observation_message=output or "(nothing)", decision=decision, observation=_observation(shown))


_ERROR = re.compile(
    r"(?:^|\n)The code raised an error:\n(?P<name>[\w.]+)?(?:: )?(?P<value>.*?)(?:\nat (?P<line>line \d+: [^\n]*))?"
    r"\nFind the cause, then run corrected code\.",
    re.DOTALL,
)


def _observation(output: str) -> Observation:
    """Return what came of an action, as far as the text that the model was told tells it."""
    error = _ERROR.search(output)
    failed = any(sign in output for sign in ("The code raised an error:", "Traceback (most recent call last)"))
    shown = (output[: error.start()] if error else output).removeprefix("Output:\n")
    outputs: list[Json] = []
    if shown and not shown.startswith("The code ran and printed nothing."):
        outputs.append({"output_type": "stream", "name": "stdout", "text": shown})
    if error:
        name = error["name"] or "Error"
        outputs.append({"output_type": "error", "ename": name, "evalue": error["value"], "traceback": []})
    return Observation("error" if failed else "ok", tuple(outputs), line=(error and error["line"]) or "")


def _ended(turn: Turn) -> Turn:
    answered = bool(turn.steps) and turn.steps[-1].action is None
    note = "" if answered else "The conversation that was imported ends here without an answer."
    return replace(turn, outcome="answered" if answered else "stopped", note=note)
