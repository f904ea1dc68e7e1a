"""Whose error is it? What goes wrong at an endpoint becomes a retry, or one line that says what to do."""

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

SET_ADDRESS = "Set it with --base-url or %config CodeAct.base_url"
IS_IT_ONE = f"Is it an OpenAI-compatible endpoint, and does its address end in /v1? {SET_ADDRESS}"
LATER = "Run the cell again later; the thread can go on"


class RetryableError(Exception):
    """A retry can help. `wait` is how long the endpoint asks us to wait, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RejectedParameterError(Exception):
    """The endpoint does not know a parameter, which the next request will do without."""


class ErrorClassifier:
    """Judges what goes wrong at one endpoint. `offered` returns the names of its models, or raises TransportError."""

    def __init__(self, settings: Settings, offered: Callable[[], list[str]]) -> None:
        self._settings, self._offered = settings, offered
        self._endpoint = settings.endpoint

    def classify(self, error: TransportError, sent: Json) -> RetryableError | RejectedParameterError | EndpointError:
        """Return what to raise in place of `error`; `sent` is the JSON of the request."""
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
                return EndpointError(self._silent())
            case OversizedReplyError():
                return EndpointError(f"{self._endpoint} sends without end, and what it sends is no reply. {IS_IT_ONE}")
        quoted = self._quote(_without_tags(str(error)), 120)
        return EndpointError(f"{self._endpoint} sent something that is no chat completion: {quoted}. {IS_IT_ONE}")

    # -- no answer -----------------------------------------------------------------------------------------------------

    def _unreachable(self, error: TransportError) -> RetryableError | EndpointError:
        import ssl

        led_here = list(causes(error))
        names = {type(cause).__name__ for cause in led_here}
        line = self._quote(led_here[-1], 200).rstrip(".")
        if names & {"ReadTimeout", "WriteTimeout"}:
            return EndpointError(self._silent())
        if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in led_here):
            return EndpointError(f"There is no host at {self._endpoint} ({line}). {SET_ADDRESS}")
        if "ConnectError" in names and any(isinstance(cause, ssl.SSLError) for cause in led_here):
            return EndpointError(
                f"{self._endpoint} cannot be trusted, or does not speak TLS: {line}. Is it http rather than https? "
                "A certificate authority of your own is named by the environment variable SSL_CERT_FILE"
            )
        if "illegal status line" in line:
            return EndpointError(
                f"{self._endpoint} answers, but not in HTTP ({line}). Is it https rather than http, or another port? "
                f"{SET_ADDRESS}"
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

    def _silent(self) -> str:
        return (
            f"{self._endpoint} has been silent for {self._settings.timeout:g} s. If it needs longer, raise %config "
            "CodeAct.timeout; if it hangs, restart it. The thread can go on"
        )

    # -- an answer that is an error ------------------------------------------------------------------------------------

    def _refused(self, refused: HttpStatusError, sent: Json) -> RetryableError | RejectedParameterError | EndpointError:
        status = refused.status
        told = _ErrorDetails.of(refused.text)
        said = f"{status}: {self._said(told, status)}"
        if (status in (400, 413, 422, 500) and told.is_too_long) or status == 413:
            return self._too_long(told, status)
        if status in (400, 422) and (
            name := parameters.remember_rejected(self._settings, sent, told.param, told.message)
        ):
            return RejectedParameterError(
                f"{self._endpoint} does not take {name}, so the request goes without it from now on."
            )
        if status in (408, 409, 429) or status >= 500:
            if told.code == "insufficient_quota" or refused.headers.get("x-should-retry") == "false":
                return EndpointError(f"{self._endpoint} answered {said}. {LATER}")
            return RetryableError(f"{self._endpoint} answered {said}.", _retry_after(refused.headers))
        if status in (401, 403):
            return EndpointError(self._denied(said))
        if status in (404, 405):
            return EndpointError(self._not_found(said))
        if status < 400 and (place := refused.headers.get("location")):
            place = urljoin(f"{self._settings.base_url}/", place).partition("/chat/completions")[0]
            return EndpointError(f"{self._endpoint} has moved to {self._quote(public_url(place), 200)}. {SET_ADDRESS}")
        return EndpointError(f"{self._endpoint} refused the request ({said})")

    def _reported(self, told: _ErrorDetails) -> RetryableError | EndpointError:
        said = self._said(told, 500)
        if told.is_too_long:
            return self._too_long(told, 400)
        if told.code.startswith("4") and told.code not in ("408", "409", "429"):
            return EndpointError(f"{self._endpoint} refused the request ({told.code}: {said})")
        return RetryableError(f"{self._endpoint} reported an error: {said}.")

    def _too_long(self, told: _ErrorDetails, status: int) -> EndpointError:
        return EndpointError(
            f"The conversation is too long for {self._settings.model}: {self._said(told, status)}. Start afresh with "
            "--new, or set %config CodeAct.context_tokens to what the model takes"
        )

    def _denied(self, said: str) -> str:
        settings = self._settings
        if settings.login:
            return f"{self._endpoint} refused the user and the password in its address ({said}). {SET_ADDRESS}"
        if not settings.key_name:
            return f"{self._endpoint} wants a key ({said}). Name its environment variable: %config CodeAct.api_key_env"
        refused = (
            f"refused the key in {settings.key_name}" if settings.key else f"wants a key: {settings.key_name} has none"
        )
        return (
            f"{self._endpoint} {refused} ({said}). Set that environment variable, or name another with %config "
            "CodeAct.api_key_env"
        )

    def _not_found(self, said: str) -> str:
        """Return the line for a 404: a model that is not there, or a wrong address."""
        name = self._settings.model
        try:
            offered = self._offered()
        except TransportError:
            return f"There is no chat completion endpoint at {self._endpoint} ({said}). {IS_IT_ONE}"
        if name in offered:
            return f"{self._endpoint} refused the request ({said})"
        import difflib

        near = self._quote(", ".join(difflib.get_close_matches(name, offered, n=3, cutoff=0.0)), 200)
        return (
            f"{self._endpoint} has no model {name!r}. The nearest it offers: {near or 'none at all'}. Choose with "
            "--model; %codeact models lists them"
        )

    # -- its words -----------------------------------------------------------------------------------------------------

    def _said(self, told: _ErrorDetails, status: int) -> str:
        from http import HTTPStatus

        said = self._quote(told.message, 240).rstrip(". ")
        known = [known.phrase for known in HTTPStatus if known == status]
        return said or "".join(known) or "nothing more"

    def _quote(self, text: object, limit: int) -> str:
        """Return text that is not ours on one line, without secrets, and without what is left of one (sk-ab****yz)."""
        masked = mask(str(text), self._settings.secrets)
        return one_line(re.sub(r"\S*\*{3,}\S*", "***", masked), limit)


class _ErrorDetails:
    """What an error says, in OpenAI's words or in others."""

    def __init__(self, message: str, code: str = "", kind: str = "", param: str = "") -> None:
        self.message, self.code, self.kind, self.param = message, code, kind, param

    @classmethod
    def of(cls, error: Any) -> _ErrorDetails:
        """Read an error: JSON in many variations, as text or parsed, or a text, or an HTML page."""
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
        """Whether it says that the conversation is too long for the model."""
        known = {"context_length_exceeded", "exceed_context_size_error"}
        return bool(known & {self.code, self.kind}) or bool(re.search(_TOO_LONG, self.message, re.IGNORECASE))


_TOO_LONG = (  # compiled on use, as everything here that costs time at import
    r"maximum context|context.(length|size|window).{0,20}exceed|exceed.{0,40}(context|maximum number of tokens)"
    r"|longer than the .{0,20}(context|model) length|greater than the context|too large for model"
    r"|prompt is too long|too many tokens|max_model_len|\bn_ctx\b|inputs?. tokens.{0,40}must be <="
)


def _without_tags(text: str) -> str:
    if "<" not in text:
        return text
    return re.sub(r"<[^>]*>", " ", re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks us to wait; Retry-After holds seconds or a date (RFC 9110, 10.2.3)."""
    from email.utils import parsedate_to_datetime

    value = headers.get("retry-after", "")
    for text, unit in ((headers.get("retry-after-ms", ""), 1000), (value, 1)):
        with suppress(ValueError):
            if (seconds := float(text) / unit) >= 0:
                return seconds
    with suppress(TypeError, ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None
