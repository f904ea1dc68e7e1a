"""Outputs without active content: nothing in what an action shows runs script, or changes the page around it.

JupyterLab trusts the outputs of a cell that has just run, so a file that an action shows could run script in the page.
HTML goes through nh3 (the sanitizer ammonia), with a list of what may stay. An output that has nothing active stays as
it is, to the letter.
"""

from __future__ import annotations

import base64
import html
import re
from typing import Any

from ...session import Json

SCRIPTS = ("application/javascript", "text/javascript", "application/x-javascript", "application/ecmascript")
LEFT_OUT = "Script in this output was not run."
MOST_MARKUP = 5_000_000  # characters of HTML or Markdown that are searched; larger ones are shown as text


def inert(data: Json) -> tuple[Json, bool]:
    """Return a MIME bundle without active content, and whether something was left out.

    What cannot be made inert with certainty is shown as text. An active drawing becomes an image: it looks the same.
    """
    kept: Json = {}
    for mime, value in data.items():
        text = _joined(value)
        clean = _CLEANERS.get(mime)
        if mime.partition(";")[0].strip().lower() in SCRIPTS:
            continue
        if clean is None or text is None:
            kept[mime] = value
        elif (cleaned := clean(text) if len(text) <= MOST_MARKUP else None) is not None:
            kept[mime] = value if cleaned == text else cleaned
        elif mime == "image/svg+xml":
            kept["text/html"] = _as_image(text)
        else:
            kept["text/plain"] = text
    if data and not kept:
        kept["text/plain"] = LEFT_OUT
    return kept, kept != data


