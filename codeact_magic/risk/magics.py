"""The effects of IPython lines: magics, shell commands, and the rest, by their names and texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from . import texts
from .findings import Kind
from .ipython_syntax import Command

Effect = tuple[Kind, str]  # the kind of a finding, and its object

_HARMLESS = frozenset(
    """
    matplotlib who whos who_ls precision pprint psearch pinfo pinfo2 pdoc pdef psource pfile pycat page quickref lsmagic
    magic pwd dirs dhist tb xmode colors doctest_mode logstate logoff
    """.split()
)
_LISTS = frozenset("ls ll lk lf ldir lx cat less more man head tail history hist".split())  # shell aliases, mostly
_SHELLS = frozenset("sx sc system bash sh script cmd ! perl ruby python python2 python3 pypy".split())
_INSTALLERS = frozenset("pip conda mamba micromamba uv".split())
_EFFECTS: Mapping[str, tuple[Kind, str]] = {
    **dict.fromkeys(("cd", "pushd", "popd", "set_env", "bookmark"), ("environment", "%{}")),
    "env": ("reads environment", "%{}"),
    **dict.fromkeys(("run", "rerun", "load", "loadpy", "load_ext", "reload_ext"), ("unreadable", "%{}")),
    **dict.fromkeys(("reset", "reset_selective", "xdel"), ("deletes name", "your names: %{}")),
    "pylab": ("overwrites name", "your names: %{}"),
    "store": ("writes", "IPython's database: %{}"),
    "pastebin": ("network", "%{}"),
    **dict.fromkeys(("exit", "quit", "Exit", "Quit"), ("exit", "{}")),
}
_FILES: Mapping[str, Kind] = {
    **dict.fromkeys(("writefile", "file", "save", "notebook", "logstart", "mv", "cp", "mkdir"), "writes"),
    **dict.fromkeys(("rm", "rmdir"), "deletes"),
}
_FIRST_NAMED = frozenset({"save", "notebook", "logstart"})  # the file's name is their first argument, not the last
_ALSO_KNOWN = frozenset(
    """
    alias alias_magic autoawait autocall automagic code_wrap config debug ed edit gui killbgscripts logon logstop macro
    pdb recall rehashx rep unalias unload_ext autoreload time timeit prun
    """.split()
)
_KNOWN = _HARMLESS | _LISTS | _SHELLS | _INSTALLERS | _ALSO_KNOWN | _EFFECTS.keys() | _FILES.keys()

_CHAINED = re.compile(r"[;&|`$<>\n]")
_EXPANDED = re.compile(r"[{$]")  # IPython puts values of expressions in their place
_SETTING = re.compile(r"InlineBackend\.\w+\s*=\s*(.*)")
_INSTALL = re.compile(
    r"(?:\A|[\s;&|/'\"!(])(?:pip[\d.]*|conda|mamba|micromamba|uv|pipx|poetry|apt|apt-get|brew|npm|yarn|dnf|yum|apk|gem|cargo)"
    r"(?:[ \t]+[-\w=./]+){0,4}?[ \t]+(?:install|add)\b([^;&|\n]{0,200})"
)


def is_magic(name: str) -> bool:
    """Return whether `name` is one of IPython's line magics, which work without a percent sign."""
    return name in _KNOWN and name.isidentifier()


def judge(command: Command) -> Iterator[Effect]:
    """Yield the effects of an IPython line."""
    if command.sign in ("!", "!!"):
        yield from shell(command.text)
    elif command.sign in ("%", "%%"):
        yield from _magic(command)
    elif command.sign not in ("?", "??"):
        yield "magic", f"{command.sign}{command.text}"


def installs(text: str) -> Iterator[Effect]:
    """Yield the packages that a shell command would install."""
    for match in _INSTALL.finditer(text):
        words = [word for word in match[1].split() if not word.startswith("-")]
        yield "installs", " ".join(words).strip("'\"`,)]") or "packages"


def shell(text: str) -> Iterator[Effect]:
    """Yield the effects of a shell command. If it only installs packages, the process itself is not an effect."""
    found = list(installs(text))
    yield from found
    if not found or _CHAINED.search(text):
        yield "shell", text.strip()


def _magic(command: Command) -> Iterator[Effect]:
    name = command.name
    text = command.text
    whole = f"{name} {text}".strip()
    if name in _SHELLS:
        yield from shell(_shell_text(command))
        yield from installs(command.body)
    elif name in _INSTALLERS:
        yield from shell(whole)
    elif name in _EFFECTS:
        kind, what = _EFFECTS["set_env" if name == "env" and "=" in text else name]
        yield kind, what.format(whole)
    elif name in _FILES:
        yield _FILES[name], _file_name(name, text)
    elif name in _LISTS:
        if _CHAINED.search(text) or _EXPANDED.search(text) or (name.startswith("hist") and "-f" in text):
            yield "shell", whole
        yield from (("reads environment", word) for word in text.split() if texts.secret(word))
    elif command.sign == "%%" and name in ("markdown", "latex"):
        yield from _shown(command.body)
    elif not _is_harmless(command):
        yield "magic", command.sign + whole


def _shell_text(command: Command) -> str:
    """Return the shell commands of a magic on one line: its own text, and the lines of its cell."""
    if command.sign != "%%":
        return command.text
    lines = [command.text, *(line.strip() for line in command.body[:400].splitlines())]
    return "; ".join(filter(None, lines))


def _file_name(name: str, text: str) -> str:
    """Return the file that the magic `name` writes or deletes."""
    words = [word for word in text.split() if not word.startswith("-")]
    if not words:
        return f"files with %{name}"
    return words[0] if name in _FIRST_NAMED else words[-1]


def _shown(body: str) -> Iterator[Effect]:
    """Yield the effects of showing Markdown."""
    if texts.script(body):
        yield "page", body
    elif texts.remote(body):
        yield "network", body


def _is_harmless(command: Command) -> bool:
    name, text = command.name, command.text
    if command.sign == "%%":
        return False
    if name == "config":
        return text in ("", "InlineBackend") or _is_plain_setting(text)
    if _EXPANDED.search(text):
        return False
    return name in _HARMLESS and not (name in ("pycat", "pfile", "page") and ("://" in text or texts.secret(text)))


def _is_plain_setting(text: str) -> bool:
    """Return whether the text of %config sets how figures are shown, to a plain value: IPython runs it as Python."""
    setting = _SETTING.fullmatch(text)
    try:
        return setting is not None and ast.literal_eval(setting[1].strip()) is not Ellipsis
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
