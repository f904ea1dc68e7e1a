"""Split text into tokens, and find those that differ in every run: addresses, times, timings, temporary files, ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

# The kinds of tokens that are not compared, each with the note that says so.
NOTES: Mapping[str, str] = {
    "address": "addresses",
    "timing": "timings",
    "bar": "progress bars",
    "file": "temporary files",
    "id": "ids",
    "process": "process ids",
    "port": "ports",
    "packages": "where packages are installed",
}
CLOCK = "dates and times"

_UNIT = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|m|min|minutes?|h|hours?)"
_SPAN = rf"\d+(?:\.\d+)?(?:e-\d+)?[ ]?{_UNIT}\b(?:[ ]?\d+(?:\.\d+)?[ ]?{_UNIT}\b){{0,3}}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CALL = r"datetime\.(?:datetime|date)\(\d{4}(?:,[ ]\d+){2,6}[^()\n]{0,60}\)"  # as Python shows one
_TIME = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[ ]?[AP]M\b)?(?:[ ]?(?:Z|[+-]\d\d:?\d\d)\b)?"
_DAY = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    rf"|\d{{1,2}}[ ]{_MONTH}[ ]\d{{4}}|{_MONTH}[ ]{{1,2}}\d{{1,2}},?[ ]\d{{4}})"
)
_LIKE_C = rf"{_WEEKDAY}[ ]{_MONTH}[ ]{{1,2}}\d{{1,2}}[ ]{_TIME}(?:[ ]\w{{3,4}})?[ ]\d{{4}}"  # as date and ctime() write

_TOKEN = re.compile(
    rf"""
      (?P<address>(?<=\ at\ )0x[0-9a-f]{{4,16}}\b
        |\b0x(?:7f[0-9a-f]{{8,10}}|5[56][0-9a-f]{{10}}|1[0-9a-f]{{8}}|0000[0-9a-f]{{12}})\b)
    | (?P<id>\b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b)
    | (?P<file>(?:[A-Z]:)?(?:[/\\][\w.~-]{{1,60}}){{0,12}}[/\\]ipykernel_\d+[/\\]\d+\.py
        |<ipython-input-\d+-[0-9a-f]+>|\b\d{{6,12}}\.py\b
        |/tmp/tmp[a-z0-9_]{{8}}\b)
    | (?P<packages>(?:[A-Z]:)?(?:[/\\][\w.~-]{{1,60}}){{0,12}}[/\\](?:site|dist)-packages(?=[/\\]))
    | (?P<port>\b(?:127\.0\.0\.1|0\.0\.0\.0|localhost):\d{{4,5}}\b)
    | (?P<bar>\d{{1,3}}%\|[^|\n]{{0,300}}\|[ ]*[\d.]+\w?/[\d.?]+\w?[ ]\[[^\]\n]{{0,80}}\]
        |\b\d+\w{{0,20}}[ ]\[\d\d:\d\d[^\]\n]{{0,80}}\])
    | (?P<timing>CPU[ ]times:[^\n]*|Wall[ ]time:[^\n]*|The[ ]slowest[ ]run[ ]took[ ][^\n]*
        |[\d.]+[ ]?{_UNIT}[ ]±[ ][\d.]+[ ]?{_UNIT}[ ]per[ ]loop(?:[ ]\([^)\n]*\))?
        |\b(?:elapsed|runtime)\b[^\w\n]{{0,5}}\d+\.\d+(?:e-\d+)?(?:[ ]?{_UNIT}\b)?
        |\b(?:elapsed|runtime|took|duration|time|in|after)\b[^\w\n]{{0,5}}{_SPAN}
        |(?:(?<=\n)|(?<!.))[ ]*\d+\.\d+(?:e-\d+)?[ ]?(?:ns|µs|μs|us|ms|s|secs?|seconds?)(?=[ ]*(?:\n|\Z))
        |(?<![\w.]){_SPAN}[ ]?/[ ]?(?:step|it|iter|epoch|batch|sample|loop)\b
        |(?<![\w.])\d+(?:\.\d+)?[ ]?(?:it|iter|steps?|batch(?:es)?|samples?)/s(?:ec)?\b)
    | (?P<process>\bpid[^\w\n]{{0,3}}\d{{3,7}}\b)
    | (?P<time>(?<![\w.])(?:{_CALL}|{_LIKE_C}|(?:{_WEEKDAY},?[ ])?{_DAY}(?:(?:T|,?[ ]){_TIME})?
        |{_MONTH}[ ]{{1,2}}\d{{1,2}}[ ]{_TIME}|{_TIME})(?!\w))
    | (?P<version>(?<![\w.])\d+(?:\.\d+){{2,}})
    | (?P<number>(?:(?<![\w.)\]])[-+])?
        (?:\d+(?:,\d{{3}})+(?!,?\d)(?:\.\d*)?|\d+(?:\.(?!\.)\d*)?|(?<![\w.])\.\d+)(?:e[-+]?\d+)?)
    | (?P<rule>(?P<char>[-=─━═_~])(?P=char){{2,}}+)
    | (?P<word>[^\W\d]\w*+|[^\w\s])
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Token(NamedTuple):
    """A part of a text without the white space around it: its kind, its text, and the index at which it begins."""

    kind: str
    text: str
    start: int


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the tokens of `text`, beginning at index `start`."""
    for match in _TOKEN.finditer(text, start):
        yield Token(match.lastgroup or "word", match[0], match.start())


def is_now(text: str, now: datetime) -> bool:
    """Return whether a date, a time of day or a number of seconds since 1970 is within about a day of `now`.

    A time of day without a date must be within an hour. A value farther from `now` is data, and not from the clock.
    """
    return any(_is_close(moment, now) for moment in _moments(text)) or _is_epoch(text, now)


def is_epoch(text: str) -> bool:
    """Return whether a number may be a time of this century since 1970, in seconds, ms, µs or ns."""
    with suppress(ValueError):
        return any(946684800 <= float(text) / unit < 4102444800 for unit in (1, 1e3, 1e6, 1e9))
    return False


def _is_close(moment: datetime, now: datetime) -> bool:
    if moment.year == 1900:  # the text has no date
        return any(_clock_distance(moment, clock) < 3600 for clock in (now, now.astimezone(UTC)))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
    return abs(moment - now) < timedelta(days=1.6)  # a day, in any time zone


def _clock_distance(one: datetime, other: datetime) -> float:
    distance = abs(_seconds_of_day(one) - _seconds_of_day(other))
    return min(distance, 86400 - distance)


def _seconds_of_day(moment: datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _is_epoch(text: str, now: datetime) -> bool:
    with suppress(ValueError):
        value = float(text)
        return any(abs(value / unit - now.timestamp()) < 86400 for unit in (1, 1e3, 1e6, 1e9))
    return False


@cache
def _formats() -> tuple[str, ...]:
    days = "%Y-%m-%d|%Y/%m/%d|%Y.%m.%d|%d/%m/%Y|%m/%d/%Y|%d.%m.%Y|%d-%m-%Y|%d %b %Y|%d %B %Y|%b %d %Y|%B %d %Y".split(
        "|"
    )
    times = [clock + half for clock, half in product(("%H:%M:%S.%f", "%H:%M:%S", "%H:%M"), ("", "%z"))]
    times += ["%I:%M:%S %p", "%I:%M %p", "%I:%M%p"]
    like_c = [f"%b %d {time} %Y" for time in ("%H:%M:%S", "%H:%M")]
    return (*(f"{day} {time}" for day, time in product(days, times)), *days, *times, *like_c)


@lru_cache(1000)
def _moments(text: str) -> tuple[datetime, ...]:
    """Return the possible meanings of a date or a time."""
    if text.startswith("datetime."):
        return _from_repr([int(number) for number in re.findall(r"\d+", text)[:7]])
    text = re.sub(rf"^{_WEEKDAY},?[ ]", "", text)
    text = re.sub(rf"^{_MONTH}[ ]+\d+[ ](?=[\d:.]+$)", "", text)  # a day without a year: only the time counts
    text = re.sub(r"\b[A-Z]{3,4}[ ](?=\d{4}$)", "", text)  # the zone that `date` writes before the year
    text = re.sub(r"(?<=\d)T(?=\d)", " ", text.replace(",", " ").replace("  ", " "))
    text = re.sub(r"(?<=\.\d{6})\d+", "", re.sub(r"[ ](?=[-+]\d\d:?\d\d$|Z$)", "", text))
    found = []
    for form in _formats():
        with suppress(ValueError):
            found.append(datetime.strptime(text, form))
    return tuple(found)


def _from_repr(numbers: list[int]) -> tuple[datetime, ...]:
    with suppress(ValueError):
        return (datetime(*numbers),)  # type: ignore[arg-type]
    return ()
