"""Where prompts go: which endpoint, model and key the options and the environment come to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ..errors import UsageError
from ..options import Options
from ..text import is_web_address, one_line
from . import OpenAIModel, Settings, public_url

if TYPE_CHECKING:
    from ..local import Server

OPENAI = "https://api.openai.com/v1"

NO_ENDPOINT = (
    "No model is set up. Three ways out: set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), give the "
    "address of a server with --base-url http://localhost:11434/v1, or fetch the small local model with %codeact local"
)
LOCAL_LINE = "No endpoint is set, so the local model answers: {name}, a small model for demonstration."


def address(options: Options) -> str:
    """Return the endpoint's address; OpenAI's where only its key is set, empty where nothing is."""
    url = options.base_url or os.environ.get("OPENAI_BASE_URL", "")
    # Another provider's key is never sent to OpenAI.
    has_key = options.api_key_env == "OPENAI_API_KEY" and bool(os.environ.get("OPENAI_API_KEY"))
    return url or (OPENAI if has_key else "")


def secrets(options: Options) -> tuple[str, ...]:
    """Return what must never be shown, saved or sent: keys and tokens in the environment, a URL's password."""
    values = [value for name, value in os.environ.items() if name.endswith(("_API_KEY", "JUPYTER_TOKEN"))]
    named = {value for value in map(str.strip, values) if len(value) >= 16 or not value.isalpha()}  # "disabled" is none
    password = _password(address(options))
    found = {os.environ.get(options.api_key_env, "").strip(), password, unquote(password), *named}
    found |= {repr(secret)[1:-1] for secret in found}
    return tuple(secret for secret in found if len(secret) >= 8)


class Endpoints:
    """Builds models, and keeps them: one for each way in which an endpoint is called.

    `tell` shows the user a line; `waiting` shows one for as long as something takes, and an empty one takes it away.
    """

    def __init__(self, tell: Callable[[str], None], waiting: Callable[[str], None]) -> None:
        self._tell, self._waiting = tell, waiting
        self._models: dict[Settings, OpenAIModel] = {}
        self._only: dict[str, str] = {}  # endpoint -> the one model that it offers

    def model(self, options: Options) -> OpenAIModel:
        """Return the model that `options` name. Raises UsageError, EndpointError, LocalModelError."""
        settings = _endpoint_settings(options) if address(options) else self._local_settings(options)
        if not settings.model:
            settings = replace(settings, model=self._only_model(settings))
        return self._models.setdefault(settings, OpenAIModel(settings))

    def offered(self, options: Options) -> list[str]:
        """Return the names of the models that the endpoint offers. Raises UsageError, EndpointError."""
        if not address(options):
            server = _running()
            if server is None:
                raise UsageError(NO_ENDPOINT)
            return [server.model]
        return OpenAIModel(_endpoint_settings(options)).models()

    def window(self, model: OpenAIModel) -> int:
        """Return how many tokens of a conversation the local model should be sent; 0 for every other model."""
        server = _running()
        return server.context * 7 // 8 if server and model.settings.base_url == server.base_url else 0

    def start_local(self, options: Options, path: str | None = None) -> Server:
        """Return the local model's server, fetched and started where need be. Raises LocalModelError."""
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
                raise UsageError(NO_ENDPOINT)
            self._tell(LOCAL_LINE.format(name=options.local_model))
        server = self.start_local(options)
        return _settings(options, server.base_url, server.model, key_name="")

    def _only_model(self, settings: Settings) -> str:
        """Return the one model that an endpoint offers; where it offers more, the user has to choose."""
        url = settings.base_url
        if url not in self._only:
            offered = OpenAIModel(settings).models()
            if len(offered) != 1:
                some = ", ".join(offered[:5]) + (", ..." if len(offered) > 5 else "")
                raise UsageError(
                    f"{public_url(url)} offers {len(offered)} models ({one_line(some or 'none')}). Choose one with "
                    "--model or %config CodeAct.model = ...; %codeact models lists them"
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
    )


def _running() -> Server | None:
    """Return the local model's server where one runs; a server that runs has had its module imported."""
    if f"{__package__.partition('.')[0]}.local" not in sys.modules:
        return None
    from .. import local

    return local.running()


def _check_address(url: str) -> None:
    if not is_web_address(url):
        shown = one_line(public_url(url))
        raise UsageError(f"{shown} is no address of an endpoint. It looks like http://localhost:8000/v1")


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
