"""The options: set on the line of a cell, with %config, in a configuration file, or in the environment."""

from __future__ import annotations

import argparse
import json
import keyword
import os
import re
import shlex
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Bool, Dict, Enum, Float, Int, TraitError, TraitType, Unicode, validate
from traitlets.config import Configurable

from .errors import UsageError
from .text import one_line

MODES = ("ask", "risky", "auto")
APIS = ("auto", "chat", "responses")
VALUES = ("new", "never")
FORMATS = ("auto", "fence", "execute", "tools", "json")


class JsonObject(Dict):
    """A trait whose values are dicts, which are written as JSON in the environment."""

    def from_string(self, s: str) -> dict[str, Any]:
        """Return the object that `s` holds as JSON. Raises ValueError."""
        value = json.loads(s) if s.strip() else {}
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return value


_OWN_PARAMETERS = ("model", "messages", "input", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream")


class Options(Configurable):
    """The options, one trait each.

    Two tags: `line` holds the flags of an option that can be set on the line of a cell; `value` is the placeholder for
    its value in help texts and advice ("URL").
    """

    model = Unicode(help="The model's name. Empty: the only one that the endpoint offers.").tag(
        config=True, line=("--model", "-m"), value="NAME"
    )
    base_url = Unicode(help="The endpoint's address, which usually ends in /v1. Empty: OPENAI_BASE_URL.").tag(
        config=True, line=("--base-url", "-u"), value="URL"
    )
    api_key_env = Unicode(
        "OPENAI_API_KEY", help="The environment variable that holds the key (never the key itself)."
    ).tag(config=True, line=("--api-key-env",), value="NAME")
    approve = Enum(
        MODES,
        "ask",
        help="When you are asked before code runs: ask (always), risky (only for risky code), auto (never).",
    ).tag(config=True, line=("--approve", "-a"))
    thread = Unicode("main", help="The thread (a named conversation) that the cell continues, or starts.").tag(
        config=True, line=("--thread", "-t"), value="NAME"
    )
    format = Enum(FORMATS, "auto", help="How the model is asked to write code. Every format is understood.").tag(
        config=True, line=("--format", "-f")
    )
    max_steps = Int(20, min=1, help="Maximum number of steps in a turn.").tag(config=True, line=("--max-steps", "-n"))
    max_tokens_per_turn = Int(
        200_000, min=0, help="Maximum number of tokens in a turn, input and output together. 0: no limit."
    ).tag(config=True)
    max_cost_per_turn = Float(
        0.0, min=0.0, help="Maximum cost of a turn in dollars, if the prices of the model are known. 0: no limit."
    ).tag(config=True)
    prices = JsonObject(
        help="Dollars for a million tokens of a model: in, in from the cache, out. Models that are not in it have the "
        "prices of the endpoint's list of models, or of a small table."
    ).tag(config=True, value='{"MODEL": [IN, CACHED, OUT]}')
    max_repeats = Int(2, min=1, help="How often the model may repeat the same code before the turn ends.").tag(
        config=True
    )
    max_tokens = Int(0, min=0, help="Maximum number of tokens in a reply. 0: the endpoint's own limit.").tag(
        config=True, line=("--max-tokens",)
    )
    context_tokens = Int(
        0, min=0, help="Maximum number of tokens of the thread that are sent to the model. 0: no limit."
    ).tag(config=True)
    temperature = Float(0.0, min=0.0, allow_none=True, help="Sampling temperature. None: the endpoint's own.").tag(
        config=True, line=("--temperature",)
    )
    timeout = Float(300.0, min=0.1, help="Seconds of silence after which a request to the endpoint fails.").tag(
        config=True, line=("--timeout",), value="SECONDS"
    )
    api = Enum(
        APIS,
        "auto",
        help="Which of OpenAI's APIs is used: chat (chat completions), responses, auto (the one that is taken).",
    ).tag(config=True, line=("--api",))
    reasoning_effort = Unicode(
        help="How much the model reasons, such as low, medium or high. Empty: the endpoint's own."
    ).tag(config=True, line=("--reasoning-effort",), value="EFFORT")
    top_p = Float(
        None, min=0.0, allow_none=True, help="Probability from which tokens are sampled. None: the endpoint's own."
    ).tag(config=True)
    seed = Int(
        None, min=0, allow_none=True, help="Seed of the sampling, for chat completions. None: the endpoint's own."
    ).tag(config=True)
    extra_body = JsonObject(help="Further parameters of each request, which go before those above.").tag(
        config=True, value='{"NAME": VALUE}'
    )
    extra_headers = JsonObject(
        help="Further headers of each request. The value `$NAME` stands for that of the environment variable NAME."
    ).tag(config=True, value='{"NAME": "TEXT"}')
    retries = Int(3, min=0, help="How often a failed request is tried again.").tag(config=True)
    action_timeout = Float(0.0, min=0.0, help="Maximum run time of a step's code, in seconds. 0: no limit.").tag(
        config=True, line=("--action-timeout",), value="SECONDS"
    )
    max_output = Int(
        8_000, min=200, help="Maximum number of characters of an action's output that the model is shown."
    ).tag(config=True)
    summary = Bool(True, help="Tell the model the names, types and shapes of your variables.").tag(config=True)
    values = Enum(
        VALUES,
        "new",
        help="Whether the model is told the values of variables that its code makes and does not print: new, or never. "
        "Never without the summary either.",
    ).tag(config=True)
    max_summary = Int(4_000, min=0, help="Maximum number of characters in the summary of your variables.").tag(
        config=True
    )
    vision = Bool(False, help="Send figures to the model as images.").tag(config=True, line=("--vision",))
    save_folder = Unicode("codeact-sessions", help="The folder that sessions are saved in. Empty: not saved.").tag(
        config=True, value="FOLDER"
    )
    max_saved_output = Int(
        1_000_000,
        min=0,
        help="Characters of outputs that a saved notebook holds, all together; later and larger outputs are saved in "
        "files beside it. 0: no limit, and saving a step takes longer the larger the notebook is.",
    ).tag(config=True)
    save_cells = Bool(True, help="Save your own cells with a session, so that it can be run again.").tag(config=True)
    active_outputs = Bool(
        False,
        help="Let the outputs of steps run script in the page. Plots and widgets of known libraries that your own "
        "cells import may do so in any case.",
    ).tag(config=True)
    local_model = Unicode("qwen2.5-coder-1.5b", help="The local model's name.").tag(config=True, value="NAME")

    @validate("api_key_env")
    def _is_name_of_variable(self, proposal: Mapping[str, Any]) -> str:
        name: str = proposal["value"]
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) and name not in os.environ:
            # It may be the key itself, so the message does not repeat it.
            raise TraitError("api_key_env takes the name of an environment variable such as OPENAI_API_KEY, not a key")
        return name

    @validate("prices")
    def _has_three_prices_a_model(self, proposal: Mapping[str, Any]) -> Any:
        for name, row in proposal["value"].items():
            if not isinstance(row, list | tuple) or len(row) != 3 or not all(map(_is_price, row)):
                raise TraitError(
                    f"prices takes three numbers for each model (in, cached, out), which {one_line(name, 60)} has not"
                )
        return proposal["value"]

    @validate("extra_body")
    def _leaves_options_alone(self, proposal: Mapping[str, Any]) -> Any:
        for name in proposal["value"]:
            if name in _OWN_PARAMETERS:  # an administrator may have capped the option
                raise TraitError(f"extra_body cannot set {name}: an option of its own does")
        return proposal["value"]

    @validate("extra_headers")
    def _has_texts(self, proposal: Mapping[str, Any]) -> Any:
        for name, text in proposal["value"].items():
            if not isinstance(text, str) or not f"{name}{text}".isascii() or not f"{name}{text}".isprintable():
                # The text may be a key, so the message does not repeat it.
                raise TraitError(f"extra_headers takes plain ASCII texts, which {one_line(name, 60)!r} has not")
        return proposal["value"]

    def by_name(self) -> dict[str, Any]:
        """Return the value of every option by its name."""
        return {name: getattr(self, name) for name in self.class_trait_names(config=True)}


