"""`python -m codeact_magic.local fetch | serve | status`."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Sequence
from typing import Any

from ..errors import LocalModelError
from .child import llama_server, serve_until_stdin_ends
from .fetching import fetch_with_bar
from .known_models import DEFAULT, MODELS, require_extra
from .serving import CONTEXT, status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m codeact_magic.local fetch | serve | status` and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LocalModelError as error:
        print(f"codeact_magic.local: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m codeact_magic.local", description="The embedded local model.")
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("fetch", help="fetch a model and print its path")
    verb.add_argument("name", nargs="?", default=DEFAULT, help=f"one of {', '.join(MODELS)}")
    verb.add_argument("--path", help="a file that you already have: it is checked, and used without a copy")
    verb.set_defaults(run=lambda options: print(fetch_with_bar(options.name, path=options.path)))
    verb = verbs.add_parser("serve", help="serve a model until Ctrl-C; the first line of output holds the address")
    verb.add_argument("--model", help="a GGUF file (default: the fetched one)")
    verb.add_argument("--name", default=DEFAULT, help="the name under which the server offers the model")
    verb.add_argument("--context", type=int, default=CONTEXT, help="the context window, in tokens")
    verb.add_argument("--end-with-stdin", action="store_true", help="end at the end of stdin")
    verb.set_defaults(run=_serve_here)
    verb = verbs.add_parser("status", help="list the models, and the files that are fetched")
    verb.set_defaults(run=lambda options: print(status()))
    return parser


def _serve_here(options: argparse.Namespace) -> None:
    require_extra()
    path = options.model or fetch_with_bar(options.name)
    servers: list[Any] = []  # a server ends when nothing refers to it

    def start() -> str:
        servers.append(llama_server(str(path), options.name, options.context))
        return str(servers[0].listening_address)

    if options.end_with_stdin:
        serve_until_stdin_ends(start)
    print(json.dumps({"address": start()}), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
