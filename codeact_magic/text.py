"""Untrusted text, made safe to show: hidden characters become visible, active Markdown becomes inert.

Imports only the standard library: this module also travels as source into other kernels.
"""

from __future__ import annotations

import io
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# Letters and marks that show nothing although Unicode does not count them as format characters.
_BLANK = frozenset([0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0])
_HIDDEN_CATEGORIES = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"])


def is_hidden(point: int) -> bool:
    """Return whether a code point shows nothing, or moves its neighbours (control, bidi, zero-width)."""
    if 0x20 <= point < 0x7F or point in (0x09, 0x0A):
        return False
    if point in _BLANK or 0xFE00 <= point <= 0xFE0D or 0xE0100 <= point <= 0xE01EF:
        return True
    return unicodedata.category(chr(point)) in _HIDDEN_CATEGORIES


class _Visible(dict[int, str]):
    """A translation table that adds code points when they are first looked up."""

    def __missing__(self, point: int) -> str:
        shown = _spelled(point) if is_hidden(point) else chr(point)
        self[point] = shown
        return shown


def _spelled(point: int) -> str:
    return f"⟦U+{point:04X}⟧"


_VISIBLE = _Visible()
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_SELECTOR = re.compile("[\ufe0e\ufe0f](?!\u20e3)")  # text or emoji style; before U+20E3 a part of a keycap


def _selector(match: re.Match[str]) -> str:
    """Return a variation selector unchanged after a symbol, else spelled out: there it is hidden, even in a name."""
    before = match.string[match.start() - 1 : match.start()]
    return match.group() if before and unicodedata.category(before) in ("So", "Sk") else _spelled(ord(match.group()))


def visible(text: str) -> str:
    """Return `text` with every control, bidi and zero-width character written out as ⟦U+202E⟧."""
    return _SELECTOR.sub(_selector, text.translate(_VISIBLE))


def prose(text: str) -> str:
    """Return `text` like `visible`, but with every kind of space as a plain one: in prose no space hides anything."""
    return visible(_SPACES.sub(" ", text))


def is_web_address(text: str) -> bool:
    """Return whether `text` is an http or https address."""
    from urllib.parse import urlsplit  # imported on use, to load the extension faster

    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def storable(text: str) -> str:
    """Return `text` without surrogates, which UTF-8 and JSON cannot hold: pairs are joined, halves replaced by "?"."""
    if text.isascii():
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return joined.encode("utf-8", "replace").decode("utf-8")


