"""The reader, the scan, the session loader and the control channel, fed with anything, for a bounded time.

Hypothesis makes up the texts. If atheris is installed, it makes up more, led by which lines of code were reached.
"""

from __future__ import annotations

import copy
import json
import queue
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat as untyped_nbformat
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from codeact_magic.errors import SessionError
from codeact_magic.formats import Reading, enough, read
from codeact_magic.frontends.control_channel import ControlChannel
from codeact_magic.risk import scan
from codeact_magic.session import Action, Observation, Reply, Session, Step, ToolCall, Turn
from codeact_magic.sessions.saving.loading import load
from codeact_magic.sessions.saving.to_notebook import to_notebook

from ..signing import SigningPage
from . import snippets
from .results import Try

nbformat: Any = untyped_nbformat

SLOW = 5.0  # seconds of the processor: what takes longer than this for one small text grows too fast
BATCH = 50  # texts between two looks at the clock
MOST_OPEN = 5  # failures of a target after which it is left


# -- what is fed -------------------------------------------------------------------------------------------------------

FENCES = ["```", "```python\n", "~~~", "\n```\n", "<execute>", "</execute>", "<think>", "</think>", "<tool_call>"]
FENCES += [
    '{"code": "',
    '"}',
    '{"answer": "x"}',
    "</tool_call>",
    "%%bash\n",
    "!ls\n",
    "x = 1\n",
    "\r\n",
    "\0",
    "\ud800",
]
CODE = [snippet.code for snippet in snippets.own()]
JOINTS = ["\n", "; ", " if x else ", "\\\n", "    ", "(", ")", "[", "'''", '"', "#", "%", "%%", "!", "?", "\t", "\f"]
TEXTS = st.text(st.characters(codec=None), max_size=60)
REPLIES = st.lists(st.sampled_from(FENCES) | st.sampled_from(CODE) | TEXTS, max_size=12).map("".join)
CODES = st.lists(st.sampled_from(CODE) | st.sampled_from(JOINTS) | TEXTS, max_size=8).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
NAMES = ["op", "id", "decision", "code", "reason", "all", "text", "since"]
WORDS = ["decide", "hello", "state", "stop", "say", "insert", "a-1", "a-2", "approve", "reject", "edit", "x = 1"]
REQUESTS = VALUES | st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS) | VALUES, max_size=6)


def _session() -> Session:
    """Return a session with steps of several kinds."""
    stream = {"output_type": "stream", "name": "stdout", "text": "6\n"}
    html = {"output_type": "display_data", "data": {"text/html": "<b>6</b>"}, "metadata": {}}
    ran = Step(
        Reply("I look.\n```python\nprint(6)\n```"),
        thought="I look.",
        action=Action("print(6)"),
        observation=Observation("ok", (stream, html), execution_count=1),
        observation_message="Output:\n6",
    )
    answer = Step(Reply("It is **6**."), thought="It is **6**.")
    return Session("1", turns=(Turn("How many?", steps=(ran, answer), outcome="answered"), Turn("And now?")))