class Line(NamedTuple):
    """The line of a cell, as it was read.

    options: the options as they are in that cell.
    new: whether the thread begins afresh.
    into: the variable that the answer is bound to; empty if there is none.
    """

    options: Options
    new: bool
    into: str


# -- the line of a cell ------------------------------------------------------------------------------------------------

Magic = TypeVar("Magic", bound=Callable[..., Any])


def line_options(magic: Magic) -> Magic:
    """Give a magic the parser of its line. Its docstring, which `%%codeact?` shows, then describes every option."""
    into = (("--into",), {"metavar": "NAME", "help": "The variable to bind the final answer to."})
    new = (("--new",), {"action": "store_true", "help": "Begin the thread afresh, in a new session file."})
    for flags, settings in reversed([*arguments(), new, into]):
        magic = argument(*flags, **settings)(magic)
    magic = magic_arguments("%codeact")(magic)
    magic.parser.allow_abbrev = False  # type: ignore[attr-defined]  # --api-key sk-... must not pass for --api-key-env
    return magic


def read_line(parser: argparse.ArgumentParser, line: str, options: Options) -> Line:
    """Return the values that `line` sets, and the others from `options`. Raises UsageError."""
    from .hints import ListOptions

    try:
        given, unknown = parser.parse_known_args(split(line))
    except IPythonUsageError as error:
        raise UsageError(str(error).removeprefix("argument "), ListOptions()) from None
    except ValueError as error:
        raise UsageError(f"The %%codeact line cannot be split into options: {one_line(error)}.") from None
    if unknown:
        raise _unknown(unknown[0], parser)
    values = dict(vars(given))
    new = values.pop("new")
    into = _variable(values.pop("into"))
    return Line(chosen(parser, values, options), new, into)