def fence(code: str, language: str = "python") -> str:
    """Return `code` as a Markdown code block that no line of the code can close."""
    longest = max(map(len, re.findall(r"`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{code}\n{ticks}"


_FENCE = re.compile(
    r"^(?P<indent>[ \t]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+)"  # also a list item's
    r"(?:(?P<ticks>`{3,}+)(?P<info>[^\n`]*+)|(?P<tildes>~{3,}+).*+)$",
    re.MULTILINE,
)


def safe_markdown(text: str) -> str:
    """Return Markdown without HTML, images, and links other than http(s), mailto and #anchors.

    The text of code blocks and code spans does not change. Parsers disagree about the boundaries of code, so code
    blocks are rewritten, each one closed and outside of lists and quotes. The rest has nothing that is active in any
    parser.
    """
    text = text.replace("\r\n", "\n")
    parts = []
    position = 0
    while match := _FENCE.search(text, position):
        code, end = _fenced(text, match)
        parts += [_inert(prose(text[position : match.start()])).strip("\n"), visible(code)]
        position = end
    rest = _inert(prose(text[position:]))
    return "\n\n".join(filter(None, [*parts, rest.strip("\n")])) if parts else rest


def _fenced(text: str, match: re.Match[str]) -> tuple[str, int]:
    """Return the code block that opens at `match`, rewritten, and the position of the text after it."""
    mark = match["ticks"] or match["tildes"]
    closing = re.compile(rf"^[ \t]*+{mark[0]}{{{len(mark)},}}+[ \t]*+$", re.MULTILINE).search(text, match.end())
    code = text[match.end() + 1 : closing.start() if closing else len(text)]
    width = len(match["indent"].expandtabs(4))
    lines = (re.sub(rf"^[ ]{{0,{width}}}", "", line) for line in code.removesuffix("\n").split("\n"))
    language = re.match(r"[\w.+#-]*", (match["info"] or "").strip())
    block = fence("\n".join(lines), language.group() if language else "")
    return block, closing.end() if closing else len(text)


_SPAN = re.compile(r"(?<![`\\])(?P<ticks>`++)(?P<code>[^`\n]++)(?P=ticks)(?!`)")
_HTML = re.compile("<(?=[A-Za-z/!?])")
_URL = r"(?:https?://|mailto:|#)(?:[^\s()<>\[\]\"'`\\]|\([^\s()<>\[\]\"'`\\]*+\))*+"
_LINK = re.compile(rf"\](?=:|\((?!{_URL}\)))", re.IGNORECASE)
_MARK = re.compile("`{3,}+|~{3,}+")


def _inert(text: str) -> str:
    """Return Markdown from outside of code blocks without anything active.

    A code span with active content becomes <code> with entities, which every parser takes as text.
    """
    parts = []
    position = 0
    for match in _SPAN.finditer(text):
        parts.append(_disarmed(text[position : match.start()]))
        span = match.group()
        is_inert = _disarmed(span) == span
        parts.append(span if is_inert else f"<code>{_entities(match['code'])}</code>")
        position = match.end()
    return "".join([*parts, _disarmed(text[position:])])


def _disarmed(text: str) -> str:
    text = _HTML.sub("&lt;", text).replace("![", "!\\[")
    return _MARK.sub(lambda match: _entities(match.group()), _LINK.sub(r"]\\", text))


def _entities(text: str) -> str:
    return re.sub(r"[!-/:-@\[-`{-~]", lambda match: f"&#{ord(match.group())};", text)


def clip(text: str, limit: int) -> str:
    """Return `text` in about `limit` characters: its head and its tail (the end often says how something ended)."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = limit // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}\n... {left_out:,} characters left out ...\n{text[len(text) - tail :]}"


def one_line(text: object, limit: int = 300) -> str:
    """Return `text` as one line of at most `limit` characters: whitespace folded, hidden characters spelled out."""
    whole = str(text)
    begun = whole[: 10 * limit + 1000]  # splitting a huge text into words could exhaust the memory
    line = visible(" ".join(begun.split()))
    return line if len(line) <= limit and begun == whole else line[: limit - 1] + "…"


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret replaced by ***, the longest first: one may be part of another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def mask_all(value: Any, secrets: Sequence[str]) -> Any:
    """Return JSON with `mask` applied to every text in it, however deeply nested."""
    if not secrets:
        return value
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {mask_all(key, secrets): mask_all(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return _mask_list(value, secrets)
    return value


def _mask_list(values: Sequence[Any], secrets: Sequence[str]) -> list[Any]:
    if all(isinstance(line, str) for line in values):  # maybe one text as a list of lines: a secret may span two
        whole = "".join(values)
        hidden = mask(whole, secrets)
        if hidden != whole:
            return [hidden]
    return [mask_all(item, secrets) for item in values]


_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"  # colours, cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)?"  # titles, links
    r"|\x1b[ -/]*+[0-~]?"
)


def plain(text: str) -> str:
    """Return `text` without ANSI escape sequences."""
    return _ANSI.sub("", text)


@contextmanager
def every_character() -> Iterator[None]:
    """Let standard output take every character: what its encoding lacks is written as an escape, as on stderr."""
    stream = sys.stdout
    strict = isinstance(stream, io.TextIOWrapper) and stream.errors == "strict"
    if strict:
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
    finally:
        if strict and not stream.closed:
            stream.reconfigure(errors="strict")  # type: ignore[union-attr]
