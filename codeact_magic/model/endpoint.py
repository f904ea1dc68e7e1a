"""A model behind an endpoint: requests, retries, and what the user sees of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from ..agent import Delta, Request
from ..errors import EndpointError
from ..hints import Retry
from ..session import Json, Reply
from . import parameters
from .assembly import Assembly
from .client import Client
from .faults import Again, Faults, Rejected
from .pump import TICK, Pump
from .settings import Settings
from .troubles import BrokenOff, Silent, Trouble, Unreachable

FIRST_WAIT = 0.5  # seconds before the first retry; each is twice as long as the one before
LONGEST_WAIT = 120.0  # seconds that an endpoint may ask us to wait
LINGERING = 0.5  # seconds in which what follows a whole reply has to come: usage, and the end of the stream
LISTING = 10.0  # seconds in which the models have to be listed


class OpenAIModel:
    """A chat model behind an OpenAI-compatible endpoint."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.model
        self.endpoint = settings.endpoint
        self._client = Client(settings)
        self._faults = Faults(settings, self._offered)

    def reply(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        """Return the reply, streamed through `show`.

        Raises:
            EndpointError: one line that says what is wrong and what to do.
            KeyboardInterrupt: in each phase at once; the endpoint stops writing, and the next request works.
        """
        failures = 0
        while True:
            body = parameters.body(self.settings, request)
            try:
                return self._attempt(body, Assembly(request), show)
            except Trouble as trouble:
                fault = self._faults.judge(trouble, body)
            if isinstance(fault, EndpointError):
                raise fault
            if isinstance(fault, Rejected):
                show(Delta(note=str(fault)))
            else:
                failures += 1
                self._wait(fault, failures, show)

    def models(self) -> list[str]:
        """Return the names of what the endpoint offers. Raises EndpointError."""
        try:
            return self._offered()
        except Trouble as trouble:
            fault = self._faults.judge(trouble, {})
            raise fault if isinstance(fault, EndpointError) else EndpointError(str(fault).rstrip(".")) from None

    def _attempt(self, body: Json, assembly: Assembly, show: Callable[[Delta], None]) -> Reply:
        began = time.monotonic()
        pump = Pump(partial(self._client.stream, body))
        try:
            for parts in pump:
                show(assembly.feed(b"".join(parts)))
                if assembly.is_cut or (assembly.finish and pump.silence > LINGERING):
                    break
                if pump.silence > self.settings.timeout:
                    raise Silent
        except BrokenOff:
            if not assembly.finish:
                raise
        finally:
            pump.stop()
        return assembly.reply(round(time.monotonic() - began, 3), self.name)

    def _wait(self, again: Again, failures: int, show: Callable[[Delta], None]) -> None:
        """Wait for the next try. Raises EndpointError where there is none."""
        retries = self.settings.retries
        wait = FIRST_WAIT * 2 ** (failures - 1) if again.wait is None else again.wait
        if failures > retries:
            raise EndpointError(f"{again} Tried {failures} times." if retries else str(again), Retry())
        if wait > LONGEST_WAIT:
            raise EndpointError(f"{again} It asks to wait {wait:.0f} s.", Retry())
        show(Delta(note=f"{again} Trying again in {wait:.3g} s ({failures} of {retries})."))
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(TICK, left))
            show(Delta())

    def _offered(self) -> list[str]:
        pump = Pump(self._client.models)
        try:
            for listings in pump:
                if listings:
                    return listings[0]
                if pump.silence > min(LISTING, self.settings.timeout):
                    raise Silent
        finally:
            pump.stop()
        raise Unreachable
