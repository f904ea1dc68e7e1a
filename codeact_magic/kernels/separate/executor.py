"""Runs actions in a kernel of their own, which is started when it is needed, and ended when it is not.

The kernel may die or be ended at any time: what is lost then is said where the next output is, to the user and to the
model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Self

from ...errors import CodeActError
from ...session import Cell, Json, Observation, Status, joined
from ...text import mask, one_line
from ..live.nested import Interrupts
from . import probe
from .kernels import Kernel, LocalKernel
from .outputs import Outputs, Show
from .request import Ask, Request, Take

PROBE = 10.0  # seconds that a kernel has to tell of its variables
CALM = 0.5  # seconds that it has for that once the user wants to stop
CLOSING = 5.0  # seconds that who uses the kernel has to notice that it was killed
DEAD = "DeadKernelError"  # the names under which an observation tells that the kernel died, or is out of reach
LOST = "ConnectionLostError"

_Seen = tuple[tuple[tuple[str, str], ...], str]


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
        self._probed = False  # whether the kernel can be asked about its variables
        self._clock: threading.Timer | None = None
        self._lost = ""  # why the variables are gone, until that was said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        """Run `code` once; never raises what the code raises. Raises UsageError where no kernel can be started.

        `every_value` has the value of every expression shown, as an action has it; without it, that of the last one.
        """
        with self._lock, Interrupts() as interrupts:
            lost = ""
            with suppress(KeyboardInterrupt):
                lost = self._ready(interrupts, every_value)
            if interrupts.count:
                return Observation("aborted", note="It was stopped before it ran.")
            began = time.monotonic()
            request = self._request(lambda kind, content: outputs.take(kind, content))
            outputs = Outputs(
                self.secrets(), self.show, lambda name: bool(interrupts.count or request.rings) and _is_stop(name)
            )
            self._carry_out(request, _content(code, store_history=True), interrupts)
            if request.death:
                outputs.fail(LOST if request.lost else DEAD, f"{_sentence(request.death)}.")
            seconds = round(time.monotonic() - began, 3)
            shown = outputs.finished()
            changed, line = self._look(code, request, interrupts, brief=bool(shown), acts=every_value)
            return Observation(
                status=_status(request, interrupts),
                outputs=shown,
                changed=changed,
                seconds=seconds,
                execution_count=request.reply.get("execution_count"),
                line=line,
                note=" ".join(filter(None, [lost, _note(request, self.timeout)])),
            )

    def evaluate(self, code: str) -> str:
        """Run `code` unseen, outside of the history, and return what it prints. Raises CodeActError where it fails."""
        with self._lock, Interrupts() as interrupts:
            self._lost = self._ready(interrupts)
            outputs = Outputs((), lambda output: None)
            request = self._request(outputs.take)
            self._carry_out(request, _content(code, silent=True), interrupts)
        if interrupts.count:
            raise KeyboardInterrupt
        if request.reply.get("status") != "ok":
            raise CodeActError(f"The kernel did not evaluate what it was asked: {_failure(request)}")
        return "".join(joined(output["text"]) for output in outputs.finished() if output.get("name") == "stdout")

    def summary(self) -> str:
        """Return the namespace in outline; no kernel is started for that."""
        return mask(self._asked("summary", self.limit) or "", self.secrets())

    def cells(self) -> tuple[Cell, ...]:
        """Return no cells: nobody but the agent runs code there."""
        return ()

    def user_names(self) -> Collection[str]:
        """Return the names that no action has made; it also knows what these and other names stand for."""
        from ...risk import Namespace  # imported on use: its tables are needed only once an action is asked about

        return Namespace(
            probe.names(self._asked("own")),
            describe=lambda names: probe.description(self._asked("described", sorted(names))),
        )

    def defined(self, names: Collection[str]) -> set[str]:
        """Return those of `names` that have a value."""
        return probe.names(self._asked("defined", list(names))) & set(names)

    # -- the kernel ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the kernel; it is started again where it is used again.

        Code that another thread runs there ends; so does code that a signal handler calls this amidst of, soon after.
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
        """Begin anew, in the first working directory: a fresh kernel is started where it is used again."""
        with self._lock:
            self._end()
            self._lost = ""

    def _end(self) -> None:
        if self._clock:
            self._clock.cancel()
        self._running = False
        self.kernel.end()

    def _ready(self, interrupts: Interrupts, every_value: bool = True) -> str:
        """Have a kernel that is ready to run code, and return why it is not the one from before, where it is not."""
        if self._clock:
            self._clock.cancel()
        if self._running and (death := self.kernel.death()):
            self._lose(f"Meanwhile {death}.", bool(self.kernel.trouble()))
        if not self._running:
            with interrupts.raised():
                self._start()
            if self._lost:
                self.tell(self._lost)
        lost, self._lost = self._lost, ""
        self._probe(interrupts, "begin", every_value)
        return lost if self._running else self._ready(interrupts, every_value)

    def _start(self) -> None:
        self.kernel.end(at_once=True)
        self.kernel.start()
        setup = Request(self.kernel, PROBE, _ignore)
        setup.run(_content(probe.setup(), silent=True), Interrupts())
        self._probed = setup.reply.get("status") == "ok"
        self._running = True

    def _lose(self, why: str, out_of_reach: bool = False) -> None:
        self._running = False
        self._lost = f"{why} {_GONE_AFAR if out_of_reach else _GONE}"

    def _request(self, take: Take) -> Request:
        return Request(self.kernel, self.timeout, take, self.ask, self.tell, alone=self.ask is None)

    def _carry_out(self, request: Request, content: Json, interrupts: Interrupts) -> None:
        """Have the kernel run something to its end, and take note of how it is afterwards."""
        request.run(content, interrupts)
        self._running = not (request.death or request.ended)
        self._wind_clock()

    # -- what it is asked ----------------------------------------------------------------------------------------------

    def _look(self, code: str, request: Request, interrupts: Interrupts, *, brief: bool, acts: bool) -> _Seen:
        """Return what `code` changed, and the line of it that failed."""
        if interrupts.count:  # who has stopped it does not want to wait
            return (), ""
        secrets = self.secrets()
        failed = request.reply.get("status") == "error"
        changed = probe.pairs(self._probe(interrupts, "changes", code, brief, acts))
        line = self._probe(interrupts, "line") if failed else ""
        return tuple((mask(name, secrets), mask(value, secrets)) for name, value in changed), mask(line or "", secrets)

    def _asked(self, method: str, *arguments: object) -> str | None:
        with self._lock, Interrupts() as interrupts:
            told = self._probe(interrupts, method, *arguments)
        if interrupts.count:
            raise KeyboardInterrupt
        return told

    def _probe(self, interrupts: Interrupts, method: str, *arguments: object) -> str | None:
        """Ask the probe; None where there is none, or none that answers in time."""
        if not (self._running and self._probed):
            return None
        content = _content("", silent=True) | {"user_expressions": {"probe": probe.question(method, *arguments)}}
        request = Request(self.kernel, PROBE, _ignore, tell=self.tell, calm=CALM, alone=self.ask is None)
        request.run(content, interrupts)
        if request.death:
            self._lose(f"Meanwhile {request.death}.", request.lost)
        elif request.ended:
            self._lose("The kernel no longer reacted, so it was ended.")
        return probe.answer(request.reply)

    # -- time ----------------------------------------------------------------------------------------------------------

    def _wind_clock(self) -> None:
        """End the kernel when it has not been used for long."""
        if self.idle > 0 and self._running:
            self._clock = threading.Timer(self.idle, self._rest, [self.idle])
            self._clock.daemon = True
            self._clock.start()

    def _rest(self, idle: float) -> None:
        clock = threading.current_thread()
        with self._lock:
            if self._running and clock is self._clock:
                self._end()
                self._lose(f"The kernel was not used for {_time(idle)}, so it was ended.")


_GONE = "A fresh kernel takes its place: all variables are gone."
_GONE_AFAR = "A fresh kernel takes its place where the server can be reached again: all variables are gone."


def _ignore(kind: str, content: Json) -> None:
    """Take a message that shows something nobody wants to see."""


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
    late = f"It was interrupted: it ran longer than the {timeout:g} s allowed." if request.rings else ""
    ended = "It did not react, so the kernel was ended." if request.ended else ""
    gone = _GONE_AFAR if request.lost else _GONE if request.death or request.ended else ""
    return " ".join(filter(None, [late, ended, gone]))


def _failure(request: Request) -> str:
    reply = request.reply
    if reply:
        return one_line(f"{reply.get('ename', 'error')}: {reply.get('evalue', '')}")
    return request.death or "it did not react and was ended"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _is_stop(name: str) -> bool:
    return name in ("KeyboardInterrupt", "CancelledError")


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:g} s"