def chosen(parser: argparse.ArgumentParser, texts: Mapping[str, str | None], options: Options) -> Options:
    """Return `options` with the values that `parser` found on a line, as `texts` by option. Raises UsageError."""
    read = {name: _read(name, _flag_in(parser, name), text) for name, text in texts.items() if text is not None}
    return Options(**(options.by_name() | read))


def split(line: str) -> list[str]:
    """Return the words of `line`. Quotes hold words together; a backslash has no special meaning. Raises ValueError."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""
    return list(lexer)


def arguments() -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the flags of each option that a line may set, with the settings for argparse. All values are texts."""
    for name, trait in vars(Options).items():
        if not isinstance(trait, TraitType) or not trait.metadata.get("line"):
            continue
        flags = trait.metadata["line"]
        if isinstance(trait, Bool):
            yield flags, {"dest": name, "action": "store_const", "const": "true", "help": trait.help}
        else:
            yield flags, {"dest": name, "metavar": placeholder(name), "help": trait.help}
    no_context = "Tell the model neither the names, types and shapes of your variables, nor values it has not printed."
    yield ("--no-context",), {"dest": "summary", "action": "store_const", "const": "false", "help": no_context}


def flag(name: str) -> str:
    """Return the flag that takes a value for the option `name` on the line of a cell; empty if there is none."""
    trait = Options.class_traits()[name]
    if isinstance(trait, Bool):
        return ""
    flags: tuple[str, ...] = trait.metadata.get("line", ("",))
    return flags[0]


def placeholder(name: str) -> str:
    """Return the placeholder for the value of the option `name` in help texts: "N", "URL", "ask|risky|auto"."""
    trait = Options.class_traits()[name]
    if isinstance(trait, Enum):
        return "|".join(trait.values or ())
    return str(trait.metadata.get("value") or _PLACEHOLDERS[type(trait)])


