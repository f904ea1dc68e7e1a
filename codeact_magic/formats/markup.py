"""Calls that a model wrote as text, in the grammar of its chat template: finds the code in them."""

from __future__ import annotations

import ast
import html
import re
from itertools import islice
from typing import NamedTuple

from .calls import code_in, decode
from .cells import may_go_on
from .marks import ARGUMENT, ARGUMENT_END, CALL_END, CODE_KEYS, without_end
from .python import parses, tidy


class CallText(NamedTuple):
    """A call in a text: its code, which is empty if there is none, and where the call ends.

    `message` is the text up to there, with the tags closed that the call left open. `sure` means that no text after the
    call can change it, `unreadable` that nobody can tell where the code ends.
    """

    code: str
    end: int
    message: str
    sure: bool
    unreadable: bool = False


_MOST_TRIES = 20  # to find the end of an argument: each try costs a parse
_NAME = r"(?:functions\.)?(?:i?python|execute|run|code)[\w.]*+"  # of a tool that runs Python
_PYTHONIC = re.compile(rf"\[?\s*+{_NAME}\(")
_TAGGED_NAME = re.compile(rf"{_NAME}>|[\"']{_NAME}[\"']>")
_VALUE = re.compile(ARGUMENT.pattern + r'|(?P<json>\{(?=\s*+["}])|\[(?=\s*+\{))', re.IGNORECASE)
_OTHER_LANGUAGE = re.compile(r"execute_b(?:ash|rowse)", re.IGNORECASE)
_CODE_CHANNEL = re.compile(r"\bcode[ ]?<\|message\|>\Z|to=python\b", re.IGNORECASE)


def read_call(text: str, opening: re.Match[str]) -> CallText:
    """Return the call that `opening` begins in `text`."""
    start = opening.end()
    if _PYTHONIC.match(text, start):
        return _pythonic(text, opening)
    ending = CALL_END.search(text, start)
    value = _VALUE.search(text, start, ending.start() if ending else len(text))
    if _holds_plain_code(opening[0]) and not (value and value.start() == start):
        return _plain(text, opening)
    if value and value["json"]:
        decoded, end = decode(text, value.start())
        first = decoded[0] if isinstance(decoded, list) and decoded else decoded
        if isinstance(first, dict):
            return CallText(code_in(first), end, _closed(text, opening, end), sure=True)
    elif value:
        return _argument(text, opening, value)
    end = ending.end() if ending else len(text)
    name = _TAGGED_NAME.match(text, start)
    inside = text[name.end() if name else start : ending.start() if ending else len(text)]
    code = "" if _OTHER_LANGUAGE.search(opening[0] + text[start : start + 20]) else code_in(inside)
    return CallText(code, end, text[:end].strip(), sure=ending is not None)


def _holds_plain_code(opening: str) -> bool:
    return "python_tag" in opening.lower() or _CODE_CHANNEL.search(opening) is not None


def _argument(text: str, opening: re.Match[str], argument: re.Match[str]) -> CallText:
    """Return a call whose code is an argument in XML: it ends at the first mark before which it parses."""
    start = argument.end()
    endings = list(islice(ARGUMENT_END.finditer(text, start), _MOST_TRIES))
    for ending in endings:
        code = _unescaped(tidy(text[start : ending.start()]))
        if may_go_on(code, text, ending.end(), ARGUMENT, ARGUMENT_END):
            return CallText("", ending.end(), text[: ending.end()].strip(), sure=False, unreadable=True)
        if parses(code):
            sure = not code.startswith("%%")
            return CallText(code, ending.end(), _closed(text, opening, ending.end()), sure)
    end = endings[0].end() if endings else len(text)
    rest = text[start : endings[0].start()] if endings else without_end(text[start:])
    return CallText(_unescaped(tidy(rest)), end, _closed(text, opening, end), sure=False)


def _plain(text: str, opening: re.Match[str]) -> CallText:
    start = opening.end()
    for ending in islice(CALL_END.finditer(text, start), _MOST_TRIES):
        code = tidy(text[start : ending.start()])
        if parses(code):
            return CallText(code, ending.end(), text[: ending.end()].strip(), sure=True)
    return CallText(tidy(without_end(text[start:])), len(text), text.strip(), sure=False)


def _pythonic(text: str, opening: re.Match[str]) -> CallText:
    """Return a call in the syntax of Python, maybe in a list: python(code="...")."""
    start = opening.end()
    for ending in islice(CALL_END.finditer(text, start), _MOST_TRIES):
        if code := _code_of_expression(text[start : ending.start()]):
            return CallText(code, ending.end(), text[: ending.end()].strip(), sure=True)
    return CallText(_code_of_expression(without_end(text[start:])), len(text), text.strip(), sure=False)


def _code_of_expression(source: str) -> str:
    try:
        tree: ast.AST = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if isinstance(tree, ast.List) and tree.elts:
        tree = tree.elts[0]
    if not isinstance(tree, ast.Call):
        return ""
    values = [keyword.value for keyword in tree.keywords if keyword.arg in CODE_KEYS] or tree.args
    strings = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return tidy(strings[0]) if strings else ""


def _unescaped(code: str) -> str:
    """Return code without the entities of XML, if the code parses only then."""
    plain = html.unescape(code)
    return plain if plain != code and not parses(code) and parses(plain) else code


_TAG = re.compile(r"<(/?)((?:\w+:|\uff5cDSML\uff5c)?\w+)(?:[=\s][^<>\n]*)?>")


def _closed(text: str, opening: re.Match[str], end: int) -> str:
    """Return `text` up to `end`, with the tags closed that the call has opened."""
    tags: list[str] = []
    for closes, name in _TAG.findall(text, opening.start(), end):
        if not closes:
            tags.append(name)
        elif name in tags:
            del tags[len(tags) - 1 - tags[::-1].index(name) :]
    return "\n".join([text[:end].strip(), *(f"</{name}>" for name in reversed(tags))])
