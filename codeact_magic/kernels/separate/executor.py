"""Runs actions in a separate kernel, which is started on first use, and ended after a while without use.

The kernel may die or be ended at any time. The next observation then reports the loss, to the user and to the model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Set
from contextlib import suppress
from typing import Self

from ...errors import CodeActError
from ...secrets import Masker
from ...session import CONNECTION_LOST, DEAD_KERNEL, Cell, Json, Observation, Status, joined
from ..interpreter import DEFAULTS, InterpreterOptions
from ..live.nested import Interrupts
from . import inspection, notes
from .kernels import Kernel, LocalKernel
from .outputs import KernelOutputs, ShowOutput
from .request import AskUser, HandleMessage, KernelRequest

INSPECTION = 10.0  # seconds that a kernel has to answer a question about its variables
GRACE = 0.5  # seconds that it has for that after the user has pressed Ctrl+C
CLOSING = 5.0  # seconds that the user of the kernel has to notice that it was killed

_Changes = tuple[tuple[str, str], ...]


class KernelExecutor:
    """Runs actions in a separate kernel.

    Args:
        kernel: the kernel; defaults to IPython's in this environment and the current directory.
        options: see `InterpreterOptions`. The kernel has no cells of the user's, so `keep_cells` and `session` do not
            matter; nor does `cleared`, since an action clears only its own outputs.
        idle: seconds without use after which the kernel is ended (0: never).
        show: receives the outputs as they come (see `KernelOutputs`).
        ask: puts a question of the code to the user; None if nobody can be asked.
        tell: shows the user a line.
    """

    def __init__(
        self,
        kernel: Kernel | None = None,
        options: InterpreterOptions = DEFAULTS,
        *,
        idle: float = 0.0,
        show: ShowOutput = lambda output: None,
        ask: AskUser | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.kernel = kernel or LocalKernel()
        self.options = options
        self.idle = idle
        self.show = show
        self.ask = ask
        self.tell = tell
        self._lock = threading.Lock()  # held by the thread that uses the kernel
        self._running = False
        self._can_inspect = False  # whether the kernel answers questions about its variables
        self._clock: threading.Timer | None = None
        self._loss = ""  # a sentence: why the variables are gone; "" if they are not, or the user knows already

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def configure(self, options: InterpreterOptions) -> None:
        """Use `options` from now on."""
        self.options = options

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        """Run `code` once. An exception of the code is not raised. Raises UsageError if no kernel can be started.

        `every_value` shows the value of every expression, as for an action; otherwise only the last value is shown.
        """
        with self._lock, Interrupts() as interrupts:
            loss = ""
            with suppress(KeyboardInterrupt):
                loss = self._ready(interrupts, every_value)
            if interrupts.count:
                return Observation("interrupted", note=notes.joined(loss, notes.NOT_BEGUN), fresh=bool(loss))
            began = time.monotonic()
            request = self._request(lambda kind, content: outputs.take(kind, content))
            outputs = KernelOutputs(
                self.options.secrets(),
                self.show,
                hides=lambda name: bool(interrupts.count or request.rings) and _is_stop(name),
                lifted=self.options.lifted(),
            )
            self._execute(request, _content(code, store_history=True), interrupts)
            if request.death:
                outputs.fail(CONNECTION_LOST if request.lost else DEAD_KERNEL, notes.sentence(request.death))
            seconds = round(time.monotonic() - began, 3)
            widgets = outputs.widgets()
            answer = self._inspect(interrupts, "widgets", widgets) if widgets and not interrupts.count else None
            shown = outputs.finished(dict(inspection.pairs(answer)))
            with_values = self.options.values and not shown
            changed, line = self._inspect_run(code, request, interrupts, with_values, is_action=every_value)
            masker = outputs.masker
            changed = tuple((masker.text(name), masker.text(value)) for name, value in changed)
            line = masker.text(line)
            self.options.masked(masker.masked)
            return Observation(
                status=_status(request, interrupts),
                outputs=shown,
                changed=changed,
                seconds=seconds,
                execution_count=request.reply.get("execution_count"),
                line=line,
                note=notes.joined(loss, notes.of(request, self.options.timeout), masker.note),
                fresh=bool(loss),
                lost=bool(request.death or request.ended),
            )

    def evaluate(self, code: str) -> str:
        """Run `code` without output and history, and return its output. Raises CodeActError if it fails."""
        with self._lock, Interrupts() as interrupts:
            self._loss = self._ready(interrupts)
            outputs = KernelOutputs((), lambda output: None)
            request = self._request(outputs.take)
            self._execute(request, _content(code, silent=True), interrupts)
        if interrupts.count:
            raise KeyboardInterrupt
        if request.reply.get("status") != "ok":
            raise CodeActError(f"The kernel could not evaluate the code: {notes.failure(request)}")
        return "".join(joined(output["text"]) for output in outputs.finished() if output.get("name") == "stdout")

    def summary(self) -> str:
        """Return an outline of the variables. Does not start a kernel."""
        summary = self._ask_kernel("summary", self.options.summary_limit) or ""
        return Masker(self.options.secrets(), self.options.lifted()).text(summary)

    def cells(self) -> tuple[Cell, ...]:
        """Return no cells: only the agent runs code in this kernel."""
        return ()

    def user_names(self) -> Set[str]:
        """Return the names that no action has made. The scan learns from the same value what the names stand for."""
        from ...risk import Namespace  # imported on use: its tables are needed only once an action is asked about

        return Namespace(
            inspection.names(self._ask_kernel("own")),
            describe=lambda names: inspection.description(self._ask_kernel("described", sorted(names))),
            transform=_transformed,
        )

    def defined(self, names: Collection[str]) -> set[str]:
        """Return those of `names` that have a value."""
        return inspection.names(self._ask_kernel("defined", list(names))) & set(names)

    # -- the kernel ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the kernel; the next use starts it again.

        Code that another thread runs there ends at once. If a signal handler calls this during a run, the run ends
        soon afterwards.
        """
        if not self._lock.acquire(blocking=False):
            self.kernel.kill()
            if not self._lock.acquire(timeout=CLOSING):
                return
        try:
            self._end()
        finally:
            self._lock.release()

    def restart(self) -> None:
        """End the kernel; the next use starts a new one, in the original working directory."""
        with self._lock:
            self._end()
            self._loss = ""

    def _end(self) -> None:
        if self._clock:
            self._clock.cancel()
        self._running = False
        self.kernel.end()

    def _ready(self, interrupts: Interrupts, every_value: bool = True) -> str:
        """Make sure that a kernel is ready to run code.

        Returns a sentence that says why the variables are gone, "" if they are not.
        """
        if self._clock:
            self._clock.cancel()
        if self._running and (death := self.kernel.death()):
            self._lose(f"Meanwhile {death}.", bool(self.kernel.trouble()))
        if not self._running:
            with interrupts.raised():
                self._start()
            if self._loss:
                self.tell(self._loss)
        loss = self._loss
        self._loss = ""
        self.options.learn(inspection.mapping(self._inspect(interrupts, "begin", every_value)))
        return loss if self._running else self._ready(interrupts, every_value)

    def _start(self) -> None:
        self.kernel.end(at_once=True)
        self.kernel.start()
        setup = KernelRequest(self.kernel, INSPECTION, _ignore)
        setup.run(_content(inspection.setup_code(), silent=True), Interrupts())
        self._can_inspect = setup.reply.get("status") == "ok"
        self._running = True

    def _lose(self, why: str, out_of_reach: bool = False) -> None:
        self._running = False
        self._loss = notes.joined(why, notes.gone(out_of_reach))

    def _request(self, handle: HandleMessage) -> KernelRequest:
        return KernelRequest(
            self.kernel, self.options.timeout, handle, self.ask, self.tell, unattended=self.ask is None
        )

    def _execute(self, request: KernelRequest, content: Json, interrupts: Interrupts) -> None:
        """Run a request to its end, and note whether the kernel is still there."""
        request.run(content, interrupts)
        self._running = not (request.death or request.ended)
        self._wind_clock()

    # -- questions about variables -------------------------------------------------------------------------------------

    def _inspect_run(
        self, code: str, request: KernelRequest, interrupts: Interrupts, with_values: bool, is_action: bool
    ) -> tuple[_Changes, str]:
        """Return the variables that `code` changed, and the line of it that failed."""
        if interrupts.count:  # a user who has stopped it does not want to wait
            return (), ""
        changed = inspection.pairs(self._inspect(interrupts, "changes", code, with_values, is_action))
        line = None
        if request.reply.get("status") == "error":
            line = self._inspect(interrupts, "line")
        return changed, line or ""

    def _ask_kernel(self, method: str, *arguments: object) -> str | None:
        with self._lock, Interrupts() as interrupts:
            answer = self._inspect(interrupts, method, *arguments)
        if interrupts.count:
            raise KeyboardInterrupt
        return answer

    def _inspect(self, interrupts: Interrupts, method: str, *arguments: object) -> str | None:
        """Call a method of the kernel's inspector; None if there is none, or it does not answer in time."""
        if not (self._running and self._can_inspect):
            return None
        expressions = {"user_expressions": {inspection.ANSWER: inspection.expression(method, *arguments)}}
        content = _content("", silent=True) | expressions
        unattended = self.ask is None
        request = KernelRequest(self.kernel, INSPECTION, _ignore, tell=self.tell, grace=GRACE, unattended=unattended)
        request.run(content, interrupts)
        if request.death:
            self._lose(f"Meanwhile {request.death}.", request.lost)
        elif request.ended:
            self._lose("The kernel no longer reacted, so it was ended.")
        return inspection.answer(request.reply)

    # -- the end of an unused kernel -----------------------------------------------------------------------------------

    def _wind_clock(self) -> None:
        """End the kernel after `idle` seconds without use."""
        if self.idle > 0 and self._running:
            self._clock = threading.Timer(self.idle, self._end_unused, [self.idle])
            self._clock.daemon = True
            self._clock.start()

    def _end_unused(self, idle: float) -> None:
        clock = threading.current_thread()
        with self._lock:
            if self._running and clock is self._clock:
                self._end()
                self._lose(notes.unused(idle))


def _transformed(code: str) -> str:
    """Return the Python that IPython makes of a cell."""
    from IPython.core.inputtransformer2 import TransformerManager  # imported on use

    python: str = TransformerManager().transform_cell(code)  # type: ignore[no-untyped-call]
    return python


def _ignore(kind: str, content: Json) -> None:
    """Ignore a message."""


def _content(code: str, silent: bool = False, store_history: bool = False) -> Json:
    return {
        "code": code,
        "silent": silent,
        "store_history": store_history,
        "user_expressions": {},
        "stop_on_error": False,
    }


def _status(request: KernelRequest, interrupts: Interrupts) -> Status:
    """Return how a run ended. A kernel that dies of the interrupt after its time is lost, whatever the time was."""
    if interrupts.count:
        return "interrupted"
    if request.death:
        return "kernel lost"
    if request.rings:
        return "timed out"
    return "ok" if request.reply.get("status") == "ok" else "error"


def _is_stop(name: str) -> bool:
    return name in ("KeyboardInterrupt", "CancelledError")