def is_text(name: str) -> bool:
    """Return whether the values of the option `name` are texts, which Python code has to quote."""
    return isinstance(Options.class_traits()[name], Enum | Unicode)


_PLACEHOLDERS: dict[type, str] = {
    Bool: "true|false",
    Unicode: "TEXT",
    Int: "N",
    Float: "NUMBER",
    JsonObject: "JSON",
}


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _flag_in(parser: argparse.ArgumentParser, name: str) -> str:
    return next(action.option_strings[0] for action in parser._actions if action.dest == name)


def _unknown(word: str, parser: argparse.ArgumentParser) -> UsageError:
    """Return the error about a word that is not an option. The part after a `=` may be a key, and is not repeated."""
    import difflib

    from .hints import ListOptions

    if not word.startswith("-"):
        shown = one_line(word, 40)
        return UsageError(f"The prompt goes on the lines below %%codeact, not beside it: {shown!r} is not an option.")
    word = one_line(word.partition("=")[0], 40)
    near = difflib.get_close_matches(word, parser._option_string_actions, n=1, cutoff=0.7)
    nearest = f"; the nearest is {near[0]}" if near else ""
    return UsageError(f"%%codeact has no option {word}{nearest}", ListOptions())


def _variable(name: str | None) -> str:
    """Return the name of the variable that the answer is bound to, as Python normalizes it. Raises UsageError."""
    if name is None:
        return ""
    normal = unicodedata.normalize("NFKC", name)
    if not normal.isidentifier() or keyword.iskeyword(normal):
        raise UsageError(f"--into: {one_line(name, 60)!r} cannot be the name of a variable.")
    if normal.startswith("__") or normal in _RESERVED:
        raise UsageError(f"--into: {normal} is Python's or IPython's own name. Choose another.")
    return normal


_RESERVED = frozenset(["_", "In", "Out", "get_ipython", "exit", "quit"])


# -- texts as values ---------------------------------------------------------------------------------------------------


def environment(configured: Container[str]) -> dict[str, Any]:
    """Return the options that the variables CODEACT_<NAME> set, without those in `configured`. Raises UsageError."""
    values = {}
    for name, trait in Options.class_traits(config=True).items():
        text = os.environ.get(f"CODEACT_{name.upper()}")
        if text is None or name in configured or (not text and not isinstance(trait, Unicode)):
            continue
        values[name] = _read(name, f"CODEACT_{name.upper()}", text)
    return values


def _read(name: str, source: str, text: str) -> Any:
    """Return the value of the option `name` that `text` stands for.

    Raises UsageError, which names `source`: the flag or the variable that `text` comes from.
    """
    trait = Options.class_traits()[name]
    try:
        value = text if isinstance(trait, Unicode) else trait.from_string(text)
        if value != value:  # NaN
            raise ValueError("not a number")
        return getattr(Options(**{name: value}), name)
    except (TraitError, ValueError) as error:
        if name == "api_key_env" or (isinstance(trait, JsonObject) and isinstance(error, TraitError)):
            raise UsageError(f"{source}: {error}") from None
        raise UsageError(f"{source} takes {_allowed(trait)}, not {one_line(text, 60)!r}") from None


def _allowed(trait: TraitType[Any, Any]) -> str:
    """Return which values a trait takes, as the end of a sentence."""
    if isinstance(trait, Enum):
        return f"one of {', '.join(trait.values or ())}"
    if isinstance(trait, Bool):
        return "true or false"
    none = ", or None" if trait.allow_none else ""
    if isinstance(trait, Int):
        return f"a whole number, {trait.min} or more{none}"
    if isinstance(trait, JsonObject):
        return f"an object in JSON, such as {trait.metadata['value']}"
    assert isinstance(trait, Float)
    return f"a number, {trait.min} or more{none}"
