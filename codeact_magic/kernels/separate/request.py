"""One request to a kernel, from its sending to its end: answers, Ctrl+C, time that runs out, death."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from ...session import Json
from ..live.nested import Interrupts
from .kernels import Kernel, Message

TICK = 0.05  # seconds after which it looks again whether Ctrl+C was pressed
AGAIN = 5.0  # seconds after which code that went on in spite of an interrupt is interrupted again
STUBBORN = 15.0  # seconds after which a kernel that does not react to the end of its time is ended
UNMOVED = 2.0  # seconds without reaction to Ctrl+C after which the user is told what else there is
ALONE = 5.0  # seconds without reaction to Ctrl+C after which the kernel is ended where nobody can press it again
LATE = 1.0  # seconds between the two signs that it is over; an interrupt may cost one of them
END_OF_FILE = "\x04"  # what stands for Ctrl+D where input is asked for

DOES_NOT_REACT = "The code does not react. Ctrl+C again ends the kernel, and with it all variables."
WILL_BE_ENDED = f"The code does not react. In {ALONE - UNMOVED:g} s the kernel is ended, and with it all variables."
THERE_AGAIN = "The connection is there again."

Take = Callable[[str, Json], None]
Ask = Callable[[str, bool], str]  # the question, and whether the answer must not be seen


class Request:
    """Code that a kernel is asked to run.

    Args:
        kernel: where it runs.
        timeout: seconds after which it is interrupted (0: never).
        take: is handed the kind and the content of each message that shows something.
        ask: puts a question of the code to the user and returns the answer; None where nobody can be asked.
        tell: shows the user a line.
        calm: seconds in which it may end by itself before it is interrupted.
        alone: nobody is there who could press Ctrl+C twice.

    `reply` is the kernel's, empty where there came none: it died (`death` says how) or is out of reach (`lost` as
    well), or it was ended (`ended`) since it did not react. `rings` counts how often it was interrupted since its time
    was over, `stops` how often by the user.
    """

    def __init__(
        self,
        kernel: Kernel,
        timeout: float,
        take: Take,
        ask: Ask | None = None,
        tell: Callable[[str], None] = lambda line: None,
        calm: float = 0.0,
        alone: bool = False,
    ) -> None:
        self._kernel, self._take_output, self._ask, self._tell = kernel, take, ask, tell
        self._calm, self._alone = time.monotonic() + calm, alone
        self._deadline = time.monotonic() + timeout if timeout > 0 else float("inf")
        self._first = self._last = 0.0  # when it was interrupted
        self._id = ""
        self._begun = self._idle = self._warned = False
        self._ending = 0.0  # when the first of the signs came that it is over
        self.reply: Json = {}
        self._trouble = ""  # what was told of the connection
        self.death = ""
        self.ended = self.lost = False
        self.rings = self.stops = 0

    def run(self, content: Json, interrupts: Interrupts) -> None:
        """Send the request, and see to it until it has ended."""
        self._id = self._kernel.send("shell", "execute_request", content | {"allow_stdin": self._ask is not None})
        while not (self._done() or self.death or self.ended):
            self._attend(interrupts, time.monotonic())
            message = self._kernel.receive(TICK) if not self.ended else None
            if message is None:
                self._look()
            elif message.parent == self._id:
                with suppress(KeyError, TypeError, ValueError, AttributeError):  # code can send what is no such message
                    self._take(message, interrupts)

    def _look(self) -> None:
        """Look whether the kernel is still there."""
        if self.ended:
            return
        self.death, trouble = self._kernel.death(), self._kernel.trouble()
        self.lost = bool(self.death and trouble)
        if self.death:
            return
        if trouble and not self._trouble:
            self._tell(f"{trouble} Ctrl+C stops.")
        elif self._trouble and not trouble:
            self._tell(THERE_AGAIN)
        self._trouble = trouble

    def _done(self) -> bool:
        """Return whether all has come; the reply and the last of the messages come on different ways."""
        if self.reply and self._idle:
            return True
        return bool(self._ending) and time.monotonic() > self._ending + LATE

    def _take(self, message: Message, interrupts: Interrupts) -> None:
        if not self._begun and (self.stops or self.rings):  # an interrupt that came before is not noticed
            self._kernel.interrupt()
        self._begun = True
        match message.kind:
            case "execute_reply":
                self.reply, self._ending = message.content, time.monotonic()
            case "status":
                self._idle = message.content["execution_state"] == "idle"
                self._ending = time.monotonic() if self._idle else 0.0
            case "input_request" if message.channel == "stdin" and self._ask:
                self._answer(message.content, interrupts)
            case kind:
                self._take_output(kind, message.content)

    def _answer(self, question: Json, interrupts: Interrupts) -> None:
        """Have the user answer what the code asks; the time this takes is not the code's."""
        asked = time.monotonic()
        answer = None
        with suppress(KeyboardInterrupt):
            with interrupts.raised():
                assert self._ask is not None
                try:
                    answer = self._ask(str(question.get("prompt", "")), bool(question.get("password")))
                except EOFError:
                    answer = END_OF_FILE
        self._deadline += time.monotonic() - asked
        if answer is not None:
            self._kernel.send("stdin", "input_reply", {"value": answer})

    # -- interrupts ----------------------------------------------------------------------------------------------------

    def _attend(self, interrupts: Interrupts, now: float) -> None:
        """Pass on what the user and the clock want."""
        if interrupts.count > self.stops and now > self._calm:
            if self._trouble:
                self._kernel.kill()  # it is only waited for
            elif self.stops and now > self._first + UNMOVED / 2:
                self._end()
            self.stops = interrupts.count
            self._interrupt(now)
        elif self.stops and not self._warned and not self._trouble and now > self._first + UNMOVED:
            self._warned = True
            self._tell(WILL_BE_ENDED if self._alone else DOES_NOT_REACT)
        elif not self.stops and now > self._deadline:
            self.rings += 1
            self._deadline = now + AGAIN
            self._interrupt(now)
        if (self.rings and now > self._first + STUBBORN) or (self.stops and self._alone and now > self._first + ALONE):
            self._end()

    def _interrupt(self, now: float) -> None:
        self._first = self._first or now
        if not self.ended:
            self._kernel.interrupt()

    def _end(self) -> None:
        self.ended = True
        self._kernel.end(at_once=True)
