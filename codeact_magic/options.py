"""The options: one trait each, set on the line of a cell, by %config, in a configuration file or the environment."""

from __future__ import annotations

import argparse
import keyword
import os
import re
import shlex
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Bool, Enum, Float, Int, TraitError, TraitType, Unicode, validate
from traitlets.config import Configurable

from .errors import UsageError
from .text import one_line

MODES = ("ask", "risky", "auto")
FORMATS = ("auto", "fence", "execute", "tools", "json")


class Options(Configurable):
    """What can be set. The tag `line` holds the flags of the options that the line of a cell takes."""

    model = Unicode(help="The model's name. Empty: the only one that the endpoint offers.").tag(
        config=True, line=("--model", "-m")
    )
    base_url = Unicode(help="The endpoint's address, which mostly ends in /v1. Empty: OPENAI_BASE_URL.").tag(
        config=True, line=("--base-url", "-u")
    )
    api_key_env = Unicode(
        "OPENAI_API_KEY", help="The environment variable that holds the key (never the key itself)."
    ).tag(config=True, line=("--api-key-env",))
    approve = Enum(
        MODES, "ask", help="When you are asked before code runs: ask (always), risky (risky code only), auto (never)."
    ).tag(config=True, line=("--approve", "-a"))
    thread = Unicode("main", help="The conversation that a cell goes on with; a new name begins one.").tag(
        config=True, line=("--thread", "-t")
    )
    format = Enum(FORMATS, "auto", help="How the model is asked to write code. All ways are read.").tag(
        config=True, line=("--format", "-f")
    )
    max_steps = Int(20, min=1, help="Steps that a turn may take.").tag(config=True, line=("--max-steps", "-n"))
    max_tokens_per_turn = Int(200_000, min=0, help="Tokens, in and out, of a turn. 0: no limit.").tag(config=True)
    max_repeats = Int(2, min=1, help="Repeats of the same code, after which a turn is ended.").tag(config=True)
    max_tokens = Int(0, min=0, help="Tokens of one reply. 0: the endpoint's own limit.").tag(
        config=True, line=("--max-tokens",)
    )
    context_tokens = Int(0, min=0, help="Tokens of the conversation that are sent. 0: no limit.").tag(config=True)
    temperature = Float(0.0, min=0.0, allow_none=True, help="Sampling temperature. None: the endpoint's own.").tag(
        config=True, line=("--temperature",)
    )
    timeout = Float(300.0, min=0.1, help="Seconds of silence after which an endpoint is given up.").tag(
        config=True, line=("--timeout",)
    )
    retries = Int(3, min=0, help="How often a request that failed is tried again.").tag(config=True)
    action_timeout = Float(0.0, min=0.0, help="Seconds that a step's code may run. 0: no limit.").tag(
        config=True, line=("--action-timeout",)
    )
    max_output = Int(8_000, min=200, help="Characters of an action's output that the model is told.").tag(config=True)
    summary = Bool(True, help="Tell the model the names, types and shapes of your variables.").tag(config=True)
    max_summary = Int(4_000, min=0, help="Characters of the summary of your variables.").tag(config=True)
    vision = Bool(False, help="Send figures to the model as images.").tag(config=True, line=("--vision",))
    save_folder = Unicode("codeact-sessions", help="Where sessions are saved. Empty: nowhere.").tag(config=True)
    max_saved_output = Int(
        1_000_000,
        min=0,
        help="Characters of outputs that a saved notebook holds, all together; later and larger outputs are saved in "
        "files beside it. 0: no limit, and saving a step takes longer the larger the notebook is.",
    ).tag(config=True)
    save_cells = Bool(True, help="Save your own cells with a session, so that it can be run again.").tag(config=True)
    local_model = Unicode("qwen2.5-coder-1.5b", help="The local model's name.").tag(config=True)

    @validate("api_key_env")
    def _name_of_a_variable(self, proposal: Mapping[str, Any]) -> str:
        name: str = proposal["value"]
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) and name not in os.environ:
            # It may be the key itself, so it is not repeated.
            raise TraitError("api_key_env takes the name of an environment variable such as OPENAI_API_KEY, not a key")
        return name

    def values(self) -> dict[str, Any]:
        """Return every option's value by its name."""
        return {name: getattr(self, name) for name in self.class_trait_names(config=True)}


class Line(NamedTuple):
    """What the line of a cell asks for: the options as they are in that cell, and what is no trait."""

    options: Options
    new: bool
    into: str


# -- the line of a cell ------------------------------------------------------------------------------------------------

Magic = TypeVar("Magic", bound=Callable[..., Any])


def line_options(magic: Magic) -> Magic:
    """Give a magic the parser of its line, and describe every option in its docstring, which `%%codeact?` shows."""
    into = (("--into",), {"metavar": "NAME", "help": "The variable that the final answer is bound to."})
    new = (("--new",), {"action": "store_true", "help": "Begin the conversation afresh, in a new session file."})
    for flags, settings in reversed([*arguments(), new, into]):
        magic = argument(*flags, **settings)(magic)
    magic = magic_arguments("%codeact")(magic)
    magic.parser.allow_abbrev = False  # type: ignore[attr-defined]  # --api-key sk-... must not pass for --api-key-env
    return magic


