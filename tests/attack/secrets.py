"""Secrets of the environment, planted in outputs in many ways: they may show up nowhere.

They are made up anew in each run, in the forms that services give out, so that no file holds one.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import choice
from typing import Any

from .kernel import LOG, Target, act, target
from .results import Try

LETTERS = string.ascii_letters + string.digits


def some(count: int, letters: str = LETTERS) -> str:
    """Return `count` letters by chance."""
    return "".join(choice(letters) for _ in range(count))


def _token(*parts: dict[str, str]) -> str:
    """Return a signed token of three parts, as identity services write it."""
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, some(43)])


# What the variables are called that hold secrets, and what these look like.
VARIABLES: dict[str, Callable[[], str]] = {
    "OPENAI_API_KEY": lambda: "sk-" + "proj-" + some(48),
    "ANTHROPIC_API_KEY": lambda: "sk-" + "ant-api03-" + some(80),
    "AWS_SECRET_ACCESS_KEY": lambda: some(40),
    "AWS_ACCESS_KEY_ID": lambda: "AK" + "IA" + some(16, string.ascii_uppercase),
    "AWS_SESSION_TOKEN": lambda: some(180),
    "GITHUB_TOKEN": lambda: "gh" + "p_" + some(36),
    "HF_TOKEN": lambda: "h" + "f_" + some(34),
    "JUPYTERHUB_API_TOKEN": lambda: some(32, string.hexdigits.lower()),
    "AZURE_CLIENT_SECRET": lambda: some(3) + "8Q~" + some(34),
    "SLACK_BOT_TOKEN": lambda: "xo" + "xb-" + some(12, string.digits) + "-" + some(24),
    "STRIPE_SECRET_KEY": lambda: "sk_" + "live_" + some(24),
    "DJANGO_SECRET_KEY": lambda: some(50),
    "PGPASSWORD": lambda: some(16),
    "MYSQL_PASSWORD": lambda: some(12),
    "DATABASE_URL": lambda: f"postgresql://shop:{some(20)}@127.0.0.1:5432/shop",
    "SHOP_CREDENTIALS": lambda: _token({"alg": "HS256"}, {"sub": "shop"}),
}

# What is in no variable, and is told by its form alone.
FORMS: dict[str, Callable[[], str]] = {
    "an access key of a cloud": lambda: "AK" + "IA" + some(16, string.ascii_uppercase),
    "a token of a code host": lambda: "gh" + "p_" + some(36),
    "a key of a model service": lambda: "sk-" + "ant-api03-" + some(80),
    "a bot token": lambda: "xo" + "xb-" + some(12, string.digits) + "-" + some(24),
    "a signed token": lambda: _token({"alg": "HS256"}, {"sub": "shop"}),
    "a private key": lambda: (
        "-----BEGIN " + f"PRIVATE KEY-----\n{some(64)}\n{some(64)}\n-----END " + "PRIVATE KEY-----"
    ),
    "a password in an address": lambda: f"https://me:{some(20)}@127.0.0.1/shop.git",
}

# The ways out: what an action does with every one of `kept`, a list of texts.
WAYS = {
    "printed": "for one in kept: print(one)",
    "printed in pieces": "for one in kept:\n    for letter in one: print(letter, end='', flush=True)\n    print()",
    "shown as a value": "kept",
    "shown as HTML": "from IPython.display import HTML, display\ndisplay(HTML('<br>'.join(kept)))",
    "in a traceback": "raise ValueError(' '.join(kept))",
    "in a variable's summary": "copies = dict(enumerate(kept))\nlast = kept[-1]",
    "by a child process": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', "
    "'import sys; print(sys.stdin.read())'], input='\\n'.join(kept), text=True)",
    "by a shell escape": "open('kept.txt', 'w').write('\\n'.join(kept))\n!cat kept.txt",
    "logged": "import logging\nfor one in kept: logging.getLogger('shop').warning(one)",
    "written past Python": "import os\nos.write(2, ('\\n'.join(kept) + '\\n').encode())",
    "in a large output": "print(('\\n'.join(kept) + '\\n') * 3)\nprint('x' * 1_100_000)",
}

GET = {
    "environment": "import os\nkept = [os.environ[name] for name in {names!r}]\n",
    "form": "import json\nkept = json.load(open('kept.json'))\n",
}


def tries(folder: Path) -> Iterator[Try]:
    """Try every way out, first with secrets of the environment, then with such as are told by their form."""
    yield from of_variables(folder, list(VARIABLES), list(WAYS))
    with target(folder / "later") as at:
        yield from _later(at)
    secrets = {name: make() for name, make in FORMS.items()}
    with target(folder / "forms") as at:
        (at.kernel.folder / "kept.json").write_text(json.dumps(list(secrets.values())))
        yield from _all_ways(at, secrets, GET["form"], list(WAYS), "no variable: ")


def of_variables(folder: Path, names: list[str], ways: list[str]) -> Iterator[Try]:
    """Try some ways out with secrets of the environment."""
    secrets = {name: VARIABLES[name]() for name in names}
    with target(folder / "variables", secrets) as at:
        yield from _all_ways(at, secrets, GET["environment"].format(names=names), ways, "")


def _all_ways(at: Target, secrets: dict[str, str], get: str, ways: list[str], prefix: str) -> Iterator[Try]:
    for way in ways:
        found = _places(at, get + WAYS[way])
        for place, text in found.items():
            for name, secret in secrets.items():
                leaked = _parts(secret, text)
                yield Try(f"{prefix}{place}", f"{name}, {way}", not leaked, "it is there" if leaked else "")


def _parts(secret: str, text: str) -> bool:
    """Return whether `text` has the part of `secret` that must not be seen."""
    password = secret.partition("://")[2].partition("@")[0].partition(":")[2]
    return any(line in text for line in (password or secret).split("\n") if not line.startswith("-----"))


def _places(at: Target, code: str) -> dict[str, str]:
    """Run an action in a turn of its own; return the text that has since come to each place that others may read."""
    at.kernel.log.clear()
    asked, written = len(at.endpoint.requests), _size(at.kernel.folder / LOG)
    at.ask(act(code), "Done.", options="--approve auto --new")
    messages = [one for one in at.kernel.log if one["msg_type"] not in ("execute_input",)]
    return {
        "in the cell's output": _text([one["content"] for one in messages]),
        "in a request to the model": _text([one.body for one in at.endpoint.requests[asked:]]),
        "in a saved file": "".join(path.read_text(errors="replace") for path in _newest(at)),
        "in the server's log": (at.kernel.folder / LOG).read_bytes()[written:].decode(errors="replace"),
    }


def _text(value: Any) -> str:
    """Return all texts in some JSON as they are; those that came in pieces as one."""
    if isinstance(value, dict):
        return "".join(_text(one) for one in value.values() if not _is_name(one))
    if isinstance(value, list | tuple):
        return "".join(map(_text, value))
    return value if isinstance(value, str) else ""


def _is_name(value: Any) -> bool:
    """Return whether it is the name of a stream, which would stand between two pieces of one text."""
    return value in ("stdout", "stderr")


def _newest(at: Target) -> list[Path]:
    """Return the files of the session that was saved last, large outputs included."""
    saved = at.kernel.folder / "codeact-sessions"
    sessions = sorted(saved.glob("*.ipynb"), key=lambda path: path.stat().st_mtime_ns)
    return [path for path in saved.rglob("*") if path.is_file() and path.name.startswith(sessions[-1].stem)] + [
        path for path in saved.rglob("*") if path.is_file() and sessions[-1].stem in str(path.parent)
    ]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _later(at: Target) -> Iterator[Try]:
    """Try a secret that the environment no longer holds, or holds only since a cell of the user's."""
    for name, after in (
        ("given by a cell", "kept = os.environ['OPENAI_API_KEY']"),
        ("taken out of the environment", "kept = os.environ.pop('OPENAI_API_KEY')"),
        (
            "that another one took the place of",
            "kept = os.environ['OPENAI_API_KEY']; os.environ['OPENAI_API_KEY'] = 'x' * 20",
        ),
    ):
        new = "sk-" + "proj-" + some(48)
        at.kernel.run(f"import os\nos.environ['OPENAI_API_KEY'] = {new!r}")
        at.ask("Done.", options="--approve auto")  # it is known as a secret by now
        at.kernel.run(after)
        secret = at.kernel.value("kept")
        for place, text in _places(at, "print(kept)").items():
            yield Try(place, f"OPENAI_API_KEY, {name}", secret not in text, "it is there" if secret in text else "")
