"""Find hidden characters, code out of sight, and names that look like other names: a reader cannot see them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from .ipython_syntax import tokens

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, less tab and newline; form feeds and lone returns are in
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u3164\uffa0"  # fillers and marks without a shape
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, lines, direction
    "\ufe00-\ufe0e\U000e0000-\U000e0fff]"  # variation selectors and tags, which can carry text
    # Joiners belong only between letters of some scripts and inside emoji.
    "|[\u200c\u200d](?![^\x00-\x7f])|(?:(?<=[\x00-\x7f])|\\A)[\u200c\u200d]"
)
# Code behind so many blanks, or below so many blank lines, is out of sight.
GAP = 41
INDENT = 81
BLANK_LINES = 21
# Where a window ends, before the code does. A comment there runs nothing; what looks like one in a string may end it.
_FAR = re.compile(rf"(?:(?<=\S)[^\S\n]{{{GAP},}}+|^[^\S\n]{{{INDENT},}}+)(?:#[^\n'\"]*+$|(?P<code>\S))", re.MULTILINE)
_BELOW = re.compile(rf"^(?:[^\S\n]*+\n){{{BLANK_LINES},}}+[^\S\n]*+", re.MULTILINE)
_BRAILLE_BLANK = "\u2800"  # no space to Python, and none to see
MOST_OUT_OF_SIGHT = 3  # places of either kind that are reported

_MARK = re.compile("[\u200c\u200d\ufe0f]")  # allowed in text, but not in names
_NAME = re.compile(r"[^\W\d]\w*")
# Letters of other scripts that are drawn like an ASCII one. Formulas use Greek's small letters: only omicron is here.
LOOK_ALIKES = {
    "A": "\u0410\u0391",
    "B": "\u0412\u0392",
    "C": "\u0421",
    "E": "\u0415\u0395",
    "G": "\u050c",
    "H": "\u041d\u0397",
    "I": "\u0406\u0399",
    "J": "\u0408",
    "K": "\u041a\u039a",
    "M": "\u041c\u039c",
    "N": "\u039d",
    "O": "\u041e\u039f",
    "P": "\u0420\u03a1",
    "S": "\u0405",
    "T": "\u0422\u03a4",
    "X": "\u0425\u03a7",
    "Y": "\u0423\u04ae\u03a5",
    "Z": "\u0396",
    "a": "\u0430\u0251",
    "c": "\u0441",
    "d": "\u0501",
    "e": "\u0435",
    "g": "\u0261",
    "h": "\u04bb\u0570",
    "i": "\u0456\u0131",
    "j": "\u0458",
    "l": "\u04cf",
    "n": "\u0578",
    "o": "\u043e\u03bf\u0585",
    "p": "\u0440",
    "q": "\u051b",
    "s": "\u0455",
    "u": "\u057d",
    "w": "\u051d",
    "x": "\u0445",
    "y": "\u0443",
}
_LETTERS = {ord(other): letter for letter, others in LOOK_ALIKES.items() for other in others}


def unseen(code: str) -> Iterator[tuple[str, int]]:
    """Yield (description, 1-based line) for hidden characters, code out of sight and look-alike names in `code`."""
    lines: dict[str, int] = {}
    text = code.replace("\r\n", "\n")
    if not text.isprintable():
        for match, line in _numbered(_HIDDEN.finditer(text), text):
            lines.setdefault(f"U+{ord(match[0]):04X}", line)
    if lines:
        yield "hidden characters: " + ", ".join(list(lines)[:8]), min(lines.values())
    yield from _out_of_sight(text.replace(_BRAILLE_BLANK, " ").expandtabs().rstrip())
    if not text.isascii():
        for match, line in _numbered(_names(text), text):
            yield f"look-alike name: {match[0]}", line


def _out_of_sight(text: str) -> Iterator[tuple[str, int]]:
    """Yield code that stands far to the right of blanks, or far below blank lines."""
    far = (match for match in _FAR.finditer(text) if match["code"])
    for match, line in islice(_numbered(far, text), MOST_OUT_OF_SIGHT):
        yield f"code far to the right: {_rest(text, match.start('code'))}", line
    for match, line in islice(_numbered(_BELOW.finditer(text), text), MOST_OUT_OF_SIGHT):
        blank = match[0].count("\n")
        yield f"code below {blank:,} blank lines: {_rest(text, match.end())}", line + blank


def _rest(text: str, start: int) -> str:
    """Return the rest of the line from `start` on, 200 characters at most."""
    return text[start : start + 200].partition("\n")[0]


def _numbered(matches: Iterator[re.Match[str]], text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield each match with its 1-based line."""
    line = 1
    counted = 0  # characters
    for match in matches:
        line += text.count("\n", counted, match.start())
        counted = match.start()
        yield match, line


def _names(text: str) -> Iterator[re.Match[str]]:
    """Yield the look-alike names outside of strings and comments."""
    for token in tokens(text):
        if token.lastgroup == "code":
            yield from filter(_deceives, _NAME.finditer(text, token.start(), token.end()))


def _deceives(match: re.Match[str]) -> bool:
    """Return whether a name, or a part of it between underscores, is not ASCII but looks like it."""
    if match[0].isascii():
        return False
    return any(not part.isascii() and _skeleton(part).isascii() for part in match[0].split("_"))


def _skeleton(name: str) -> str:
    """Return `name` as a reader takes it."""
    return unicodedata.normalize("NFKC", _MARK.sub("", name)).translate(_LETTERS)