def read_line(parser: argparse.ArgumentParser, line: str, options: Options) -> Line:
    """Return what `line` asks for, over `options`. Raises UsageError."""
    try:
        given, unknown = parser.parse_known_args(split(line))
    except IPythonUsageError as error:
        raise UsageError(f"{str(error).removeprefix('argument ')}. {_MORE}") from None
    except ValueError as error:
        raise UsageError(f"The %%codeact line cannot be split into options: {one_line(error)}.") from None
    if unknown:
        raise UsageError(_unknown(unknown[0], parser))
    values = dict(vars(given))
    new, into = values.pop("new"), _name(values.pop("into"))
    return Line(chosen(parser, values, options), new, into)


def chosen(parser: argparse.ArgumentParser, texts: Mapping[str, str | None], options: Options) -> Options:
    """Return `options` but for those that `parser` has found `texts` for. Raises UsageError."""
    read = {name: _read(name, _flag(parser, name), text) for name, text in texts.items() if text is not None}
    return Options(**(options.values() | read))


def split(line: str) -> list[str]:
    """Return the words of `line`; quotes hold words together, and a backslash is a backslash. Raises ValueError."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    return list(lexer)


def arguments() -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the flags and the settings with which an argparse parser learns each option; all values are texts."""
    for name, trait in vars(Options).items():
        if not isinstance(trait, TraitType) or not trait.metadata.get("line"):
            continue
        flags = trait.metadata["line"]
        if isinstance(trait, Bool):
            yield flags, {"dest": name, "action": "store_const", "const": "true", "help": trait.help}
        else:
            values = "|".join(trait.values or ()) if isinstance(trait, Enum) else _METAVARS[type(trait)]
            yield flags, {"dest": name, "metavar": values, "help": trait.help}
    told = "Do not tell the model the names, types and shapes of your variables."
    yield ("--no-context",), {"dest": "summary", "action": "store_const", "const": "false", "help": told}


_METAVARS: dict[type, str] = {Unicode: "TEXT", Int: "N", Float: "NUMBER"}
_MORE = "%%codeact? lists the options"


def _flag(parser: argparse.ArgumentParser, name: str) -> str:
    return next(action.option_strings[0] for action in parser._actions if action.dest == name)


def _unknown(word: str, parser: argparse.ArgumentParser) -> str:
    """Return the line about a word that is no option; what follows a `=` may be a key, and is not repeated."""
    if not word.startswith("-"):
        return f"The prompt goes on the lines below %%codeact, not beside it: {one_line(word, 40)!r} is no option."
    import difflib

    word = one_line(word.partition("=")[0], 40)
    near = difflib.get_close_matches(word, parser._option_string_actions, n=1, cutoff=0.7)
    return f"%%codeact has no option {word}{f'; the nearest is {near[0]}' if near else ''}. {_MORE}"


def _name(name: str | None) -> str:
    """Return the name that the answer is bound to, as Python would write it."""
    if name is None:
        return ""
    normal = unicodedata.normalize("NFKC", name)
    if not normal.isidentifier() or keyword.iskeyword(normal):
        raise UsageError(f"--into: {one_line(name, 60)!r} cannot be the name of a variable.")
    if normal.startswith("__") or normal in _TAKEN:
        raise UsageError(f"--into: {normal} is Python's or IPython's own name. Choose another.")
    return normal


_TAKEN = frozenset(["_", "In", "Out", "get_ipython", "exit", "quit"])


# -- texts as values ---------------------------------------------------------------------------------------------------


def environment(configured: Container[str]) -> dict[str, Any]:
    """Return what the variables CODEACT_<NAME> set; names in `configured` are left out. Raises UsageError."""
    values = {}
    for name, trait in Options.class_traits(config=True).items():
        text = os.environ.get(f"CODEACT_{name.upper()}")
        if text is None or name in configured or (not text and not isinstance(trait, Unicode)):
            continue
        values[name] = _read(name, f"CODEACT_{name.upper()}", text)
    return values


def _read(name: str, source: str, text: str) -> Any:
    """Return the value that `text` means for the trait `name`; `source` is what an error line names."""
    trait = Options.class_traits()[name]
    try:
        value = text if isinstance(trait, Unicode) else trait.from_string(text)
        if value != value:
            raise ValueError("not a number")
        return getattr(Options(**{name: value}), name)
    except (TraitError, ValueError) as error:
        if name == "api_key_env":
            raise UsageError(f"{source}: {error}") from None
        raise UsageError(f"{source} takes {_allowed(trait)}, not {one_line(text, 60)!r}") from None


def _allowed(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        return f"one of {', '.join(trait.values or ())}"
    if isinstance(trait, Bool):
        return "true or false"
    if isinstance(trait, Int):
        return f"a whole number, {trait.min} or more"
    assert isinstance(trait, Float)
    return f"a number, {trait.min} or more" + (", or None" if trait.allow_none else "")
