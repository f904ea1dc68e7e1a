"""Untrusted text: hidden characters become visible, active Markdown becomes inert, and code stays as it is."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import mistune
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codeact_magic.text import (
    clip,
    every_character,
    fence,
    is_hidden,
    mask,
    one_line,
    plain,
    safe_markdown,
    storable,
    visible,
)

# Hidden characters


@pytest.mark.parametrize(
    "point",
    [
        *[0x00, 0x07, 0x08, 0x0D, 0x1B, 0x7F, 0x85, 0x9B],  # control
        *[0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069],  # bidi
        *[0x00AD, 0x034F, 0x180B, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0x2061, 0x2064, 0xFEFF],  # of no width
        *[0x115F, 0x1160, 0x17B4, 0x2800, 0x3164, 0xFFA0],  # blank letters
        *[0x00A0, 0x1680, 0x2003, 0x202F, 0x205F, 0x3000],  # spaces that are not the space
        *[0x2028, 0x2029, 0xFE00, 0xFE0D, 0xFE0E, 0xFE0F, 0xE0100, 0xE01EF],  # line ends, variation selectors
        *[0xE0001, 0xE0041, 0xE007F, 0xD800, 0xE000, 0xFFF9, 0x1D173, 0x10FFFF],  # tags, halves, private, unassigned
    ],
)
def test_a_hidden_character_is_spelled_out(point: int) -> None:
    assert visible(f"a{chr(point)}b") == f"a⟦U+{point:04X}⟧b"


@pytest.mark.parametrize(
    "text", ["plain text\n\twith a tab", "żółw 東京 עברית", "e\u0301", "👍🏽", "❤️ ☀︎", "1️⃣", "x² ≠ ½"]
)
def test_visible_text_does_not_change(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", ["admin\ufe0f = 1", "\ufe0fx", "x \ufe0f", "e\u0301\ufe0f", "❤\ufe0f\ufe0f"])
def test_a_variation_selector_without_a_symbol_is_spelled_out(text: str) -> None:
    assert "⟦U+FE0F⟧" in visible(text)


@given(st.text())
def test_only_the_selectors_of_symbols_stay_hidden(text: str) -> None:
    shown = visible(text)
    assert not [char for char in shown if is_hidden(ord(char))]
    behind = [
        shown[at - 1] for at, char in enumerate(shown) if char in "\ufe0e\ufe0f" and shown[at + 1 : at + 2] != "\u20e3"
    ]
    assert all(unicodedata.category(char) in ("So", "Sk") for char in behind)


@given(st.text())
def test_texts_that_differ_look_different(text: str) -> None:
    shown = visible(text)
    if shown != text:
        assert "⟦U+" in shown
    else:
        assert visible(shown) == shown


HALVES = st.text(st.characters(categories=["Cs", "L", "So"]))


@given(HALVES)
def test_storable_text_can_be_encoded(text: str) -> None:
    stored = storable(text)
    assert stored.encode("utf-8").decode("utf-8") == stored
    assert json.loads(json.dumps(stored, ensure_ascii=False).encode("utf-8")) == stored
    assert storable(stored) == stored


def test_a_pair_of_surrogates_is_joined_and_a_half_is_replaced() -> None:
    assert storable("a\ud83d\ude00b\ud83dc\ude00") == "a😀b?c?"


@given(st.text(st.characters(codec="utf-8")))
def test_text_that_can_be_encoded_does_not_change(text: str) -> None:
    assert storable(text) == text


# Markdown

DIALECTS: dict[str, Callable[[str], Any]] = {
    "commonmark": lambda text: MarkdownIt("commonmark", {"html": True}).render(text),
    "tables": lambda text: MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text),
    "mistune": mistune.create_markdown(
        escape=False, plugins=["table", "url", "strikethrough", "footnotes", "task_lists"]
    ),
}
HARMLESS = {
    *[
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "del",
        "s",
        "a",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "section",
        "sup",
    ],
    *["h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "input"],
}


class Page(HTMLParser):
    """The elements of a page, and the text in its code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.code = ""
        self._in_code = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._in_code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.code += data if self._in_code else ""

    def handle_decl(self, decl: str) -> None:
        self.tags.append((f"!{decl}", {}))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("!--", {}))

    def handle_pi(self, data: str) -> None:
        self.tags.append(("?", {}))


