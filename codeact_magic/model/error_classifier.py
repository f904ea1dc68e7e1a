"""Classify the errors of requests: each becomes a retry, or one line that names the problem and the remedy."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

from ..errors import EndpointError
from ..hints import Retry, RunCommand, SetOption, SetVariable, StartAfresh
from ..session import Json
from ..text import mask, one_line
from . import parameters
from .settings import Settings, public_url
from .transport_errors import (
    ClientSetupError,
    HttpStatusError,
    IdleTimeoutError,
    OversizedReplyError,
    StreamedError,
    TransportError,
    TruncatedReplyError,
    UnreachableError,
    causes,
)

SET_ADDRESS = SetOption("base_url", to="set the address")
IS_IT_ONE = "Is it an OpenAI-compatible endpoint, and does its address end in /v1?"


class RetryableError(Exception):
    """A retry can help. `wait` is the time in seconds that the endpoint asks us to wait, None if it does not ask."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RejectedParameterError(Exception):
    """The endpoint rejected a parameter, which later requests leave out."""


class ErrorClassifier:
    """Classifies the errors of one endpoint. `offered` returns the names of its models, or raises TransportError."""

    def __init__(self, settings: Settings, offered: Callable[[], list[str]]) -> None:
        self._settings = settings
        self._offered = offered
        self._endpoint = settings.endpoint

    def classify(self, error: TransportError, sent: Json) -> RetryableError | RejectedParameterError | EndpointError:
        """Return the error to raise or handle in place of `error`; `sent` is the JSON of the request."""
        match error:
            case HttpStatusError():
                return self._refused(error, sent)
            case StreamedError():
                return self._reported(_ErrorDetails.of(error.error))
            case UnreachableError():
                return self._unreachable(error)
            case TruncatedReplyError():
                return RetryableError(f"The reply of {self._endpoint} broke off in the middle.")
            case ClientSetupError():
                return EndpointError(self._unusable(error))
            case IdleTimeoutError():
                return self._silent()
            case OversizedReplyError():
                fact = f"{self._endpoint} sends without end, and what it sends is not a reply. {IS_IT_ONE}"
                return EndpointError(fact, SET_ADDRESS)
        quoted = self._quote(_without_tags(str(error)), 120)
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

    def _refused(self, refused: HttpStatusError, sent: Json) -> RetryableError | RejectedParameterError | EndpointError:
        status = refused.status
        details = _ErrorDetails.of(refused.text)
        answer = f"{status}: {self._message(details, status)}"
        if (status in (400, 413, 422, 500) and details.is_too_long) or status == 413:
            return self._too_long(details, status)
        if status in (400, 422) and (name := self._rejected_parameter(sent, details)):
            return RejectedParameterError(
                f"{self._endpoint} does not take {name}, so the request goes without it from now on."
            )
        if status in (408, 409, 429) or status >= 500:
            if details.code == "insufficient_quota" or refused.headers.get("x-should-retry") == "false":
                return EndpointError(f"{self._endpoint} answered {answer}", Retry())
            return RetryableError(f"{self._endpoint} answered {answer}.", _retry_after(refused.headers))
        if status in (401, 403):
            return self._denied(answer)
        if status in (404, 405):
            return self._not_found(answer)
        if status < 400 and (location := refused.headers.get("location")):
            location = urljoin(f"{self._settings.base_url}/", location).partition("/chat/completions")[0]
            return EndpointError(f"{self._endpoint} has moved to {self._quote(public_url(location), 200)}", SET_ADDRESS)
        return EndpointError(f"{self._endpoint} refused the request ({answer})")

    def _rejected_parameter(self, sent: Json, details: _ErrorDetails) -> str:
        return parameters.remember_rejected(self._settings, sent, details.param, details.message)

    def _reported(self, details: _ErrorDetails) -> RetryableError | EndpointError:
        answer = self._message(details, 500)
        if details.is_too_long:
            return self._too_long(details, 400)
        if details.code.startswith("4") and details.code not in ("408", "409", "429"):
            return EndpointError(f"{self._endpoint} refused the request ({details.code}: {answer})")
        return RetryableError(f"{self._endpoint} reported an error: {answer}.")

    def _too_long(self, details: _ErrorDetails, status: int) -> EndpointError:
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

    def _message(self, details: _ErrorDetails, status: int) -> str:
        from http import HTTPStatus

        answer = self._quote(details.message, 240).rstrip(". ")
        phrase = next((known.phrase for known in HTTPStatus if known == status), "")
        return answer or phrase or "nothing more"

    def _quote(self, text: object, limit: int) -> str:
        """Return foreign text on one line, without secrets, even if they are already masked (sk-ab****yz)."""
        masked = mask(str(text), self._settings.secrets)
        return one_line(re.sub(r"\S*\*{3,}\S*", "***", masked), limit)


class _ErrorDetails:
    """The details of an error that an endpoint sent, in OpenAI's format or another."""

    def __init__(self, message: str, code: str = "", kind: str = "", param: str = "") -> None:
        self.message = message
        self.code = code
        self.kind = kind
        self.param = param

    @classmethod
    def of(cls, error: Any) -> _ErrorDetails:
        """Read an error: JSON in many variations, as text or parsed; plain text; or an HTML page."""
        if isinstance(error, str):
            with suppress(ValueError, RecursionError):
                error = json.loads(error)
        if isinstance(error, list) and error:
            error = error[0]
        if isinstance(error, dict):
            error = error.get("error") or error
        if not isinstance(error, dict):
            return cls(_without_tags(str(error)))
        message = error.get("message") or error.get("detail") or error
        message = message if isinstance(message, str) else json.dumps(message)
        code, kind, param = (str(error.get(name) or "") for name in ("code", "type", "param"))
        return cls(message, code, kind, param)

    @property
    def is_too_long(self) -> bool:
        """Whether the conversation is too long for the model."""
        known = {"context_length_exceeded", "exceed_context_size_error"}
        return bool(known & {self.code, self.kind}) or bool(re.search(_TOO_LONG, self.message, re.IGNORECASE))


_TOO_LONG = (  # compiled on first use, to keep the import fast
    r"maximum context|context.(length|size|window).{0,20}exceed|exceed.{0,40}(context|maximum number of tokens)"
    r"|longer than the .{0,20}(context|model) length|greater than the context|too large for model"
    r"|prompt is too long|too many tokens|max_model_len|\bn_ctx\b|inputs?. tokens.{0,40}must be <="
)


def _without_tags(text: str) -> str:
    if "<" not in text:
        return text
    return re.sub(r"<[^>]*>", " ", re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE))


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