def _joined(value: Any) -> str | None:
    """Return the text of a MIME type, which may come as a list of lines; None if it is no text."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else None


# -- HTML --------------------------------------------------------------------------------------------------------------

_DRAWING = set(
    "svg g path rect circle ellipse line polyline polygon text tspan defs use symbol title desc linearGradient "
    "radialGradient stop clipPath pattern marker mask".split()
)
_HTML = _DRAWING | set(
    "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd "
    "del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i iframe img input ins kbd "
    "label li main mark meter nav ol p picture pre progress q rp rt ruby s samp section small span strike strong style "
    "sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr audio video source".split()
)
_ACTIVE = set(
    "script object embed applet frame frameset base meta link form button textarea select option optgroup datalist "
    "template noscript portal foreignObject animate animateMotion animateTransform set image feImage math html head "
    "body dialog slot map area track canvas output fieldset legend title marquee".split()
)
_EVERYWHERE = set(
    "align alt bgcolor border cellpadding cellspacing char checked class clip-path clip-rule color colspan cx cy d "
    "datetime dir disabled dominant-baseline download dx dy face fill fill-opacity fill-rule font-family font-size "
    "font-style font-weight for fx fy gradientTransform gradientUnits halign headers height high hreflang id lang low "
    "letter-spacing marker-end marker-mid marker-start max media min name offset open opacity optimum "
    "patternUnits points preserveAspectRatio r role rowspan rx ry scope scoped size span start stop-color stop-opacity "
    "stroke stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity stroke-width style summary tabindex target "
    "text-anchor text-rendering textLength title transform type valign value version viewBox width x x1 x2 xmlns y y1 "
    "y2 nowrap controls loop muted abbr axis shape-rendering xml:space vertical-align".split()
)
_ADDRESSES = {
    "a": {"href"},
    "img": {"src", "srcset", "loading", "decoding"},
    "source": {"src", "srcset"},
    "audio": {"src"},
    "video": {"src", "poster"},
    "iframe": {"src", "srcdoc", "frameborder", "allowfullscreen", "sandbox"},
    "use": {"href", "xlink:href"},
    "linearGradient": {"href", "xlink:href"},
    "radialGradient": {"href", "xlink:href"},
    "svg": {"xmlns:xlink"},
}
_SCHEMES = {"http", "https", "mailto", "data", "attachment"}
_TAG_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_STYLES = re.compile(r"(<style[^>]*>)(.*?)</style>", re.DOTALL)


def _html(text: str) -> str | None:
    """Return HTML without active content; None if that is not certain."""
    import nh3  # imported on use, to load the extension faster

    strict = _strict(text)
    if strict is None:
        return None
    if _all_known(text) and strict == nh3.clean(
        text,
        tags=_HTML | _ACTIVE,
        clean_content_tags=set(),
        attributes={tag: names | _EVERYWHERE for tag, names in _ADDRESSES.items()} | {"*": _EVERYWHERE},
        generic_attribute_prefixes=set("abcdefghijklmnopqrstuvwxyz_:@"),
        url_schemes=_SCHEMES | {"javascript", "vbscript", "file", "ftp", "blob", "about", "ws", "wss", "view-source"},
        link_rel=None,
        strip_comments=True,
    ):
        return text
    return strict


def _all_known(text: str) -> bool:
    known = {name.lower() for name in _HTML}
    is_cut_off = _TAG.search(text, text.rfind(">") + 1)  # it would become a tag with what comes behind it
    return not is_cut_off and all(name.lower() in known for name in _TAG_NAME.findall(text))


def _strict(text: str) -> str | None:
    once = _sanitized(text)
    return once if _sanitized(once) == once else None  # what changes when it is read again may hide something


def _sanitized(text: str) -> str:
    import nh3

    cleaned = nh3.clean(
        text,
        tags=_HTML,
        clean_content_tags={"script", "template", "noscript", "object", "embed", "applet"},
        attributes={**_ADDRESSES, "*": _EVERYWHERE},
        generic_attribute_prefixes={"aria-"},
        attribute_filter=_attribute,
        set_tag_attribute_values={"iframe": {"sandbox": ""}},
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    return _STYLES.sub(lambda match: match.group() if _is_harmless_sheet(match[2]) else "", cleaned)


_OURS = re.compile(r"(?:jp|lm|p|cm|codeact|jupyter|Toastify)(?:-|$)|.*[^\x21-\x7e]", re.IGNORECASE)
_MOVES = frozenset(["position", "z-index", "inset", "top", "left", "right", "bottom", "pointer-events"])


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return what an attribute may keep of its value, None if it cannot stay."""
    if name == "class":
        return " ".join(one for one in value.split() if not _OURS.match(one)) if value.strip() else value
    if name in ("id", "for", "name"):
        return None if _OURS.match(value) else value
    if name == "style":
        return _declarations(value)
    if tag == "input" and name == "type":
        return "checkbox"
    if name in ("href", "xlink:href") and tag not in ("a",):
        return value if value.startswith("#") else None
    if value.strip().lower().startswith("data:") and not (tag in ("img", "source") and _is_image(value)):
        return None
    return value


def _is_image(address: str) -> bool:
    return address.strip().lower().startswith("data:image/")


def _declarations(style: str) -> str | None:
    """Return a style attribute without what could lay the element over other parts of the page."""
    if "\\" in style or "/*" in style:
        return None
    parts = style.split(";")
    kept = [part for part in parts if part.partition(":")[0].strip().lower() not in _MOVES]
    if len(kept) == len(parts):
        return style
    return None if '"' in style or "'" in style or "(" in style else ";".join(kept)


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"\s*([^{}@;]+)\{([^{}]*)\}\s*")
_MEDIA = re.compile(r"@media[^{}();]*(?:\([^{}();]*\)[^{}();]*)*\{((?:[^{}]*\{[^{}]*\})*)\s*\}")
_NAMED = re.compile(r"[.#]-?[A-Za-z_][\w-]*")
_ROOT = re.compile(r"(?::root|html|body)(?:\[[\w=\"' -]*\]|\.[\w-]+)*$")


def _is_harmless_sheet(sheet: str) -> bool:
    """Return whether a style sheet changes only what is in outputs: each rule begins with a class or id of theirs."""
    if "\\" in sheet or "<" in sheet:
        return False
    rules = _MEDIA.sub(r"\1", _COMMENT.sub("", sheet))
    position = 0
    while match := _RULE.match(rules, position):
        if not all(_is_harmless_rule(selector.strip(), match[2]) for selector in match[1].split(",")):
            return False
        position = match.end()
    return not rules[position:].strip()


