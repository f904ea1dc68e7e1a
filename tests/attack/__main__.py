"""Run attacks and print what was tried and what held: `python -m tests.attack [CATEGORY ...] [--json] [--all]`."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path

from .results import FIRST, Tally, Try, failures, table, tally

# The categories, and the seconds after which no further try of one is begun.
SECONDS = {"snippets": 120.0, "control": 300.0, "page": 600.0, "secrets": 240.0, "faults": 900.0, "fuzz": 120.0}


def main(arguments: Sequence[str]) -> int:
    """Return 0 if all that is promised holds, and else 1."""
    options = _parser().parse_args(arguments)
    tallies = [_attacked(category, options) for category in options.categories or SECONDS]
    if options.json:
        print(json.dumps([one.as_json() for one in tallies], indent=1))
    else:
        print(table(tallies))
        print(failures(tallies, sys.maxsize if options.all else FIRST))
    return 0 if all(one.holds for one in tallies) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("categories", nargs="*", choices=[*SECONDS, []], metavar="CATEGORY", help=", ".join(SECONDS))
    parser.add_argument("--json", action="store_true", help="print the counts and what did not hold as JSON")
    parser.add_argument("--all", action="store_true", help="name all that did not hold")
    parser.add_argument("--seconds", type=float, help="seconds after which no further try of a category is begun")
    parser.add_argument("--snippets", type=Path, action="append", default=[], help="a JSON file of more snippets")
    parser.add_argument("--setup", type=Path, help="the code that makes the user's variables of --snippets")
    parser.add_argument("--progress", action="store_true", help="name each try on stderr as it ends")
    parser.add_argument("--update", action="store_true", help="write the list of snippets that are not held anew")
    return parser


def _attacked(category: str, options: argparse.Namespace) -> Tally:
    print(f"attacking: {category} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        tries = _tries(category, Path(folder), options)
        if options.progress:
            tries = _named(tries)
        bound = math.inf if category == "fuzz" else options.seconds or SECONDS[category]  # the fuzz run ends by itself
        counted = tally(category, tries, bound)
    if category == "snippets" and options.update:
        import_module(".snippets", __package__).update(counted.open)
    return counted


def _named(tries: Iterator[Try]) -> Iterator[Try]:
    """Name each of `tries` on stderr."""
    with closing(tries):  # type: ignore[type-var]  # the categories are generators
        for one in tries:
            print(
                f"  {'held' if one.held else 'OPEN'}  {one.kind}: {one.name!r:.90} {one.seen}",
                file=sys.stderr,
                flush=True,
            )
            yield one


def _tries(category: str, folder: Path, options: argparse.Namespace) -> Iterator[Try]:
    module = import_module(f".{category}", __package__)
    if category == "snippets" and options.snippets:
        tries: Iterator[Try] = module.given(folder, options.snippets, options.setup)
    elif category == "fuzz":
        tries = module.tries(folder, options.seconds or SECONDS[category])
    else:
        tries = module.tries(folder)
    return tries


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
