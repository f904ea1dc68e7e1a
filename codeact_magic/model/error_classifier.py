"""Classify the errors of requests: each becomes a retry, or one line that names the problem and the remedy."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urljoin

from ..errors import EndpointError
from ..hints import Retry, RunCommand, SetOption, SetVariable, StartAfresh
from ..session import Json
from ..text import mask, one_line
from . import history, parameters
from .error_details import ErrorDetails, without_tags
from .settings import Settings, public_url
from .transport_errors import (
    ClientSetupError,
    FailedReplyError,
    FilteredReplyError,
    HttpStatusError,
    IdleTimeoutError,
    OversizedReplyError,
    RefusedReplyError,
    StreamedError,
    TornReplyError,
    TransportError,
    TruncatedReplyError,
    UnreachableError,
    causes,
)
from .wordings import FINAL_KINDS

SET_ADDRESS = SetOption("base_url", to="set the address")
IS_IT_ONE = "Is it an OpenAI-compatible endpoint, and does its address end in /v1?"


class RetryableError(Exception):
    """A retry can help. `wait` is the time in seconds that the endpoint asks us to wait, None if it does not ask."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RejectedParameterError(Exception):
    """The endpoint rejected a parameter, which later requests leave out."""


class RefusedHistoryError(Exception):
    """The endpoint refused the conversation as it was sent; the next request sends it in another way."""


Classified = RetryableError | RejectedParameterError | RefusedHistoryError | EndpointError
_PASSING = (408, 409, 429)  # statuses below 500 that may pass


