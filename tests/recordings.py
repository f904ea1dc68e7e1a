"""Sessions in a short notation, and an engine that runs their code in this process."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Sequence
from typing import Any

from codeact_magic.session import Action, Cell, Decision, Json, Observation, Reply, Session, Status, Step, Turn


def step(code: str, *outputs: Json, status: Status = "ok", **fields: Any) -> Step:
    """Return a step whose code ran; `fields` are further ones of its observation."""
    observation = Observation(status, tuple(outputs), **fields)
    return Step(Reply(""), "", Action(code), Decision("approve", code), observation, observation_message="Output:")


def turn(*codes: str | Step, cells: Sequence[str | Cell] = (), prompt: str = "Go on.", answer: str = "Done.") -> Turn:
    """Return a turn that was answered."""
    steps = [code if isinstance(code, Step) else step(code) for code in codes]
    own = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
    return Turn(prompt, cells=tuple(own), steps=(*steps, Step(Reply(answer), answer)), outcome="answered")


def session(*turns: Turn) -> Session:
    """Return a session of `turns`."""
    return Session("20260101", turns=turns)


def printed(text: str, name: str = "stdout") -> Json:
    """Return an output of a stream."""
    return {"output_type": "stream", "name": name, "text": text}


class PlainEngine:
    """Runs code in a namespace of this process; observes prints, the value of each expression, and errors."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.ran: list[str] = []
        self.closed = False

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        """Run `code`."""
        self.ran.append(code)
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                self._exec(code)
        except Exception as error:
            failed = {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}
            return Observation("error", (*self._printed(out), failed))
        return Observation("ok", tuple(self._printed(out)))

    def evaluate(self, code: str) -> str:
        """Run `code` and return its output."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, self.names)
        return out.getvalue()

    def restart(self) -> None:
        """Start with an empty namespace."""
        self.ran.append("(restart)")
        self.names = {"__name__": "__main__"}

    def close(self) -> None:
        """Note that the engine was closed."""
        self.closed = True

    def _exec(self, code: str) -> None:
        tree = ast.parse(code)
        for node in tree.body:
            if isinstance(node, ast.Expr):
                value = eval(compile(ast.Expression(node.value), "<cell>", "eval"), self.names)
                if value is not None:
                    print(repr(value))
            else:
                exec(compile(ast.Module([node], []), "<cell>", "exec"), self.names)

    @staticmethod
    def _printed(out: io.StringIO) -> list[Json]:
        return [printed(out.getvalue())] if out.getvalue() else []
