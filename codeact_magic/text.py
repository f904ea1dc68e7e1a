"""Text that nobody vouches for, made safe to show: what is hidden becomes visible, what is active becomes inert."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Letters and marks that Unicode does not count as format characters, and that show nothing all the same.
_BLANK = frozenset([0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0])
_HIDDEN_CATEGORIES = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"])


def is_hidden(point: int) -> bool:
    """Return whether a code point shows nothing, or moves what stands beside it (control, bidi, zero-width)."""
    if 0x20 <= point < 0x7F or point in (0x09, 0x0A):
        return False
    if point in _BLANK or 0xFE00 <= point <= 0xFE0D or 0xE0100 <= point <= 0xE01EF:
        return True
    return unicodedata.category(chr(point)) in _HIDDEN_CATEGORIES


class _Visible(dict[int, str]):
    """A translation table that fills itself as code points are met."""

    def __missing__(self, point: int) -> str:
        shown = f"⟦U+{point:04X}⟧" if is_hidden(point) else chr(point)
        self[point] = shown
        return shown


_VISIBLE = _Visible()


def visible(text: str) -> str:
    """Return `text` with every control, bidi and zero-width character written out as ⟦U+202E⟧."""
    return text.translate(_VISIBLE)


def storable(text: str) -> str:
    """Return `text` without lone surrogates, which neither UTF-8 nor JSON can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def fence(code: str, language: str = "python") -> str:
    """Return `code` as a Markdown code block that nothing in the code can close."""
    longest = max(map(len, re.findall(r"`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{code}\n{ticks}"


_CODE = re.compile(
    r"(?P<block>^ {0,3}(?P<mark>`{3,}|~{3,})[^\n]*\n(?:.*?\n)?? {0,3}(?P=mark)[`~]*[ \t]*$)"
    r"|(?<!`)(?P<ticks>`+)(?!`)[^\n]+?(?<!`)(?P=ticks)(?!`)",
    re.DOTALL | re.MULTILINE,
)
_UNSAFE_LINK = re.compile(r"\](\(|:)(?!\s*<?(?:https?://|mailto:|#))")


def _inert(text: str) -> str:
    text = text.replace("<", "&lt;").replace("![", "!\\[")
    return _UNSAFE_LINK.sub(r"]\\\1", text)


def safe_markdown(text: str) -> str:
    """Return Markdown in which no HTML, no image and no link but http(s), mailto and #anchors is left.

    Code blocks and code spans stay as they are: Markdown shows them to the letter.
    """
    text = visible(text)
    parts, end = [], 0
    for match in _CODE.finditer(text):
        parts += [_inert(text[end : match.start()]), match.group()]
        end = match.end()
    return "".join([*parts, _inert(text[end:])])


def clip(text: str, limit: int) -> str:
    """Return `text` in at most about `limit` characters, its head and its tail kept (the end tells how it ended)."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}\n... {left_out:,} characters left out ...\n{text[-tail:]}"


def one_line(text: object, limit: int = 300) -> str:
    """Return `text` on one line, whitespace folded, hidden characters written out, at most `limit` characters."""
    line = visible(" ".join(str(text).split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret in it replaced by ***."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


def plain(text: str) -> str:
    """Return `text` without ANSI escape sequences."""
    return _ANSI.sub("", text)
