"""Sessions as an agent leaves them, written down in short, and a place to run their code in this process."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Sequence
from typing import Any

from codeact_magic.session import Action, Cell, Decision, Json, Observation, Reply, Session, Step, Turn


def step(code: str, *outputs: Json, status: Any = "ok", line: str = "", note: str = "") -> Step:
    """Return a step whose code ran."""
    seen = Observation(status, tuple(outputs), line=line, note=note)
    return Step(Reply(""), "", Action(code), Decision("approve", code), seen, observation_message="Output:")


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
    """Runs code in a namespace of this process: what it prints, the value of its last line, and errors are seen."""

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
        """Run `code` and return what it prints."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, self.names)
        return out.getvalue()

    def restart(self) -> None:
        """Forget everything."""
        self.ran.append("(restart)")
        self.names = {"__name__": "__main__"}

    def close(self) -> None:
        """Note that nobody needs it any more."""
        self.closed = True

    def _exec(self, code: str) -> None:
        tree = ast.parse(code)
        for node in tree.body:
            if isinstance(node, ast.Expr):
                value = eval(compile(ast.Expression(node.value), "<cell>", "eval"), self.names)
                print(repr(value)) if value is not None else None
            else:
                exec(compile(ast.Module([node], []), "<cell>", "exec"), self.names)

    @staticmethod
    def _printed(out: io.StringIO) -> list[Json]:
        return [printed(out.getvalue())] if out.getvalue() else []
