"""The choice of the endpoint, the model and the key, from the options and the environment."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ..errors import UsageError
from ..hints import RunCommand, SetOption, SetVariable
from ..kernels.sent.environment import SHORTEST, secrets_here
from ..options import Options
from ..text import is_web_address, one_line
from . import OpenAIModel, Settings, prices, public_url

if TYPE_CHECKING:
    from ..local import Server

LOCAL = "local"  # what stands for the local model's address
OPENAI = "https://api.openai.com/v1"

NO_ENDPOINT = "No model is set up."
SET_ONE_UP = (
    SetVariable("OPENAI_API_KEY", to="use OpenAI"),
    SetOption("base_url", to="give the address of another provider or server"),
    RunCommand("local", to="fetch the small local model"),
)
LOCAL_LINE = "No endpoint is set, so the local model answers: {name}, a small model for demonstration."


def address(options: Options) -> str:
    """Return the endpoint's address: OpenAI's if only its key is set, empty if nothing is set."""
    url = options.base_url or os.environ.get("OPENAI_BASE_URL", "")
    # Another provider's key is never sent to OpenAI.
    has_key = options.api_key_env == "OPENAI_API_KEY" and bool(os.environ.get("OPENAI_API_KEY"))
    return url or (OPENAI if has_key else "")


def secrets(options: Options) -> dict[str, str]:
    """Return the texts that must never be shown, saved or sent, each with the name of what holds it.

    They are keys, tokens and passwords of the environment, the password in the endpoint's address, and the further
    headers of requests.
    """
    password = _password(address(options))
    own = dict.fromkeys([text for _, text in _headers(options)], "extra_headers")
    own |= {os.environ.get(options.api_key_env, "").strip(): options.api_key_env}
    own |= dict.fromkeys([password, unquote(password)], "base_url")
    own |= {repr(secret)[1:-1]: name for secret, name in own.items()}
    return secrets_here() | {secret: name for secret, name in own.items() if len(secret) >= SHORTEST}


class Endpoints:
    """Builds models, and keeps one for each set of settings.

    `tell` shows the user a line. `waiting` shows a line while something takes time; an empty line removes it.
    `check` raises UsageError if an endpoint ("local": the local model) and a model of it may not be used.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        waiting: Callable[[str], None],
        check: Callable[[str, str], None] = lambda endpoint, model: None,
    ) -> None:
        self._tell = tell
        self._waiting = waiting
        self._check = check
        self._models: dict[Settings, OpenAIModel] = {}
        self._only: dict[str, str] = {}  # endpoint -> the one model that it offers

    def model(self, options: Options) -> OpenAIModel:
        """Return the model that `options` name. Raises UsageError, EndpointError, LocalModelError."""
        where = public_url(address(options)) or LOCAL
        self._check(where, options.model)
        settings = _endpoint_settings(options) if address(options) else self._local_settings(options)
        if not settings.model:
            settings = replace(settings, model=self._only_model(settings))
        self._check(where, settings.model)
        settings = replace(settings, price=prices.given(options.prices, settings.model))
        model = self._models.setdefault(settings, OpenAIModel(settings))
        if options.max_cost_per_turn and not model.price:
            model.look_up_price()
        return model

    def offered(self, options: Options) -> list[str]:
        """Return the names of the models that the endpoint offers. Raises UsageError, EndpointError."""
        self._check(public_url(address(options)) or LOCAL, "")
        if not address(options):
            server = _running()
            if server is None:
                raise UsageError(NO_ENDPOINT, *SET_ONE_UP)
            return [server.model]
        return OpenAIModel(_endpoint_settings(options)).models()

    def window(self, model: OpenAIModel) -> int:
        """Return how many tokens of a thread the local model can be sent; 0 for every other model."""
        server = _running()
        return server.context * 7 // 8 if server and model.settings.base_url == server.base_url else 0

    def start_local(self, options: Options, path: str | None = None) -> Server:
        """Return the local model's server, fetched and started if necessary. Raises LocalModelError."""
        from .. import local

        try:
            return local.start(options.local_model, path=path, tick=self._tick)
        finally:
            self._waiting("")

    def close(self) -> None:
        """End the local model's server."""
        if _running():
            from .. import local

            local.stop()

    def _local_settings(self, options: Options) -> Settings:
        from .. import local

        if _running() is None:
            if local.find(options.local_model) is None:
                raise UsageError(NO_ENDPOINT, *SET_ONE_UP)
            self._tell(LOCAL_LINE.format(name=options.local_model))
        server = self.start_local(options)
        return replace(_settings(options, server.base_url, server.model, key_name=""), key=server.key)

    def _only_model(self, settings: Settings) -> str:
        """Return the one model that an endpoint offers. Raises UsageError if the user has to choose."""
        url = settings.base_url
        if url not in self._only:
            offered = OpenAIModel(settings).models()
            if len(offered) != 1:
                some = ", ".join(offered[:5]) + (", ..." if len(offered) > 5 else "")
                raise UsageError(
                    f"{public_url(url)} offers {len(offered)} models ({one_line(some or 'none')})",
                    SetOption("model", to="choose one"),
                    RunCommand("models", to="list them"),
                )
            self._only[url] = offered[0]
        return self._only[url]

    def _tick(self, seconds: float) -> None:
        if seconds >= 1:
            self._waiting(f"the local model is loading … {seconds:.0f} s")


def _endpoint_settings(options: Options) -> Settings:
    url = address(options)
    _check_address(url)
    return _settings(options, url, options.model, key_name=options.api_key_env)


def _settings(options: Options, url: str, model: str, key_name: str) -> Settings:
    return Settings(
        base_url=url,
        model=model,
        key=os.environ.get(key_name, ""),
        key_name=key_name,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
        timeout=options.timeout,
        retries=options.retries,
        api=options.api,
        reasoning_effort=options.reasoning_effort,
        top_p=options.top_p,
        seed=options.seed,
        extra_body=json.dumps(options.extra_body) if options.extra_body else "",
        extra_headers=_headers(options),
    )


def _headers(options: Options) -> tuple[tuple[str, str], ...]:
    """Return the further headers of a request; a variable that is not set stands for no header."""
    headers = ((name, _expanded(text)) for name, text in options.extra_headers.items())
    return tuple((name, text) for name, text in headers if text)


def _expanded(text: str) -> str:
    return os.environ.get(text[1:], "").strip() if text.startswith("$") else text


def _running() -> Server | None:
    """Return the local model's server if it runs. Then its module has been imported."""
    if f"{__package__.partition('.')[0]}.local" not in sys.modules:
        return None
    from .. import local

    return local.running()


def _check_address(url: str) -> None:
    if not is_web_address(url):
        shown = one_line(public_url(url))
        raise UsageError(f"{shown} is not the address of an endpoint. It looks like http://localhost:8000/v1")


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
