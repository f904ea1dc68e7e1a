"""The secrets that a kernel's environment holds, and the file .env in its folder.

This file is also sent to separate kernels, so it may use only the standard library.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

SHORTEST = 8  # characters; a shorter text would be masked in words and numbers that have nothing to do with it
LARGEST = 65_536  # bytes of a .env that is read

_SECRET = re.compile(
    r"(?:^|_)(?:[A-Z]*KEY|[A-Z]*TOKEN|CREDENTIALS?|PASSPHRASE|PASSCODE|AUTH|PAT|DSN)(?:_?\d+)?$"
    r"|SECRET|PASSWORD|PASSWD|^AWS_(?:ACCESS_KEY_ID|SESSION_TOKEN|SECURITY_TOKEN)$"
)
# What is about a secret, and is none itself.
_ABOUT = re.compile(r"_(?:FILE|PATH|DIR|NAME|TYPE|TTL|EXPIRY|EXPIRES|LENGTH|SIZE|COUNT|ALGORITHM|REGION|MANAGER)$")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s/@]+)@")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


def secrets_here() -> dict[str, str]:
    """Return the secrets of this process, each with the name of its variable."""
    return _in_file() | secrets_in(os.environ)


def secrets_in(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets among some variables, each with the name of its variable."""
    found: dict[str, str] = {}
    for name, value in variables.items():
        for secret in _secrets(name, value):
            for form in (secret, repr(secret)[1:-1]):
                found.setdefault(form, name)
    return found


def _secrets(name: str, value: str) -> Iterator[str]:
    if "://" in value:
        for password in _ADDRESS.findall(value):
            yield from filter(_may_be_secret, {password, unquote(password)})
    elif is_secret_name(name) and _may_be_secret(text := value.strip()) and not _is_path(text):
        yield text


@functools.lru_cache(maxsize=1000)
def is_secret_name(name: str) -> bool:
    """Return whether a variable of that name holds a secret."""
    upper = name.upper()
    return bool(_SECRET.search(upper)) and not _ABOUT.search(upper)


def _may_be_secret(text: str) -> bool:
    """Return whether a text can be a secret: a short word, such as "disabled", or a small number is none."""
    is_word = text.isalpha() and text in (text.lower(), text.upper(), text.title()) and len(text) < 16
    is_number = text.isdigit() and len(text) < 12
    return len(text) >= SHORTEST and not is_word and not is_number


def _is_path(text: str) -> bool:
    return text.startswith(("/", "~/", "./", "../")) and _exists(text)


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


# -- the file .env -----------------------------------------------------------------------------------------------------


def _in_file() -> dict[str, str]:
    path = Path(".env")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return {}
        return _read(path, status.st_ino, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        return {}


@functools.lru_cache(maxsize=8)
def _read(path: Path, inode: int, modified: int, size: int) -> dict[str, str]:
    """Return the secrets in a file of variables; what follows `path` tells its versions apart."""
    matches = map(_LINE.match, path.read_text("utf-8", "replace").splitlines())
    return secrets_in({match[1]: _unquoted(match[2]) for match in matches if match})


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text.partition(" #")[0].rstrip()
