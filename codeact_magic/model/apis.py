"""Which of OpenAI's two APIs an endpoint takes for a model: chat completions, or responses."""

from __future__ import annotations

import re

from .settings import Settings
from .transport_errors import HttpStatusError, TransportError

_POINTS_TO_RESPONSES = r"\bv1/responses\b|\bresponses (API|endpoint)\b"
_NOTHING_THERE = r"chat/completions|\bnot found\b|\bno (such )?route\b|\bcannot post\b|\bmethod not allowed\b|^\s*$"
_ABOUT_MODEL = r"\bmodels?\b|model_not_found"

# By endpoint and model, for the life of the process: what was found to be taken.
_taken: dict[tuple[str, str], str] = {}


def api_of(settings: Settings) -> str:
    """Return the API to use, "chat" or "responses": the user's choice, or what the endpoint was found to take."""
    return _taken.get(_key(settings), "chat") if settings.api == "auto" else settings.api


def may_take_responses(settings: Settings, error: TransportError) -> bool:
    """Return whether an error to a chat request leaves open that the endpoint takes responses; then remember that."""
    if settings.api != "auto" or _key(settings) in _taken or not isinstance(error, HttpStatusError):
        return False
    points = error.status < 500 and bool(re.search(_POINTS_TO_RESPONSES, error.text, re.IGNORECASE))
    if points or _says_nothing_is_there(error):
        _taken[_key(settings)] = "responses"
        return True
    return False


def takes_chat_only(settings: Settings) -> None:
    """Remember that the endpoint does not take responses."""
    _taken[_key(settings)] = "chat"


def is_missing(error: TransportError) -> bool:
    """Return whether an error says that there is nothing at the address."""
    return isinstance(error, HttpStatusError) and error.status in (404, 405)


def _says_nothing_is_there(error: HttpStatusError) -> bool:
    """Return whether an error is about the address, and not about the model."""
    if not is_missing(error) or re.search(_ABOUT_MODEL, error.text, re.IGNORECASE):
        return False
    return bool(re.search(_NOTHING_THERE, error.text, re.IGNORECASE))


def _key(settings: Settings) -> tuple[str, str]:
    return settings.base_url, settings.model
