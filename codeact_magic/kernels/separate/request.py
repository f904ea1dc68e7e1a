"""One request to a kernel, from sending it to its end: answers, Ctrl+C, the time limit, the death of the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from ...session import Json
from ..live.nested import Interrupts
from .kernels import Kernel, Message

TICK = 0.05  # seconds between two checks for Ctrl+C
AGAIN = 5.0  # seconds until code that ignored an interrupt is interrupted again
STUBBORN = 15.0  # seconds after the time limit until a kernel that does not react is ended
UNMOVED = 2.0  # seconds without reaction to Ctrl+C until the user is told how to end the kernel
ALONE = 5.0  # seconds without reaction to Ctrl+C until the kernel is ended, if nobody can press Ctrl+C again
LATE = 1.0  # seconds between the reply and the idle status; an interrupt may lose one of them
END_OF_FILE = "\x04"  # the answer that stands for Ctrl+D

DOES_NOT_REACT = "The code does not react. Ctrl+C again ends the kernel, and with it all variables."
WILL_BE_ENDED = f"The code does not react. In {ALONE - UNMOVED:g} s the kernel is ended, and with it all variables."
THERE_AGAIN = "The connection is there again."

HandleMessage = Callable[[str, Json], None]  # the kind of a message, and its content
AskUser = Callable[[str, bool], str]  # the question, and whether the answer must stay hidden


class KernelRequest:
    """A request to a kernel to run code.

    Args:
        kernel: the kernel that runs it.
        timeout: seconds until the code is interrupted (0: never).
        handle: receives each message that is not handled here: those with outputs.
        ask: puts a question of the code to the user and returns the answer; None if nobody can be asked.
        tell: shows the user a line.
        grace: seconds that the code has to end by itself before it is interrupted.
        unattended: nobody is there to press Ctrl+C a second time.

    Attributes:
        reply: the content of the kernel's reply; empty if none came.
        death: how the kernel died, as the end of a sentence; "" if it did not.
        lost: whether the kernel is out of reach; `death` is set as well.
        ended: whether the kernel was ended because it did not react.
        rings: how many times the code was interrupted after its time limit.
        stops: how many times the user interrupted the code.
    """

    def __init__(
        self,
        kernel: Kernel,
        timeout: float,
        handle: HandleMessage,
        ask: AskUser | None = None,
        tell: Callable[[str], None] = lambda line: None,
        grace: float = 0.0,
        unattended: bool = False,
    ) -> None:
        self._kernel = kernel
        self._handle = handle
        self._ask = ask
        self._tell = tell
        self._unattended = unattended
        self._grace_end = time.monotonic() + grace
        self._deadline = time.monotonic() + timeout if timeout > 0 else float("inf")
        self._first_interrupt = 0.0  # when the code was first interrupted
        self._id = ""
        self._begun = False
        self._idle = False
        self._warned = False
        self._ending = 0.0  # when the first of the two signs of the end came: the reply, or the idle status
        self._trouble = ""  # the sentence about the connection that the user was last shown
        self.reply: Json = {}
        self.death = ""
        self.ended = False
        self.lost = False
        self.rings = 0
        self.stops = 0

    def run(self, content: Json, interrupts: Interrupts) -> None:
        """Send the request, and handle messages until it has ended."""
        self._id = self._kernel.send("shell", "execute_request", content | {"allow_stdin": self._ask is not None})
        while not (self._done() or self.death or self.ended):
            self._check_interrupts(interrupts, time.monotonic())
            message = self._kernel.receive(TICK) if not self.ended else None
            if message is None:
                self._check_kernel()
            elif message.parent == self._id:
                with suppress(KeyError, TypeError, ValueError, AttributeError):  # code can send malformed messages
                    self._take(message, interrupts)

    def _check_kernel(self) -> None:
        """Check whether the kernel is still there."""
        if self.ended:
            return
        self.death = self._kernel.death()
        trouble = self._kernel.trouble()
        self.lost = bool(self.death and trouble)
        if self.death:
            return
        if trouble and not self._trouble:
            self._tell(f"{trouble} Ctrl+C stops.")
        elif self._trouble and not trouble:
            self._tell(THERE_AGAIN)
        self._trouble = trouble

    def _done(self) -> bool:
        """Return whether everything has come. The reply and the idle status come on different channels."""
        if self.reply and self._idle:
            return True
        return bool(self._ending) and time.monotonic() > self._ending + LATE

    def _take(self, message: Message, interrupts: Interrupts) -> None:
        if not self._begun and (self.stops or self.rings):  # the kernel ignores an interrupt before the code begins
            self._kernel.interrupt()
        self._begun = True
        match message.kind:
            case "execute_reply":
                self.reply = message.content
                self._ending = time.monotonic()
            case "status":
                self._idle = message.content["execution_state"] == "idle"
                self._ending = time.monotonic() if self._idle else 0.0
            case "input_request" if message.channel == "stdin" and self._ask:
                self._answer(self._ask, message.content, interrupts)
            case kind:
                self._handle(kind, message.content)

    def _answer(self, ask: AskUser, question: Json, interrupts: Interrupts) -> None:
        """Send the user's answer to a question of the code. The time limit does not run meanwhile."""
        asked = time.monotonic()
        answer = None
        with suppress(KeyboardInterrupt):
            with interrupts.raised():
                try:
                    answer = ask(str(question.get("prompt", "")), bool(question.get("password")))
                except EOFError:
                    answer = END_OF_FILE
        self._deadline += time.monotonic() - asked
        if answer is not None:
            self._kernel.send("stdin", "input_reply", {"value": answer})

    # -- interrupts ----------------------------------------------------------------------------------------------------

    def _check_interrupts(self, interrupts: Interrupts, now: float) -> None:
        """Interrupt or end the kernel if the user or the time limit asks for it."""
        if interrupts.count > self.stops and now > self._grace_end:
            self._stop(interrupts.count, now)
        elif self.stops and not self._warned and not self._trouble and now > self._first_interrupt + UNMOVED:
            self._warned = True
            self._tell(WILL_BE_ENDED if self._unattended else DOES_NOT_REACT)
        elif not self.stops and now > self._deadline:
            self.rings += 1
            self._deadline = now + AGAIN
            self._interrupt(now)
        if self._is_stuck(now):
            self._end()

    def _stop(self, count: int, now: float) -> None:
        """Interrupt the code for the user. The second time, end the kernel if it did not react to the first."""
        if self._trouble:
            self._kernel.kill()  # it is out of reach: stop waiting for it
        elif self.stops and now > self._first_interrupt + UNMOVED / 2:
            self._end()
        self.stops = count
        self._interrupt(now)

    def _is_stuck(self, now: float) -> bool:
        """Return whether the kernel has ignored interrupts for so long that it has to be ended."""
        if self.rings and now > self._first_interrupt + STUBBORN:
            return True
        return bool(self.stops) and self._unattended and now > self._first_interrupt + ALONE

    def _interrupt(self, now: float) -> None:
        self._first_interrupt = self._first_interrupt or now
        if not self.ended:
            self._kernel.interrupt()

    def _end(self) -> None:
        self.ended = True
        self._kernel.end(at_once=True)