def _is_harmless_rule(selector: str, declarations: str) -> bool:
    names = [part.partition(":")[0].strip().lower() for part in declarations.split(";") if part.strip()]
    if _ROOT.match(selector):
        return all(name.startswith("--") and not name.startswith(("--jp-", "--codeact-")) for name in names)
    first = re.split(r"[\s>+~]", re.sub(r"\([^()]*\)", "", selector), maxsplit=1)[0]
    own = [name[1:] for name in _NAMED.findall(re.sub(r"\[[^\]]*\]", "", first))]
    if not own or any(_OURS.match(name) for name in own) or ":has" in selector or not selector.isascii():
        return False
    return not any(name in ("position", "z-index", "inset") for name in names) or not re.search(
        r"(?:position\s*:\s*(?:fixed|sticky)|z-index\s*:\s*\d{3,})", declarations, re.IGNORECASE
    )


# -- Markdown, LaTeX, drawings -----------------------------------------------------------------------------------------

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_PLAIN_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|caption|center|cite|code|col|colgroup|dd|del|details|dfn|div|dl|dt|em|figcaption|"
    r"figure|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|s|samp|small|span|strike|strong|sub|summary|sup|table|"
    r"tbody|td|tfoot|th|thead|tr|tt|u|ul|var|wbr)"
    r"(?:\s+(?P<name>align|alt|border|color|colspan|height|lang|open|rowspan|size|start|title|valign|width)"
    r"(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[\w%#.-]+))?|\s+(?:href|src)\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*/?>"
    r"|<!--(?:[^<>-]|-(?!-))*-->|<(?:https?://|mailto:)[^\s<>]*>",
    re.IGNORECASE,
)
JOINER = "\u2060"  # no width: what it breaks is a text to every parser, and looks the same
_SCHEME = re.compile(r"(?<=script)\s*:", re.IGNORECASE)
_HIDDEN_SCHEME = re.compile(r"(?:java|vb|live)script:", re.IGNORECASE)


def _markdown(text: str) -> str | None:
    """Return Markdown whose tags are harmless ones or text, also in parsers that disagree about its code blocks."""
    broken = _SCHEME.sub(f"{JOINER}:", text)
    if _has_scheme(broken):
        return None
    last = broken.rfind(">")  # behind it no tag is complete: "<" is a sign of a formula there
    return _TAG.sub(
        lambda match: (
            match.group() if match.start() > last or _PLAIN_TAG.match(broken, match.start()) else f"<{JOINER}"
        ),
        broken,
    )


def _has_scheme(text: str) -> bool:
    """Return whether an address in `text` may run script, however it is written."""
    bare = re.sub(r"[\s\\\x00-\x20]", "", html.unescape(html.unescape(text)))
    return bool(_HIDDEN_SCHEME.search(bare))


_PAGE_MACROS = re.compile(r"\\(?:class|cssId|data|style|html\w*|require)(?![A-Za-z])")


def _latex(text: str) -> str | None:
    broken = _SCHEME.sub(f"{JOINER}:", text)
    return None if _has_scheme(broken) or _PAGE_MACROS.search(text) else broken


_ACTIVE_DRAWING = re.compile(
    r"<\s*/?\s*(?:[\w.-]+:)?(?:script|foreignObject|iframe|object|embed|handler|listener|animate\w*|set|html|body|style[^>]*/?>"
    r"[^<]*@import)|[\s\"'/]on\w+\s*=|<!ENTITY",
    re.IGNORECASE,
)


def _drawing(text: str) -> str | None:
    """Return a drawing if nothing in it is active: some front ends make it a part of the page."""
    return None if _ACTIVE_DRAWING.search(text) or _has_scheme(text) else text


def _as_image(drawing: str) -> str:
    """Return a drawing as an image: browsers run no script in it."""
    encoded = base64.b64encode(drawing.encode("utf-8", "replace")).decode("ascii")
    return f'<img src="data:image/svg+xml;base64,{encoded}">'


_CLEANERS = {
    "text/html": _html,
    "text/markdown": _markdown,
    "text/latex": _latex,
    "image/svg+xml": _drawing,
}
