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
from ..hints import Retry, RunCommand, SetOption, SetVariable, StartAfresh
from ..session import Json
from ..text import mask, one_line
from . import parameters
from .settings import Settings, public_url
from .troubles import BrokenOff, Refused, Reported, Silent, TooMuch, Trouble, Unreachable, Unusable, causes

SET_ADDRESS = SetOption("base_url", to="set the address")
IS_IT_ONE = "Is it an OpenAI-compatible endpoint, and does its address end in /v1?"


class Again(Exception):
    """A retry can help. `wait` is how long the endpoint asks us to wait, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Rejected(Exception):
    """The endpoint does not know a parameter, which the next request will do without."""


class Faults:
    """Judges what goes wrong at one endpoint. `offered` returns the names of its models, or raises Trouble."""

    def __init__(self, settings: Settings, offered: Callable[[], list[str]]) -> None:
        self._settings, self._offered = settings, offered
        self._endpoint = settings.endpoint

    def judge(self, trouble: Trouble, sent: Json) -> Again | Rejected | EndpointError:
        """Return what to raise in place of `trouble`; `sent` is the JSON of the request."""
        match trouble:
            case Refused():
                return self._refused(trouble, sent)
            case Reported():
                return self._reported(_Told.of(trouble.error))
            case Unreachable():
                return self._unreachable(trouble)
            case BrokenOff():
                return Again(f"The reply of {self._endpoint} broke off in the middle.")
            case Unusable():
                return EndpointError(self._unusable(trouble))
            case Silent():
                return self._silent()
            case TooMuch():
                fact = f"{self._endpoint} sends without end, and what it sends is no reply. {IS_IT_ONE}"
                return EndpointError(fact, SET_ADDRESS)
        quoted = self._quote(_without_tags(str(trouble)), 120)
        fact = f"{self._endpoint} sent something that is no chat completion: {quoted}. {IS_IT_ONE}"
        return EndpointError(fact, SET_ADDRESS)

    # -- no answer -----------------------------------------------------------------------------------------------------

    def _unreachable(self, trouble: Trouble) -> Again | EndpointError:
        import ssl

        led_here = list(causes(trouble))
        names = {type(cause).__name__ for cause in led_here}
        line = self._quote(led_here[-1], 200).rstrip(".")
        if names & {"ReadTimeout", "WriteTimeout"}:
            return self._silent()
        if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in led_here):
            return EndpointError(f"There is no host at {self._endpoint} ({line})", SET_ADDRESS)
        if "ConnectError" in names and any(isinstance(cause, ssl.SSLError) for cause in led_here):
            return EndpointError(
                f"{self._endpoint} cannot be trusted, or does not speak TLS: {line}. Is it http rather than https? "
                "A certificate authority of your own is named by the environment variable SSL_CERT_FILE"
            )
        if "illegal status line" in line:
            return EndpointError(
                f"{self._endpoint} answers, but not in HTTP ({line}). Is it https rather than http, or another port?",
                SET_ADDRESS,
            )
        return Again(
            f"{self._endpoint} cannot be reached ({line}). Is the server running, and the address right, http or https?"
        )

    def _unusable(self, trouble: Trouble) -> str:
        if trouble.args:
            return f"{self._endpoint} cannot be called: {trouble}"
        line = self._quote(list(causes(trouble))[-1], 200)
        return (
            f"{self._endpoint} cannot be called ({line}). Check the address, and the environment variables HTTP_PROXY, "
            "HTTPS_PROXY and SSL_CERT_FILE"
        )

    def _silent(self) -> EndpointError:
        fact = f"{self._endpoint} has been silent for {self._settings.timeout:g} s. If it hangs, restart it"
        return EndpointError(fact, SetOption("timeout", to="wait longer"))

    # -- an answer that is an error ------------------------------------------------------------------------------------

    def _refused(self, refused: Refused, sent: Json) -> Again | Rejected | EndpointError:
        status = refused.status
        told = _Told.of(refused.text)
        said = f"{status}: {self._said(told, status)}"
        if (status in (400, 413, 422, 500) and told.is_too_long) or status == 413:
            return self._too_long(told, status)
        if status in (400, 422) and (name := parameters.remember(self._settings, sent, told.param, told.message)):
            return Rejected(f"{self._endpoint} does not take {name}, so the request goes without it from now on.")
        if status in (408, 409, 429) or status >= 500:
            if told.code == "insufficient_quota" or refused.headers.get("x-should-retry") == "false":
                return EndpointError(f"{self._endpoint} answered {said}", Retry())
            return Again(f"{self._endpoint} answered {said}.", _retry_after(refused.headers))
        if status in (401, 403):
            return self._denied(said)
        if status in (404, 405):
            return self._not_found(said)
        if status < 400 and (place := refused.headers.get("location")):
            place = urljoin(f"{self._settings.base_url}/", place).partition("/chat/completions")[0]
            return EndpointError(f"{self._endpoint} has moved to {self._quote(public_url(place), 200)}", SET_ADDRESS)
        return EndpointError(f"{self._endpoint} refused the request ({said})")

    def _reported(self, told: _Told) -> Again | EndpointError:
        said = self._said(told, 500)
        if told.is_too_long:
            return self._too_long(told, 400)
        if told.code.startswith("4") and told.code not in ("408", "409", "429"):
            return EndpointError(f"{self._endpoint} refused the request ({told.code}: {said})")
        return Again(f"{self._endpoint} reported an error: {said}.")

    def _too_long(self, told: _Told, status: int) -> EndpointError:
        fact = f"The conversation is too long for {self._settings.model}: {self._said(told, status)}"
        return EndpointError(fact, StartAfresh(), SetOption("context_tokens", to="send only what the model takes"))

    def _denied(self, said: str) -> EndpointError:
        settings = self._settings
        if settings.login:
            fact = f"{self._endpoint} refused the user and the password in its address ({said})"
            return EndpointError(fact, SET_ADDRESS)
        name_it = SetOption("api_key_env", to="name the environment variable of its key")
        if not settings.key_name:
            return EndpointError(f"{self._endpoint} wants a key ({said})", name_it)
        refused = (
            f"refused the key in {settings.key_name}" if settings.key else f"wants a key: {settings.key_name} has none"
        )
        set_it = SetVariable(settings.key_name, to="change the key")
        return EndpointError(f"{self._endpoint} {refused} ({said})", set_it, name_it)

    def _not_found(self, said: str) -> EndpointError:
        """Return the error for a 404: a model that is not there, or a wrong address."""
        name = self._settings.model
        try:
            offered = self._offered()
        except Trouble:
            fact = f"There is no chat completion endpoint at {self._endpoint} ({said}). {IS_IT_ONE}"
            return EndpointError(fact, SET_ADDRESS)
        if name in offered:
            return EndpointError(f"{self._endpoint} refused the request ({said})")
        import difflib

        near = self._quote(", ".join(difflib.get_close_matches(name, offered, n=3, cutoff=0.0)), 200)
        fact = f"{self._endpoint} has no model {name!r}. The nearest it offers: {near or 'none at all'}"
        return EndpointError(fact, SetOption("model", to="choose one"), RunCommand("models", to="list them"))

    # -- its words -----------------------------------------------------------------------------------------------------

    def _said(self, told: _Told, status: int) -> str:
        from http import HTTPStatus

        said = self._quote(told.message, 240).rstrip(". ")
        known = [known.phrase for known in HTTPStatus if known == status]
        return said or "".join(known) or "nothing more"

    def _quote(self, text: object, limit: int) -> str:
        """Return text that is not ours on one line, without secrets, and without what is left of one (sk-ab****yz)."""
        masked = mask(str(text), self._settings.secrets)
        return one_line(re.sub(r"\S*\*{3,}\S*", "***", masked), limit)


class _Told:
    """What an error says, in OpenAI's words or in others."""

    def __init__(self, message: str, code: str = "", kind: str = "", param: str = "") -> None:
        self.message, self.code, self.kind, self.param = message, code, kind, param

    @classmethod
    def of(cls, error: Any) -> _Told:
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
