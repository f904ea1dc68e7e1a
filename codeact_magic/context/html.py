"""HTML as plain text, for outputs that have no text of their own: tables as rows, lists as lines."""

from __future__ import annotations

from html.parser import HTMLParser

LONGEST = 200_000  # characters of HTML that are read
_SKIPPED = frozenset(["script", "style", "head", "title", "template", "noscript", "svg", "math"])
_BLOCKS = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot thead tr ul".split()
)
_CELLS = frozenset(["td", "th"])


def html_text(html: str) -> str:
    """Return the words of `html`, each block on a line of its own, and the cells of a row joined by " | "."""
    reader = _Reader()
    reader.feed(html[:LONGEST])
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects lines of text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._words: list[str] = []  # of the line, or of the cell
        self._cells: list[str] | None = None  # those of the row, outside of rows None
        self._skipped = ""  # the element whose content is left out

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            return
        if tag in _SKIPPED:
            self._skipped = tag
        elif tag == "tr":
            self._end_line()
            self._cells = []
        elif tag in _CELLS:
            self._end_cell()
        elif tag in _BLOCKS:
            self._break()
        elif tag == "img":
            self._words.append(dict(attrs).get("alt") or "[image]")

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped:
                self._skipped = ""
        elif tag in _CELLS:
            self._end_cell(even_if_empty=True)
        elif tag == "tr":
            self._end_line()
        elif tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._words.append(data)

    def text(self) -> str:
        """Return the text so far."""
        self._end_line()
        return "\n".join(self._lines)

    def _take(self) -> str:
        taken = " ".join("".join(self._words).split())
        self._words.clear()
        return taken

    def _break(self) -> None:
        """End a line; inside a cell, only a word."""
        if self._cells is None:
            self._end_line()
        else:
            self._words.append(" ")

    def _end_cell(self, even_if_empty: bool = False) -> None:
        text = self._take()
        if self._cells is not None and (text or even_if_empty):
            self._cells.append(text)
        elif text:
            self._lines.append(text)

    def _end_line(self) -> None:
        if self._cells is not None:
            self._end_cell()
            line = " | ".join(self._cells).strip()
            self._cells = None
        else:
            line = self._take()
        if line.strip(" |"):
            self._lines.append(line)
