"""A real kernel under attack: its %%codeact cells, a model that plays a script, and the control channel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from codeact_magic.frontends.control_channel import REQUEST
from codeact_magic.session import Json
from codeact_magic.testing import FakeEndpoint, Scripted

from ..kernels import NEWEST, PATIENCE, Kernel, Run
from ..signing import SigningPage

LOG = "server.log"  # in the kernel's folder: what a server would have in its log
STARTS = 3  # times that a kernel is started, at most
LOOK = 0.02  # seconds between two looks


def act(code: str) -> str:
    """Return a reply that proposes `code`."""
    return f"I do it.\n```python\n{code}\n```"


def request(client: Any, content: Any) -> Json:
    """Return the answer to a request on the control channel; `content` is JSON, as a value or as bytes."""
    # Packed here, in ASCII: a lone surrogate gets through as it does from a page.
    packed = content if isinstance(content, bytes) else json.dumps(content).encode()
    message = client.session.msg(REQUEST, packed)
    client.control_channel.send(message)
    while True:
        reply: Json = client.control_channel.get_msg(timeout=PATIENCE)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            answer: Json = reply["content"]
            return answer


class Target:
    """A kernel with the extension loaded, for a model that says what it is told to."""

    def __init__(self, kernel: Kernel, endpoint: FakeEndpoint) -> None:
        self.kernel, self.endpoint = kernel, endpoint
        self.client = kernel.client
        self.page = SigningPage(key=os.urandom(32))

    def ready(self, **options: object) -> Target:
        """Load the extension with these options, and greet it as a page does: it asks there from now on."""
        values = {"base_url": self.endpoint.base_url, "model": "fake-model", "approve": "ask"} | options
        lines = [f"%config CodeAct.{name} = {value!r}" for name, value in values.items()]
        run = self.kernel.run("\n".join(["%load_ext codeact_magic", *lines]))
        assert run.reply["status"] == "ok", run.errors
        return self

    def greet(self) -> Target:
        """Say hello as a page does: steps wait for a page from now on."""
        assert request(self.client, self.page.hello())["status"] == "ok"
        return self

    def begin(self, *replies: Scripted, options: str = "", prompt: str = "go") -> Run:
        """Have a %%codeact cell run, to which the model says `replies`."""
        self.endpoint._script = iter(replies)
        return self.kernel.begin(f"%%codeact {options}\n{prompt}")

    def ask(self, *replies: Scripted, options: str = "", prompt: str = "go") -> Run:
        """Run such a cell to its end."""
        return self.begin(*replies, options=options, prompt=prompt).finish()

    @property
    def pending(self) -> Json | None:
        """The step that waits."""
        step: Json | None = request(self.client, {"op": "state"})["pending"]
        return step

    def wait_for_step(self, run: Run) -> Json | None:
        """Wait until a step waits, and return it; None if the cell ends before."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if step := self.pending:
                return step
            self.take_messages(run)
            if run.done:
                return None
        raise AssertionError("neither did a step wait, nor did the cell end")

    def take_messages(self, run: Run) -> None:
        """Take all messages that are there: each request brings some."""
        while messages := list(self.kernel.messages(LOOK)):
            for message in messages:
                run._take(message)

    def decision(self, step: Json, decision: str = "approve", **fields: object) -> Json:
        """Return what the user's own page says to decide about a step.

        This is the one place that knows how a page proves that it may decide: what forges it does not come here.
        """
        content = {"op": "decide", "id": step["id"], "decision": decision, "code": step["code"], **fields}
        return self.page.signed(content)

    def decide(self, step: Json, decision: str = "approve", client: Any = None, **fields: object) -> Json:
        """Decide about a step as the user's own page does, and return the answer."""
        return request(client or self.client, self.decision(step, decision, **fields))

    def stop(self, run: Run) -> None:
        """End the turn under way."""
        request(self.client, {"op": "stop"})
        run.finish()


def _started(folder: Path, environment: dict[str, str] | None, log: IO[str]) -> Kernel:
    """Start a kernel; one that finds its ports taken dies at once, and is started again."""
    for _ in range(STARTS - 1):
        with suppress(RuntimeError):
            return Kernel(NEWEST, folder, environment, log)
    return Kernel(NEWEST, folder, environment, log)


@contextmanager
def target(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Target]:
    """Run a kernel in `folder`, for as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("w") as log, FakeEndpoint(default="Done.") as endpoint:
        kernel = _started(folder, environment, log)
        try:
            yield Target(kernel, endpoint).ready()
        finally:
            kernel.close()
