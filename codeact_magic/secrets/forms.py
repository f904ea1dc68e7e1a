"""The forms of secrets: what services give out, told by its beginning alone.

The patterns are those of detect-secrets 1.5 (Yelp, Apache-2.0, https://github.com/Yelp/detect-secrets), which is well
kept and made for few false alarms; as a dependency it would bring requests and PyYAML into the kernel. Of its detectors
these are left out: high entropy (a hash, a UUID and an image are no secrets), keywords and IP addresses (the same), and
those without a beginning of their own (Telegram, Discord, Artifactory, Twilio, Softlayer, IBM, Cloudant). Keys of model
services, GitHub's newer tokens and Google's keys are not in it yet; their forms are those that the services document.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """A secret in a text: its position, and what kind of secret it is."""

    start: int
    end: int
    kind: str


class Form(NamedTuple):
    """A form of secrets.

    Attributes:
        kind: what is shown of it.
        marks: texts one of which every secret of this form contains.
        hints: fewer and shorter texts, for the same, which are found faster.
        pattern: its group `secret` is masked, if there is one.
    """

    kind: str
    marks: tuple[str, ...]
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


def _form(kind: str, marks: str, pattern: str, fast: str = "") -> Form:
    return Form(kind, tuple(marks.split()), tuple((fast or marks).split()), re.compile(pattern))


_END = r"(?![A-Za-z0-9])"
_BEGIN = r"(?<![A-Za-z0-9])"
FORMS = (
    _form("AWS key", "AKIA ASIA", rf"{_BEGIN}A[KS]IA[0-9A-Z]{{16}}{_END}"),
    _form("Azure storage key", "AccountKey=", r"AccountKey=(?P<secret>[a-zA-Z0-9+/=]{88})"),
    _form("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_(?<![A-Za-z0-9]....)[A-Za-z0-9_]{36}", fast="gh"),
    _form("GitHub token", "github_pat_", rf"{_BEGIN}github_pat_[A-Za-z0-9_]{{50,}}"),
    _form("GitLab token", "glpat- glrt- glcbt-", rf"{_BEGIN}gl(?:pat|rt|cbt)-[A-Za-z0-9_-]{{20,1024}}"),
    _form("signed token", "eyJ", rf"{_BEGIN}eyJ[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+(?:\.[A-Za-z0-9_.+/=-]*)?"),
    _form("Mailchimp key", "-us", rf"{_BEGIN}[0-9a-z]{{32}}-us[0-9]{{1,2}}{_END}"),
    _form("npm token", "npm_", rf"{_BEGIN}npm_[A-Za-z0-9]{{36}}"),
    _form(
        "key of a model service",
        "sk-proj- sk-svcacct- sk-admin- sk-ant- sk-or-v1- T3BlbkFJ",
        r"sk-(?<![A-Za-z0-9]...)(?:(?:proj|svcacct|admin|ant|or-v1)-[A-Za-z0-9_-]{32,}|[A-Za-z0-9_-]*T3BlbkFJ[A-Za-z0-9]{20})",
        fast="sk-",
    ),
    _form("Hugging Face token", "hf_", rf"{_BEGIN}hf_[A-Za-z0-9]{{34}}{_END}"),
    _form("Google key", "AIza", rf"{_BEGIN}AIza[0-9A-Za-z_-]{{35}}{_END}"),
    _form("PyPI token", "pypi-AgE", rf"{_BEGIN}pypi-AgE[A-Za-z0-9_-]{{70,}}"),
    _form("SendGrid key", "SG.", rf"{_BEGIN}SG\.[a-zA-Z0-9_-]{{22}}\.[a-zA-Z0-9_-]{{43}}"),
    _form("Slack token", "xoxa- xoxb- xoxp- xoxo- xoxs- xoxr-", r"xox[abposr]-(?:\d+-)+[A-Za-z0-9]+", fast="xox"),
    _form("Slack address", "hooks.slack.com", r"hooks\.slack\.com/services/(?P<secret>T\w+/B\w+/\w+)"),
    _form("Square secret", "sq0csp-", rf"{_BEGIN}sq0csp-[0-9A-Za-z_-]{{43}}"),
    _form("Stripe key", "sk_live_ rk_live_", rf"{_BEGIN}[rs]k_live_[0-9a-zA-Z]{{24,}}", fast="k_live_"),
    _form("password in an address", "://", r"://[^\s/:@<>\"']{0,200}:(?P<secret>[^\s/:@<>\"'{}$*]{3,200})@[\w.\[-]"),
    _form(
        "private key",
        "-----BEGIN",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?P<secret>[^-]{16,10000})(?:-----END|\Z)",
    ),
    # The rest of a key that was cut.
    _form("private key", "-----END", r"(?P<secret>[A-Za-z0-9+/=\\\n]{16,10000})-----END (?:[A-Z0-9]+ )*PRIVATE KEY"),
)
LONGEST = 10_000  # characters of a text that may become a secret and is held back meanwhile

_KEY_BEGINS = "-----BEGIN"
# After one of these, a token goes on up to the next space: only its end shows whether it is a secret.
_OPENED = re.compile(
    "|".join(re.escape(mark) for form in FORMS for mark in form.marks if mark not in ("-us", "-----END", _KEY_BEGINS))
)


_SMALL = 5_000  # characters of a text for which one pattern for all marks is faster than many searches
_ANY = re.compile("|".join(re.escape(mark) for form in FORMS for mark in form.marks))


def found(text: str) -> Iterator[Span]:
    """Yield the secrets in `text` that are told by their form."""
    if len(text) < _SMALL and not _ANY.search(text):
        return
    for form in FORMS:
        if _has(text, form.hints):
            for match in form.pattern.finditer(text):
                group = "secret" if "secret" in form.pattern.groupindex else 0
                if _CHECKS.get(form.kind, _yes)(match[group]):
                    yield Span(match.start(group), match.end(group), form.kind)


def opening(text: str) -> int:
    """Return where a secret may begin that goes on in the text to come; the length of `text` if none may."""
    tail = max(len(text) - LONGEST, 0)
    key = text.rfind(_KEY_BEGINS, tail)
    if key >= 0 and text.find("-----END", key) < 0:
        return key
    token = max(text.rfind(space, tail) for space in " \n\t\r\"'") + 1
    token = max(token, tail)
    if len(text) - token < 3:
        return len(text)
    opened = _OPENED.search(text, token)
    return opened.start() if opened else len(text)


def _has(text: str, hints: tuple[str, ...]) -> bool:
    for hint in hints:  # a generator would take longer
        if hint in text:
            return True
    return False


def _yes(text: str) -> bool:
    return True


def _is_signed(text: str) -> bool:
    """Return whether the first part of a token says how it is signed."""
    head = text.partition(".")[0]
    try:
        return isinstance(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))), dict)
    except ValueError:
        return False


def _is_password(text: str) -> bool:
    """Return whether a text is more than what stands for a password in a manual."""
    return text.lower() not in _PLACEHOLDERS


_PLACEHOLDERS = frozenset("password passwd pass pwd secret xxx xxxx token user username your_password changeme".split())
_CHECKS: dict[str, Callable[[str], bool]] = {"signed token": _is_signed, "password in an address": _is_password}
