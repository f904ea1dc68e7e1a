"""The JSON of a saved session, checked by pydantic against the annotations of session.py.

pydantic takes a tenth of a second to import, so this module is imported when a session is first read or written.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    TypeAdapter,
    ValidationError,
    create_model,
    with_config,
)
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict  # pydantic brings it; Python has this one from 3.12 on

from ...errors import SessionError
from ...session import Json
from ...text import storable
from .masking import map_texts

T = TypeVar("T")
_CLOSED = ConfigDict(extra="forbid")

# -- texts and numbers -------------------------------------------------------------------------------------------------


def _storable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _joined(value: Any) -> Any:
    """Return the lines of a text, which is how notebooks on disk have it, as the text."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return _storable(value)


def _clean(value: Any) -> Any:
    return map_texts(value, storable)


Text = Annotated[str, Strict(), BeforeValidator(_storable)]
Lines = Annotated[str, Strict(), BeforeValidator(_joined)]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, lt=2**53)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Table = Annotated[dict[str, Any], AfterValidator(_clean)]
_LEAVES: dict[Any, Any] = {str: Text, bool: Flag, int: Count, float: Number}

# -- outputs -----------------------------------------------------------------------------------------------------------

_JSON_MIME = re.compile(r"application/(.*\+)?json")


def _bundle(data: Json) -> Json:
    """Return the data of an output: texts, and JSON under the MIME types that stand for it."""
    return {storable(kind): _of_kind(kind, value) for kind, value in data.items()}


def _of_kind(kind: str, value: Any) -> Any:
    return _clean(value) if _JSON_MIME.fullmatch(kind) else _text(value)


def _text(value: Any) -> str:
    text = _joined(value)
    if not isinstance(text, str):
        raise PydanticKnownError("string_type")
    return text


Bundle = Annotated[dict[str, Any], AfterValidator(_bundle)]


@with_config(_CLOSED)
class _Stream(TypedDict):
    output_type: Literal["stream"]
    name: Text
    text: Lines


@with_config(_CLOSED)
class _Display(TypedDict):
    output_type: Literal["display_data"]
    data: Bundle
    metadata: Table


@with_config(_CLOSED)
class _Result(TypedDict):
    output_type: Literal["execute_result"]
    data: Bundle
    metadata: Table
    execution_count: Count | None


@with_config(_CLOSED)
class _Error(TypedDict):
    output_type: Literal["error"]
    ename: Text
    evalue: Text
    traceback: list[Text]


Output = Annotated[_Stream | _Display | _Result | _Error, Field(discriminator="output_type")]
_OUTPUT: TypeAdapter[Any] = TypeAdapter(Output)
_OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error")


def valid_outputs(outputs: Sequence[Json]) -> tuple[Json, ...]:
    """Return those of `outputs` that nbformat allows, as it reads them: with lists of lines joined."""
    valid = []
    for output in outputs:
        with suppress(ValidationError):
            valid.append(_OUTPUT.validate_python(output))
    return tuple(valid)


# -- values of session.py ----------------------------------------------------------------------------------------------


def checked(kind: Callable[..., T], value: Any, location: str) -> T:
    """Return JSON as a value of type `kind`, which session.py annotates with. Raises SessionError, which says where."""
    try:
        checked_value: T = _checker(kind).validate_python(value)
    except ValidationError as error:
        raise SessionError(_line(error, location)) from None
    return checked_value


@cache
def _checker(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_schema(kind))


@cache
def _schema(kind: Any) -> Any:
    """Return the type by which pydantic checks the fields that session.py annotates with `kind`."""
    origin = get_origin(kind)
    kinds = get_args(kind)
    if is_dataclass(kind):
        return _dataclass_schema(kind)
    if origin is UnionType:
        return _schema(kinds[0]) | None
    if origin is tuple:
        return tuple[tuple(part if part is Ellipsis else _schema(part) for part in kinds)]  # type: ignore[misc]
    if origin is dict:
        return Output
    return _LEAVES.get(kind, kind)


def _dataclass_schema(kind: Any) -> Any:
    hints = get_type_hints(kind)
    definitions: dict[str, Any] = {}
    for field in fields(kind):
        default = ... if field.default is MISSING else field.default
        definitions[field.name] = (_schema(hints[field.name]), default)
    model = create_model(kind.__name__, __config__=_CLOSED, **definitions)
    return Annotated[model, AfterValidator(lambda checked_model: kind(**dict(checked_model)))]


# -- what is wrong -----------------------------------------------------------------------------------------------------

_EXPECTED = {
    "string": "a text",
    "bool": "true or false",
    "int": "a count",
    "greater": "a count",
    "less": "a count",
    "float": "a number",
    "finite": "a number",
    "tuple": "a list",
    "list": "a list",
    "model": "an object",
    "dict": "an object",
    "typed": "an object",
}


def _line(error: ValidationError, location: str) -> str:
    """Return the problem and its location in one line, in words for the reader of a notebook."""
    first: Any = error.errors(include_url=False)[0]
    names = [part for part in first["loc"] if isinstance(part, str) and part not in _OUTPUT_TYPES]
    parent = ": ".join([location, *names[:-1]])
    match first["type"]:
        case "missing":
            return f"{parent} lacks {names[-1]}"
        case "extra_forbidden":
            return f"{parent} has the unknown field {reprlib.repr(names[-1])}"
        case "literal_error":
            expected = f"one of {first['ctx']['expected']}".replace("'", "").replace(" or ", ", ")
        case "union_tag_invalid" | "union_tag_not_found" | "model_attributes_type":
            expected = "an output of nbformat"
        case other:
            expected = _EXPECTED.get(other.partition("_")[0], "something else")
    field = ": ".join([location, *names])
    return f"{field} must be {expected}, not {reprlib.repr(first['input'])}"