def pages(text: str) -> list[Page]:
    """Return the pages that the dialects make of `text`, made safe."""
    return [Page(str(render(safe_markdown(text)))) for render in DIALECTS.values()]


def dangers(page: Page) -> list[str]:
    """Return the parts of a page that load, run, or lead to code that runs."""
    found = [tag for tag, _ in page.tags if tag not in HARMLESS]
    for _, attributes in page.tags:
        links = [attributes.get("href"), attributes.get("src")]
        found += [
            str(link) for link in links if link and not link.lower().startswith(("https://", "http://", "mailto:", "#"))
        ]
        found += [
            name for name in attributes if name.startswith("on") or name in ("src", "srcset", "style", "formaction")
        ]
    return found


ATTACKS = [
    "<script>alert(1)</script>",
    "text <img src=x onerror=alert(1)> text",
    "<!-- comment --> <?php ?> <!DOCTYPE html> <![CDATA[ x ]]>",
    "# heading <b onclick=alert(1)>x</b>",
    "setext <b>x</b>\n===\n\nand <i>y</i>\n---",
    "| a | <script>alert(1)</script> |\n|---|---|\n| <img src=x> | `<b>` |",
    "> <script>alert(1)</script>\n\n- <script>alert(1)</script>\n\n1. <b>x</b>",
    "![picture](https://example.org/p.png)",
    "[![picture](https://example.org/p.png)](https://example.org)",
    "![picture][ref]\n\n[ref]: https://example.org/p.png",
    "\\![a](https://example.org/p.png) \\\\![a](https://example.org/p.png)",
    "![a\nb](https://example.org/p.png)",
    "[x](javascript:alert(1)) [x](JaVaScRiPt:alert(1)) [x]( javascript:alert(1) )",
    "[x](<javascript:alert(1)>) [x](\njavascript:alert(1)) [x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1)) [x](&#x6A;avascript:alert(1)) [x](%6Aavascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=) [x](vbscript:x) [x](file:///etc/passwd) [x](//example.org)",
    "[x][ref] [ref] [ref][]\n\n[ref]: javascript:alert(1)\n[re\nf]: <javascript:alert(1)> 'title'",
    "[a [b](javascript:alert(1)) c](javascript:alert(1))",
    "[a\\](javascript:alert(1))](javascript:alert(1))",
    '[x](https://example.org "onclick=alert(1)") [x](https://example.org\' onclick=alert(1))',
    "<javascript:alert(1)> <https://example.org> <me@example.org>",
    "\\`<script>alert(1)</script>`",
    "\\\\`a`<script>alert(1)</script>`",
    "` a\nb `<script>alert(1)</script>`",
    "``a`<script>alert(1)</script>`",
    "[x](https://a`b) <img src=x onerror=alert(1)> `c` `",
    "`a [x](https://b`) <img src=x onerror=alert(1)> `c`",
    "`![x](https://example.org/p.png)` \\`![x](https://example.org/p.png)`",
    "```\n<script>alert(1)</script>",
    "``` `x`\n<script>alert(1)</script>\n```",
    "~~~ `x`\ncode\n```\n<script>alert(1)</script>\n~~~",
    "- a\n  ```\n<script>alert(1)</script>\n  ```",
    "> ```\n<script>alert(1)</script>\n> ```\n<script>alert(1)</script>",
    "    ```\n<script>alert(1)</script>\n    ```\n",
    "text\n    ```\n<script>alert(1)</script>\n    ```",
    "1. ```\n   code\n   ```\n<script>alert(1)</script>\n```\n<b>\n```",
    "```\n````\n<script>alert(1)</script>\n```\n<b>x</b>",
    "~~~\n```\n~~~\n<script>alert(1)</script>\n```",
    "> ~~~\n\n```python\n~~~\n<script>alert(1)</script>\n```",
    "```\r\ncode\r\n```\r\n<script>alert(1)</script>\r\n",
    "a\r<script>alert(1)</script>\x0b<b>\x0c<i>\u2028<u>\x85<s>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62;",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "- [ ] <b>task</b> ~~<i>struck</i>~~",
    "<details open ontoggle=alert(1)>",
    "a`b\n\n```html\n<b>\n```\n`<script>alert(1)</script>",
    "`<code>`<script>alert(1)</script>`</code>`",
    "<`script>alert(1)</script>` !`[x](https://example.org/p.png)`",
    "[x]`(javascript:alert(1))` [`x](javascript:alert(1))`",
    "<scr\x00ipt>alert(1)</script> [x](java\x00script:alert(1)) [x](java\tscript:alert(1))",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_active_is_left_in_markdown(attack: str) -> None:
    assert [dangers(page) for page in pages(attack)] == [[], [], []]


def test_the_attacks_succeed_in_markdown_that_is_not_made_safe() -> None:
    raw = [Page(str(render(attack))) for attack in ATTACKS for render in DIALECTS.values()]
    assert sum(map(bool, map(dangers, raw))) > len(raw) / 2


SCRAPS = [
    *[
        "<script>",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "<!--",
        "-->",
        "<b>",
        "<",
        "&lt;",
        "<a href='javascript:x'>",
    ],
    *[
        "![",
        "[",
        "]",
        "](",
        "]: ",
        ")",
        "(",
        "javascript:alert(1)",
        "https://example.org/",
        "#a",
        "mailto:a@b",
        "&#106;",
    ],
    *[
        "`",
        "``",
        "```",
        "````",
        "~~~",
        "```html",
        "\\",
        "\n",
        "\n\n",
        "\n    ",
        "\n  ",
        " ",
        "\t",
        "> ",
        "- ",
        "1. ",
        "\n> ",
    ],
    *["|", "|---|---|", "\n===\n", "# ", "*", "_", "$", "text", '"', "'", "\r\n", "\r", "é", "\u202e", "[x]: ", "[x]"],
]


@given(st.lists(st.sampled_from(SCRAPS), max_size=25).map("".join))
def test_nothing_active_is_left_in_any_combination_of_pieces(text: str) -> None:
    assert [dangers(page) for page in pages(text)] == [[], [], []]


@given(st.text(), st.text())
def test_nothing_active_is_left_around_an_image(before: str, after: str) -> None:
    found = [dangers(page) for page in pages(f"{before}<img src=x onerror=alert(1)>![x](//y){after}")]
    assert found == [[], [], []]


@pytest.mark.parametrize(
    "text",
    [
        "The mean is **4.2**, see [it](https://example.org/a_(b)?c=d&e#f) or [below](#end) or [me](mailto:a@b.c).",
        "# Title\n\n- one\n- two\n  1. `three`\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "`x < 3` and a < b > c and `values[0]` and 2 * 3 * 4 and ~5~",
        "Inline math $a_i < b$ and\n\n$$\n\\sum_i x_i\n$$",
        "```python\nprint('<b>')\n```",
        "",
    ],
)
def test_harmless_markdown_does_not_change(text: str) -> None:
    assert safe_markdown(text) == text


def test_a_code_span_that_holds_a_tag_is_still_shown_as_code() -> None:
    for page in pages("The type is `<class 'list'>` and `x[0](y)` or `![*a*](b)`, ``not `this` ``."):
        assert page.code.startswith("<class 'list'>x[0](y)![*a*](b)")


@given(
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8")).map(visible),
    st.sampled_from(["```", "~~~", "````"]),
)
def test_a_line_of_a_code_block_is_shown_verbatim(line: str, mark: str) -> None:
    for page in pages(f"See:\n{mark}python\nfirst\n{line} <b>\nlast\n{mark}\nDone."):
        assert page.code.rstrip("\n").expandtabs(4) == f"first\n{line} <b>\nlast".expandtabs(4)


def test_a_code_block_in_a_list_loses_the_indentation_of_the_list() -> None:
    text = "1. Do this:\n   ```python\n   if x:\n       y()\n   ```\n2. Then that."
    for page in pages(text):
        assert page.code == "if x:\n    y()\n"


# Fences


@given(st.text(st.sampled_from("`~a \n\\")) | st.text(st.characters(codec="utf-8")))
def test_nothing_in_the_code_closes_its_block(code: str) -> None:
    code = visible(code)
    (token,) = MarkdownIt("commonmark").parse(fence(code, "python"))
    assert (token.type, token.info, token.content) == ("fence", "python", f"{code}\n")


# Lengths


@given(st.text(), st.integers(0, 40))
def test_a_clipped_text_keeps_its_head_and_its_tail(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    if len(text) <= limit:
        assert clipped == text
    else:
        head, tail = clipped.split("\n... ", 1)[0], clipped.rsplit(" ...\n", 1)[1]
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(head) + len(tail) <= limit
        assert f"{len(text) - len(head) - len(tail):,} characters left out" in clipped


def test_a_long_text_is_clipped_in_the_middle() -> None:
    assert clip("a" * 9000 + "b" * 9000, 9) == "aaaaaa\n... 17,991 characters left out ...\nbbb"


@given(st.text(), st.integers(1, 80))
def test_one_line_is_one_line_of_at_most_the_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert visible(line) == line


# Secrets and escapes


@given(st.text(), st.lists(st.text(st.characters(exclude_characters="*"), min_size=1), max_size=4), st.data())
def test_no_secret_is_left(text: str, secrets: list[str], data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.sampled_from([*secrets, text]), max_size=6)) if secrets else [text]
    masked = mask("".join(pieces), secrets)
    assert not [secret for secret in secrets if secret in masked]


def test_a_secret_that_begins_with_another_secret_is_masked_whole() -> None:
    assert mask("key sk-12345678-extra here", ["sk-12345678", "sk-12345678-extra", ""]) == "key *** here"


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[1;31mred\x1b[0m",
        "\x1b[38;2;1;2;3mr\x1b[Ked",
        "\x9b31mred",
        "\x1b]0;title\x07red",
        "\x1b]8;;https://example.org\x1b\\red\x1b]8;;\x1b\\",
        "\x1b(Bred\x1b7\x1b8",
        "red\x1b",
        "red\x1b[3",
        "\x1b[?25lred\x1b[?25h",
    ],
)
def test_escape_sequences_are_removed(text: str) -> None:
    assert plain(text) == "red"


def test_an_escape_sequence_that_never_ends_hides_no_more_than_its_line() -> None:
    assert plain("\x1b]0;title\nresult: 5") == "\nresult: 5"


@given(st.text(st.sampled_from("\x1b\x9b[]()0;1mABK\x07\\ \n")))
def test_no_escape_is_left(text: str) -> None:
    assert not set(plain(text)) & {"\x1b", "\x9b"}


@given(st.text(st.characters(exclude_characters="\x1b\x9b")))
def test_text_without_escapes_does_not_change(text: str) -> None:
    assert plain(text) == text


# Size


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["`", "`a", "```\n", "~", "<", "![", "[", "](", "](https://", " ", "- ", "\x1b[", "\x1b]", "❤\ufe0f", "``a`", "(("],
)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert safe_markdown(text)
    assert plain(text) is not None
    assert fence(text)
    assert len(one_line(text)) <= 300


def test_unusual_spaces_become_plain_in_prose_and_are_spelled_out_in_code() -> None:
    text = "12\u00a0000\u202f€ and\u3000more\n\n```python\nx =\u00a01\n```"
    assert safe_markdown(text) == "12 000 € and more\n\n```python\nx =⟦U+00A0⟧1\n```"


def test_standard_output_takes_every_character_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with every_character():
        print("é ✓", end="")
    assert stream.buffer.getvalue() == b"\xe9 \\u2713"
    with pytest.raises(UnicodeEncodeError):
        print("✓")
