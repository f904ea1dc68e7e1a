"""The request parameters of each format."""

from __future__ import annotations

from dataclasses import dataclass

from ..session import Format, Json

TOOL = "python"
_TOOLS: tuple[Json, ...] = (
    {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": "Run Python code in the user's live notebook kernel and return what it shows.",
            "parameters": {
                "type": "object",
                "properties": {"code": {"type": "string", "description": "the Python code"}},
                "required": ["code"],
            },
        },
    },
)
_JSON_SCHEMA: Json = {
    "type": "json_schema",
    "json_schema": {
        "name": "action",
        "schema": {
            "type": "object",
            "properties": {
                "thought": {"type": "string"},
                "code": {"type": "string"},
                "answer": {"type": "string"},
            },
            "required": ["thought"],
        },
    },
}


@dataclass(frozen=True)
class Spec:
    """The request parameters of a format."""

    stop: tuple[str, ...] = ()
    tools: tuple[Json, ...] = ()
    response_format: Json | None = None


SPECS: dict[Format, Spec] = {
    "fence": Spec(stop=("```output",)),
    "execute": Spec(stop=("</execute>",)),
    "tools": Spec(tools=_TOOLS),
    "json": Spec(response_format=_JSON_SCHEMA),
}