NOTEBOOK = json.loads(nbformat.writes(to_notebook(_session())))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in some JSON."""
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in pairs for place in _places(item, (*path, key)))]


PLACES = [place for place in _places(NOTEBOOK) if place]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["set", "drop", "twice"]), VALUES), max_size=4)
CUTS = st.none() | st.integers(0, len(json.dumps(NOTEBOOK)))


def mutated(changes: list[tuple[tuple[Any, ...], str, Any]], cut: int | None) -> bytes:
    """Return the notebook with `changes` made to it, and its text cut off."""
    whole = copy.deepcopy(NOTEBOOK)
    for (*path, key), how, value in changes:
        holder = whole
        for part in path:
            try:
                holder = holder[part]
            except (KeyError, IndexError, TypeError):
                break
        else:
            _change(holder, key, how, value)
    return json.dumps(whole).encode("utf-8", "surrogatepass")[:cut]


def _change(holder: Any, key: Any, how: str, value: Any) -> None:
    """Change what stands at `key` of a table or a list, if it is there."""
    is_there = key in holder if isinstance(holder, dict) else isinstance(holder, list) and key < len(holder)
    if not is_there:
        return
    if how == "set":
        holder[key] = value
    elif how == "drop":
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))


# -- what must hold ----------------------------------------------------------------------------------------------------


def reads(text: str) -> None:
    """Check that any reply is read, whole or cut off, and the same each time."""
    for reply in (Reply(text), Reply(text, finish="length"), Reply("", tool_calls=(ToolCall("1", "python", text),))):
        reading = read(reply)
        assert isinstance(reading, Reading)
        assert read(reply) == reading
        assert not reading.action or reading.action.code.strip()
    end = enough(text)
    assert end is None or 0 <= end <= len(text)


def scans(code: str) -> None:
    """Check that the scan says something of any code, on lines that there are."""
    findings = scan(code, ("todo", "orders"))
    assert all(finding.line >= 1 and str(finding).isprintable() for finding in findings)


def loads(data: bytes, folder: Path) -> None:
    """Check that a file is a session, or is refused in one line."""
    path = folder / "x.ipynb"
    path.write_bytes(data)
    try:
        assert isinstance(load(path), Session)
    except SessionError as error:
        assert str(error).isprintable()


def answers(content: Any) -> None:
    """Check that a request is answered, and decides only if it says all that a decision needs."""
    channel = ControlChannel(interrupt=lambda: None)
    channel.begin("main", 1, "count", 20)
    step = {"id": "a-1", "number": 1, "status": "pending", "ok": None, "thought": "look", "code": "x"}
    channel.step(step)
    channel._pending = step
    page = SigningPage()
    channel.answer(page.hello())
    answer = channel.answer(content)
    if isinstance(content, dict):
        assert channel._pending is step or content.get("op") == "stop", "unsigned, and it decided"
        answer = channel.answer(page.signed(content))
    assert answer["status"] in ("ok", "error")
    assert answer["status"] == "ok" or "\n" not in answer["error"]
    try:
        decided = channel._decisions.get_nowait()
    except queue.Empty:
        return
    assert content["op"] in ("decide", "stop") and (content["op"] == "stop" or content["id"] == "a-1")
    assert isinstance(decided["code"], str)


# -- hypothesis --------------------------------------------------------------------------------------------------------

QUIET = settings(
    max_examples=BATCH,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def tries(folder: Path, seconds: float) -> Iterator[Try]:
    """Feed each target for its share of `seconds`; each text is a try."""
    targets: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]] = {
        "reader": (REPLIES, reads),
        "scan": (CODES, scans),
        "session loader": (st.builds(mutated, CHANGES, CUTS), lambda data: loads(data, folder)),
        "control requests": (REQUESTS, answers),
    }
    share = seconds / (2 * len(targets)) if find_spec("atheris") else seconds / len(targets)
    for name, (values, check) in targets.items():
        yield from _fed(name, values, check, share * 0.9)
    yield from _led(share * 0.9, list(targets))


def _fed(name: str, values: st.SearchStrategy[Any], check: Callable[[Any], None], seconds: float) -> Iterator[Try]:
    """Feed one target until the time is over."""
    deadline, left = time.monotonic() + seconds, MOST_OPEN
    while time.monotonic() < deadline and left:
        count, failure = _batch(values, check)
        yield from (Try(name, "a text of hypothesis", True) for _ in range(count))
        if failure:
            left -= 1
            yield Try(name, failure, False)


def _batch(values: st.SearchStrategy[Any], check: Callable[[Any], None]) -> tuple[int, str]:
    """Feed some texts; return how many passed, and the first (smallest) that did not with what it raised."""
    passed, failing = 0, ""

    @seed(random.getrandbits(64))
    @QUIET
    @given(values)
    def feed(value: Any) -> None:
        nonlocal passed, failing
        began = time.process_time()
        try:
            check(value)
            assert time.process_time() - began < SLOW, "it takes too long"
        except BaseException as error:
            failing = f"{value!r:.200} {type(error).__name__}: {error!s:.100}"
            raise
        passed += 1

    try:
        feed()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return passed, failing or repr(error)
    return passed, ""


# -- atheris -----------------------------------------------------------------------------------------------------------

_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def _led(seconds: float, targets: list[str]) -> Iterator[Try]:
    """Have atheris feed each target in a process of its own, if it is installed."""
    if not find_spec("atheris"):
        return
    for name in targets:
        options = [f"-max_total_time={max(1, int(seconds))}", "-print_final_stats=1", "-max_len=4096", "-verbosity=0"]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", f"{__package__}.coverage", name, *options, f"-artifact_prefix={folder}/"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds + 60)
            except subprocess.TimeoutExpired:
                yield Try(f"{name}, led", "the run", False, "it did not end in time")
                continue
        runs = _RUNS.search(done.stderr)
        yield from (Try(f"{name}, led", "a text of atheris", True) for _ in range(int(runs[1]) if runs else 0))
        if done.returncode or not runs:
            yield Try(f"{name}, led", done.stderr.strip()[-200:], False)
