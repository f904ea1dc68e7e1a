"""Runs actions in a kernel of their own, which is started when it is needed, and ended when it is not.

The kernel may die or be ended at any time: what is lost then is said where the next output is, to the user and to the
model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from ..errors import CodeActError
from ..nested import Interrupts
from ..session import Cell, Json, Observation, Status, joined
from ..text import one_line
from .kernels import Kernel, LocalKernel
from .outputs import Outputs, Show
from .request import Ask, Request

DEAD = "DeadKernelError"  # the name under which an observation tells of the kernel's death


class KernelExecutor:
    """Runs actions in a kernel of its own.

    Args:
        kernel: which; IPython's in this environment and the present directory where it is None.
        timeout: seconds that an action may run (0: no limit).
        secrets: returns the strings that no output may show.
        limit: the most characters of a summary.
        idle: seconds without use after which the kernel is ended (0: never).
        show: is handed the outputs as they come (see `Outputs`).
        ask: puts a question of the code to the user; None where nobody can be asked.
        tell: shows the user a line.
    """

    def __init__(
        self,
        kernel: Kernel | None = None,
        *,
        timeout: float = 0.0,
        secrets: Callable[[], Sequence[str]] = tuple,
        limit: int = 4000,
        idle: float = 0.0,
        show: Show = lambda output: None,
        ask: Ask | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.kernel = kernel or LocalKernel()
        self.timeout, self.secrets, self.limit, self.idle = timeout, secrets, limit, idle
        self.show, self.ask, self.tell = show, ask, tell
        self.keep_cells = True
        self.cleared: Callable[[], None] = lambda: None  # an action clears no more than its own outputs here
        self.conversation = ""
        self._lock = threading.Lock()  # who uses the kernel
        self._running = False
        self._every_value = False
        self._lost = ""  # why the variables are gone, until that was said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        """Run `code` once; never raises what the code raises. Raises UsageError where no kernel can be started.

        `every_value` shows the value of every expression, not only that of the last one.
        """
        with self._lock, Interrupts() as interrupts:
            began = time.monotonic()
            try:
                with interrupts.raised():
                    lost = self._ready(every_value)
            except KeyboardInterrupt:
                return Observation("aborted", note="It was stopped before it ran.")
            outputs = Outputs(self.secrets(), self.show, lambda name: bool(interrupts.count) and _is_stop(name))
            request = Request(self.kernel, self.timeout, outputs.take, self.ask, self.tell)
            request.run(_content(code, store_history=True), interrupts)
            if request.death:
                self._bury(f"The kernel died ({request.death})", outputs)
            self._running = not (request.death or request.ended)
            return Observation(
                status=_status(request, interrupts),
                outputs=outputs.finished(),
                seconds=round(time.monotonic() - began, 3),
                execution_count=request.reply.get("execution_count"),
                note=" ".join(filter(None, [lost, _note(request, self.timeout)])),
            )

    def evaluate(self, code: str) -> str:
        """Run `code` unseen, outside of the history, and return what it prints. Raises CodeActError where it fails."""
        with self._lock, Interrupts() as interrupts:
            with interrupts.raised():
                self._ready(self._every_value)
            return self._evaluate(code, interrupts, self.timeout)

    def summary(self) -> str:
        """Return the namespace in outline."""
        return ""

    def cells(self) -> tuple[Cell, ...]:
        """Return no cells: nobody but the agent runs code there."""
        return ()

    def user_names(self) -> set[str]:
        """Return the names that no action has made."""
        return set()

    def close(self) -> None:
        """End the kernel; it is started again where it is used again."""
        with self._lock:
            self._running = False
            self.kernel.end()

    # -- the kernel ----------------------------------------------------------------------------------------------------

    def _ready(self, every_value: bool) -> str:
        """Have a kernel that runs, and return why it is not the one from before, where it is not."""
        if self._running and (death := self.kernel.death()):
            self._running = False
            self._lost = f"The kernel had died before this ({death}): the variables from before are gone."
        lost, self._lost = self._lost, ""
        if not self._running:
            self.kernel.end()
            self.kernel.start()
            self._running, self._every_value = True, False
            if lost:
                self.tell(lost)
        if every_value != self._every_value:
            self._every_value = every_value
            self._quietly(_SHOW.format(which="all" if every_value else "last_expr"))
        return lost

    def _quietly(self, code: str) -> None:
        """Run code of ours; a kernel that does not understand it does without."""
        Request(self.kernel, 10.0, lambda kind, content: None).run(_content(code, silent=True), Interrupts())

    def _evaluate(self, code: str, interrupts: Interrupts, timeout: float) -> str:
        outputs = Outputs((), lambda output: None)
        request = Request(self.kernel, timeout, outputs.take, None, self.tell)
        request.run(_content(code, silent=True), interrupts)
        self._running = not (request.death or request.ended)
        if request.reply.get("status") != "ok":
            reply = request.reply
            why = f"{reply.get('ename', 'error')}: {reply.get('evalue', '')}" if reply else request.death or "no reply"
            raise CodeActError(f"The kernel did not evaluate what it was asked: {one_line(why)}")
        shown = outputs.finished()
        return "".join(joined(output["text"]) for output in shown if output.get("name") == "stdout")

    def _bury(self, what: str, outputs: Outputs) -> None:
        outputs.fail(DEAD, f"{what}. A fresh one takes its place: all variables are gone.")


_SHOW = "get_ipython().ast_node_interactivity = {which!r}"


def _content(code: str, silent: bool = False, store_history: bool = False) -> Json:
    return {
        "code": code,
        "silent": silent,
        "store_history": store_history,
        "user_expressions": {},
        "stop_on_error": False,
    }


def _status(request: Request, interrupts: Interrupts) -> Status:
    if interrupts.count:
        return "aborted"
    return "ok" if request.reply.get("status") == "ok" and not request.rings else "error"


def _note(request: Request, timeout: float) -> str:
    notes = [f"It was interrupted: it ran longer than the {timeout:g} s allowed."] if request.rings else []
    if request.ended:
        notes.append("It did not react, so the kernel was ended: all variables are gone.")
    return " ".join(notes)


def _is_stop(name: str) -> bool:
    return name in ("KeyboardInterrupt", "CancelledError")
