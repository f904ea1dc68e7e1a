"""What users are advised to do: in every front end, only commands and options that it has."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import get_args

import pytest

from codeact_magic import hints
from codeact_magic.cli import chat
from codeact_magic.cli.main import _flags, _parser
from codeact_magic.errors import UsageError
from codeact_magic.frontends.advice import CHAT, IN_A_SHELL, NOTEBOOK, TERMINAL, Advice, ShellAdvice
from codeact_magic.hints import (
    AskElsewhere,
    ChangeFolder,
    GoOn,
    Hint,
    ListOptions,
    RestartKernel,
    Retry,
    RunCommand,
    SetOption,
    SetVariable,
    ShowHelp,
    StartAfresh,
    WritePrompt,
)
from codeact_magic.magics.commands import subcommands
from codeact_magic.options import Options, flag

OPTIONS = list(Options.class_traits(config=True))


def shell_commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands of `codeact`."""
    (action,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


SHELLS = {name: ShellAdvice(_flags(parser)) for name, parser in shell_commands().items()}
ADVICE: dict[str, Advice] = {"notebook": NOTEBOOK, "terminal": TERMINAL, "chat": CHAT, **SHELLS}

EVERY_KIND: tuple[Hint, ...] = (
    SetOption("max_steps", to="raise the limit"),
    SetOption("context_tokens", 4000, to="send less"),
    SetOption("approve", "auto", to="let code run unseen"),
    SetVariable("OPENAI_API_KEY", to="use OpenAI"),
    RunCommand("sessions", "--all", to="list them all"),
    RunCommand("replay", "FILE --until 3", to="run it again"),
    RunCommand("save", "FILE", to="save it elsewhere"),
    RunCommand("models", to="list them"),
    RunCommand("local", to="fetch the small local model"),
    ShowHelp(),
    ShowHelp("verify"),
    ListOptions(),
    WritePrompt(),
    GoOn(),
    GoOn(saying="what to do instead"),
    StartAfresh(),
    Retry(),
    AskElsewhere(),
    RestartKernel("codeact-sessions/some words.ipynb"),
    ChangeFolder(),
)


def test_every_kind_of_hint_is_among_the_examples() -> None:
    assert {type(hint) for hint in EVERY_KIND} == set(get_args(hints.Hint))


@pytest.mark.parametrize("advice", ADVICE.values(), ids=ADVICE)
@pytest.mark.parametrize("hint", EVERY_KIND, ids=str)
def test_every_front_end_words_every_hint_with_what_it_has(hint: Hint, advice: Advice) -> None:
    clause = advice.clause(hint)
    if advice.front_end != "shell":
        assert clause
    check_commands(clause, advice)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("advice", ADVICE.values(), ids=ADVICE)
def test_every_option_can_be_set_as_every_front_end_says(name: str, advice: Advice) -> None:
    ways = advice.ways(name)
    assert ways
    for way in ways:
        check_way(name, way, advice)


def check_way(name: str, way: str, advice: Advice) -> None:
    """Check that `way` sets the option `name` in a front end."""
    if way.startswith("%config CodeAct."):
        assert advice.front_end == "notebook" and way.startswith(f"%config CodeAct.{name} = ")
    elif way.startswith("CODEACT_"):
        assert advice.front_end != "notebook" and way.startswith(f"CODEACT_{name.upper()}=")
    elif advice.front_end == "notebook":
        assert way.split(" ")[0] == flag(name)
    elif advice.front_end == "chat":
        assert way.startswith("codeact chat ") and way.split(" ")[2] in _flags(shell_commands()["chat"]).values()
    else:
        command = next(name for name, own in SHELLS.items() if own is advice)
        assert way.split(" ")[0] in _flags(shell_commands()[command]).values()


def check_commands(clause: str, advice: Advice) -> None:
    """Check that the commands in a clause exist in the front end, with all of their flags."""
    if advice.front_end == "notebook":
        check_subcommands(re.findall(r"(?<!%)%codeact (\w+)((?: [-\w]+)*)", clause), "notebook")
        assert not re.search(r"(^|\s)(/\w|codeact )", clause)
        return
    assert "%" not in clause
    check_subcommands(re.findall(r"(?:^|\s)/(\w+)((?: (?!in\b)[-\w]+)*)", clause), "chat")
    for name, words in re.findall(r"(?<!in )\bcodeact (\w+)((?: [-\w]+)*)", clause):
        check_flags(words, {flag for action in shell_commands()[name]._actions for flag in action.option_strings})


def check_subcommands(found: list[tuple[str, str]], front_end: str) -> None:
    known = subcommands("notebook" if front_end == "notebook" else "chat")
    own = {name.removeprefix("/") for name, _ in chat.OWN_COMMANDS} if front_end == "chat" else {"help"}
    for name, words in found:
        assert name in known or name in own
        check_flags(words, {"--help", *(known[name].flags if name in known else ())})


def check_flags(words: str, known: set[str]) -> None:
    assert {word for word in shlex.split(words) if word.startswith("--")} <= known


def test_the_subcommands_of_a_shell_are_those_that_the_registry_and_the_parser_have() -> None:
    assert set(IN_A_SHELL) == set(subcommands("shell"))
    assert set(IN_A_SHELL) <= set(shell_commands())


@pytest.mark.parametrize("advice", [NOTEBOOK, CHAT])
def test_what_begins_a_thread_afresh_exists(advice: Advice) -> None:
    assert advice.afresh in advice.clause(StartAfresh())


@pytest.mark.parametrize(
    ("hint", "notebook", "in_chat", "in_run"),
    [
        (
            SetOption("max_steps", to="raise the limit"),
            "raise the limit: --max-steps N or %config CodeAct.max_steps = N",
            "raise the limit: codeact chat --max-steps N or CODEACT_MAX_STEPS=N",
            "raise the limit: --max-steps N or CODEACT_MAX_STEPS=N",
        ),
        (
            SetOption("save_folder"),
            "set it: %config CodeAct.save_folder = 'FOLDER'",
            "set it: CODEACT_SAVE_FOLDER=FOLDER",
            "set it: CODEACT_SAVE_FOLDER=FOLDER",
        ),
        (
            RunCommand("sessions", to="list them"),
            "list them: %codeact sessions",
            "list them: /sessions",
            "list them: codeact sessions",
        ),
        (
            RunCommand("models", to="list them"),
            "list them: %codeact models",
            "list them: /models",
            "list them: /models in codeact chat",
        ),
        (RunCommand("save", "FILE", to="save it"), "save it: %codeact save FILE", "save it: /save FILE", ""),
        (
            GoOn(),
            "go on with another %%codeact cell",
            "go on with another prompt",
            "go on with codeact chat --session FILE",
        ),
        (StartAfresh(), "start afresh with --new", "start afresh with /new", ""),
        (
            Retry(),
            "run the cell again later; the thread can go on",
            "try again later; the thread can go on",
            "try again later",
        ),
    ],
)
def test_each_front_end_uses_its_own_words(hint: Hint, notebook: str, in_chat: str, in_run: str) -> None:
    assert [advice.clause(hint) for advice in (NOTEBOOK, CHAT, SHELLS["run"])] == [notebook, in_chat, in_run]


def test_a_command_names_only_its_own_flags() -> None:
    assert SHELLS["sessions"].ways("save_folder") == ["--in FOLDER", "CODEACT_SAVE_FOLDER=FOLDER"]
    assert SHELLS["verify"].ways("approve", "auto") == ["--approve auto", "CODEACT_APPROVE=auto"]
    assert SHELLS["verify"].ways("max_steps") == ["CODEACT_MAX_STEPS=N"]


def test_remedies_make_one_sentence_behind_the_fact() -> None:
    error = UsageError("It is too long", StartAfresh(), SetOption("context_tokens", 4000, to="send less"))
    assert str(error) == "It is too long"
    assert NOTEBOOK.error(error) == (
        "UsageError: It is too long. Start afresh with --new, or send less: %config CodeAct.context_tokens = 4000"
    )
    assert SHELLS["run"].error(error) == "UsageError: It is too long. Send less: CODEACT_CONTEXT_TOKENS=4000"
    assert SHELLS["run"].line("It is too long?", [StartAfresh()]) == "It is too long?"
    assert CHAT.line("Is it too long?", [StartAfresh()]) == "Is it too long? Start afresh with /new"
