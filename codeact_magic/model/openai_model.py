"""A model behind an endpoint: it sends requests, retries them, and shows the user both."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ..agent import Delta, Request
from ..errors import EndpointError
from ..hints import Retry
from ..session import Json, Reply
from . import apis, history, parameters, prices, responses
from .background_reader import TICK, BackgroundReader
from .client import Client
from .encoding import BodyEncoder
from .error_classifier import ErrorClassifier, RefusedHistoryError, RejectedParameterError, RetryableError
from .prices import Price
from .reply_builder import ReplyBuilder
from .settings import Settings
from .transport_errors import IdleTimeoutError, TransportError, TruncatedReplyError, UnreachableError

FIRST_WAIT = 0.5  # seconds before the first retry; each wait is twice as long as the one before
LONGEST_WAIT = 120.0  # seconds that an endpoint may ask us to wait
TRAILER_TIMEOUT = 0.5  # seconds to wait, after a complete reply, for its usage and the end of the stream
LIST_TIMEOUT = 10.0  # seconds to wait for the list of models


class OpenAIModel:
    """A chat model behind an OpenAI-compatible endpoint."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.model
        self.endpoint = settings.endpoint
        self._client = Client(settings)
        self._encoder = BodyEncoder()
        self._classifier = ErrorClassifier(settings, self._offered)

    def reply(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        """Return the reply to `request`, and stream it through `show`, which is also called while nothing arrives.

        Raises:
            EndpointError: the request failed; its line says why, and names the remedy.
            KeyboardInterrupt: at any time, without delay; the endpoint stops writing, and the next request works.
        """
        failures = 0
        probed: TransportError | None = None  # the answer that led to a try of the other API
        while True:
            body = parameters.body(self.settings, request)
            body["messages"] = history.repaired(self.settings, body["messages"])
            try:
                return self._attempt(body, ReplyBuilder(request), show)
            except TransportError as error:
                if apis.may_take_responses(self.settings, error):
                    probed = error
                    continue
                if probed and apis.is_missing(error):  # neither API is there: the first answer says more
                    apis.takes_chat_only(self.settings)
                    error = probed
                probed = None
                classified = self._classifier.classify(error, body)
            if isinstance(classified, EndpointError):
                raise classified
            if isinstance(classified, RejectedParameterError | RefusedHistoryError):
                show(Delta(note=str(classified)))
            else:
                failures += 1
                self._wait(classified, failures, show)

    @property
    def price(self) -> Price | None:
        """The price of the model, None if it is not known."""
        return prices.price_of(self.settings.base_url, self.name, self.settings.price)

    def look_up_price(self) -> None:
        """Read the endpoint's list of models, which may give the prices. If there is no list, do nothing."""
        with suppress(TransportError):
            self._listed()

    def models(self) -> list[str]:
        """Return the names of the models that the endpoint offers. Raises EndpointError."""
        try:
            return self._offered()
        except TransportError as error:
            fault = self._classifier.classify(error, {})
            raise fault if isinstance(fault, EndpointError) else EndpointError(str(fault).rstrip(".")) from None

    def _attempt(self, body: Json, builder: ReplyBuilder, show: Callable[[Delta], None]) -> Reply:
        began = time.monotonic()
        reader = BackgroundReader(self._source(body))
        try:
            for parts in reader:
                show(builder.feed(b"".join(parts)))
                if builder.is_cut or (builder.has_ended and reader.silence > TRAILER_TIMEOUT):
                    break
                if reader.silence > self.settings.timeout:
                    raise IdleTimeoutError
            if not builder.is_cut:
                show(builder.end())
        except TruncatedReplyError:
            if not builder.has_ended:
                raise
        finally:
            reader.stop()
        reply = builder.reply(round(time.monotonic() - began, 3), self.name)
        return replace(reply, usage=prices.with_cost(reply.usage, self.price))

    def _source(self, body: Json) -> Callable[[BackgroundReader[bytes]], Iterator[bytes]]:
        """Return what a reader reads: the stream that answers the chat request `body`, by the API that is taken."""
        extra = json.loads(self.settings.extra_body or "{}")
        if apis.api_of(self.settings) == "chat":
            return partial(self._client.stream, self._encoder.encode(body | extra))
        data = self._encoder.encode(responses.body(body) | extra, "input")
        return lambda reader: responses.chat_stream(self._client.stream(data, reader, responses.PATH))

    def _wait(self, again: RetryableError, failures: int, show: Callable[[Delta], None]) -> None:
        """Wait before the next attempt. Raises EndpointError if there is none."""
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
        return [str(model["id"]) for model in self._listed()]

    def _listed(self) -> list[Json]:
        reader = BackgroundReader(self._client.models)
        try:
            for lists in reader:
                if lists:
                    prices.remember(self.settings.base_url, lists[0])
                    return lists[0]
                if reader.silence > min(LIST_TIMEOUT, self.settings.timeout):
                    raise IdleTimeoutError
        finally:
            reader.stop()
        raise UnreachableError