class ErrorClassifier:
    """Classifies the errors of one endpoint. `offered` returns the names of its models, or raises TransportError."""

    def __init__(self, settings: Settings, offered: Callable[[], list[str]]) -> None:
        self._settings = settings
        self._offered = offered
        self._endpoint = settings.endpoint

    def classify(self, error: TransportError, sent: Json) -> Classified:
        """Return the error to raise or handle in place of `error`; `sent` is the JSON of the request."""
        match error:
            case HttpStatusError():
                return self._refused(error, sent)
            case StreamedError():
                return self._reported(ErrorDetails.of(error.error), sent)
            case UnreachableError():
                return self._unreachable(error)
            case TruncatedReplyError():
                return RetryableError(f"The reply of {self._endpoint} broke off in the middle.")
            case FilteredReplyError() | RefusedReplyError():
                return self._withheld(error)
            case FailedReplyError() | TornReplyError():
                return self._broken(error)
            case ClientSetupError():
                return EndpointError(self._unusable(error))
            case IdleTimeoutError():
                return self._silent()
            case OversizedReplyError():
                fact = f"{self._endpoint} sends without end, and what it sends is not a reply. {IS_IT_ONE}"
                return EndpointError(fact, SET_ADDRESS)
        quoted = self._quote(without_tags(str(error)), 120)
        fact = f"{self._endpoint} sent something that is not a chat completion: {quoted}. {IS_IT_ONE}"
        return EndpointError(fact, SET_ADDRESS)

    # -- no answer -----------------------------------------------------------------------------------------------------

    def _unreachable(self, error: TransportError) -> RetryableError | EndpointError:
        import ssl

        chain = list(causes(error))
        names = {type(cause).__name__ for cause in chain}
        line = self._quote(chain[-1], 200).rstrip(".")
        if names & {"ReadTimeout", "WriteTimeout"}:
            return self._silent()
        if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in chain):
            return EndpointError(f"There is no host at {self._endpoint} ({line})", SET_ADDRESS)
        if "ConnectError" in names and any(isinstance(cause, ssl.SSLError) for cause in chain):
            return EndpointError(
                f"{self._endpoint} cannot be trusted, or does not speak TLS: {line}. Is it http rather than https? "
                "A certificate authority of your own is named by the environment variable SSL_CERT_FILE"
            )
        if "illegal status line" in line:
            return EndpointError(
                f"{self._endpoint} answers, but not in HTTP ({line}). Is it https rather than http, or another port?",
                SET_ADDRESS,
            )
        return RetryableError(
            f"{self._endpoint} cannot be reached ({line}). Is the server running, and the address right, http or https?"
        )

    def _unusable(self, error: TransportError) -> str:
        if error.args:
            return f"{self._endpoint} cannot be called: {error}"
        line = self._quote(list(causes(error))[-1], 200)
        return (
            f"{self._endpoint} cannot be called ({line}). Check the address, and the environment variables HTTP_PROXY, "
            "HTTPS_PROXY and SSL_CERT_FILE"
        )

    def _silent(self) -> EndpointError:
        fact = f"{self._endpoint} has been silent for {self._settings.timeout:g} s. If it hangs, restart it"
        return EndpointError(fact, SetOption("timeout", to="wait longer"))

    # -- an answer that is an error ------------------------------------------------------------------------------------

    def _refused(self, refused: HttpStatusError, sent: Json) -> Classified:
        status = refused.status
        details = ErrorDetails.of(refused.text)
        if status < 400 and (location := refused.headers.get("location")):
            location = urljoin(f"{self._settings.base_url}/", location).partition("/chat/completions")[0]
            return EndpointError(f"{self._endpoint} has moved to {self._quote(public_url(location), 200)}", SET_ADDRESS)
        if refused.headers.get("x-should-retry") == "false" and (status in _PASSING or status >= 500):
            return EndpointError(f"{self._endpoint} answered {self._answer(details, status)}", Retry())
        wait = _retry_after(refused.headers)
        return self._answered(status, details, sent, details.wait if wait is None else wait)

    def _reported(self, details: ErrorDetails, sent: Json) -> Classified:
        """Classify an error that came with status 200: its code or its type stand for a status."""
        status = details.status
        if status is None:
            if details.is_too_long:
                return self._too_long(details, 400)
            return RetryableError(f"{self._endpoint} reported an error: {self._message(details, 500)}.", details.wait)
        return self._answered(status, details, sent, details.wait)

    def _answered(self, status: int, details: ErrorDetails, sent: Json, wait: float | None) -> Classified:
        answer = self._answer(details, status)
        if (status in (400, 413, 422, 500) and details.is_too_long) or status == 413:
            return self._too_long(details, status)
        if status in (400, 422, 500) and (changed := self._changed(status, details, sent)):
            return changed
        if status in _PASSING or status >= 500:
            if {details.code.lower(), details.kind.lower()} & FINAL_KINDS:
                return EndpointError(f"{self._endpoint} answered {answer}", Retry())
            return RetryableError(f"{self._endpoint} answered {answer}.", wait)
        if status in (401, 403):
            return self._denied(answer)
        if status in (404, 405):
            return self._not_found(answer)
        return EndpointError(f"{self._endpoint} refused the request ({answer})")

    def _changed(self, status: int, details: ErrorDetails, sent: Json) -> Classified | None:
        """Return the error for a request that can be changed so that the endpoint may take it, None for any other."""
        messages = sent.get("messages")
        answer = self._answer(details, status)
        if messages and history.is_about_history(status, details):
            how = history.remember_refused(self._settings, messages, details)
            if not how:
                return None
            return RefusedHistoryError(f"{self._endpoint} refused the conversation ({answer}). It is sent again {how}.")
        rejection = parameters.remember_rejected(self._settings, sent, details) if status != 500 else None
        if rejection is None:
            return None
        if rejection.value is not None:
            fact = f"{self._endpoint} does not take {rejection.value} for {rejection.name} ({answer})"
            return EndpointError(fact, SetOption("max_tokens" if "tokens" in rejection.name else rejection.name))
        return RejectedParameterError(
            f"{self._endpoint} does not take {rejection.name}, so the request goes without it from now on."
        )

    # -- a reply that did not end well ---------------------------------------------------------------------------------

    def _withheld(self, error: FilteredReplyError | RefusedReplyError) -> EndpointError:
        name = self._settings.model
        words = self._quote(error, 300)
        if isinstance(error, RefusedReplyError):
            return EndpointError(f"{name} refused to reply: {words}")
        return EndpointError(f"A content filter of {self._endpoint} withheld the reply (finish_reason {words!r})")

    def _broken(self, error: FailedReplyError | TornReplyError) -> RetryableError:
        words = self._quote(error, 40)
        if isinstance(error, FailedReplyError):
            return RetryableError(f"{self._endpoint} ended its reply with an error (finish_reason {words!r}).")
        return RetryableError(
            f"{self._endpoint} ended its reply with the unknown finish_reason {words!r}, and the reply is not complete."
        )

    def _too_long(self, details: ErrorDetails, status: int) -> EndpointError:
        fact = f"The conversation is too long for {self._settings.model}: {self._message(details, status)}"
        return EndpointError(fact, StartAfresh(), SetOption("context_tokens", to="send only what the model takes"))

    def _denied(self, answer: str) -> EndpointError:
        settings = self._settings
        if settings.login:
            fact = f"{self._endpoint} refused the user and the password in its address ({answer})"
            return EndpointError(fact, SET_ADDRESS)
        name_it = SetOption("api_key_env", to="name the environment variable of its key")
        if not settings.key_name:
            return EndpointError(f"{self._endpoint} wants a key ({answer})", name_it)
        refused = (
            f"refused the key in {settings.key_name}" if settings.key else f"wants a key: {settings.key_name} has none"
        )
        set_it = SetVariable(settings.key_name, to="change the key")
        return EndpointError(f"{self._endpoint} {refused} ({answer})", set_it, name_it)

    def _not_found(self, answer: str) -> EndpointError:
        """Return the error for a 404: the model does not exist, or the address is wrong."""
        name = self._settings.model
        try:
            offered = self._offered()
        except TransportError:
            fact = f"There is no chat completion endpoint at {self._endpoint} ({answer}). {IS_IT_ONE}"
            return EndpointError(fact, SET_ADDRESS)
        if name in offered:
            return EndpointError(f"{self._endpoint} refused the request ({answer})")
        import difflib

        near = self._quote(", ".join(difflib.get_close_matches(name, offered, n=3, cutoff=0.0)), 200)
        fact = f"{self._endpoint} has no model {name!r}. The nearest it offers: {near or 'none at all'}"
        return EndpointError(fact, SetOption("model", to="choose one"), RunCommand("models", to="list them"))

    # -- quotes --------------------------------------------------------------------------------------------------------

    def _answer(self, details: ErrorDetails, status: int) -> str:
        return f"{status}: {self._message(details, status)}"

    def _message(self, details: ErrorDetails, status: int) -> str:
        from http import HTTPStatus

        answer = self._quote(details.message, 240).rstrip(". ")
        phrase = next((known.phrase for known in HTTPStatus if known == status), "")
        return answer or phrase or "nothing more"

    def _quote(self, text: object, limit: int) -> str:
        """Return foreign text on one line, without secrets, even if they are already masked (sk-ab****yz)."""
        masked = mask(str(text), self._settings.secrets)
        return one_line(re.sub(r"\S*\*{3,}\S*", "***", masked), limit)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks us to wait, None if it does not ask.

    Retry-After holds seconds or a date (RFC 9110, 10.2.3).
    """
    from email.utils import parsedate_to_datetime

    value = headers.get("retry-after", "")
    for text, unit in ((headers.get("retry-after-ms", ""), 1000), (value, 1)):
        with suppress(ValueError):
            if (seconds := float(text) / unit) >= 0:
                return seconds
    with suppress(TypeError, ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None
