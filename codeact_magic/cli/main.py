"""The command `codeact`: its arguments. The modules that do the work are imported when they are needed."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..errors import CodeActError, LimitReachedError, StoppedError, UsageError
from ..text import every_character, one_line, storable

if TYPE_CHECKING:
    from ..frontends.advice import Advice
    from ..kernels.separate import Kernel, KernelExecutor
    from ..options import Options

Arguments = argparse.Namespace

STATUS = """\
exit status:
  0    answered
  1    the endpoint, a file or the turn failed
  2    the command is wrong
  3    a limit ended the turn (--max-steps, tokens, repeats)
  130  stopped by you"""
FAILED = 1
USAGE = 2
LIMIT = 3
STOPPED = 130
LONGEST = 10_000_000  # bytes of a file that holds a prompt
VERIFY_STATUS = """\
All code of a session is shown, and runs only if you approve it. If nobody can be asked (CI): --approve auto. Then a
part of a name is not enough.

exit status:
  0    all outputs are the same
  1    something differs or is missing
  2    a session could not be verified, or nothing ran in it
  130  stopped by you"""
ENVIRONMENT = """\
Every option can also be set in the environment: CODEACT_APPROVE=risky, CODEACT_MAX_STEPS=5 (CODEACT_ and the name of
the option in %config CodeAct). The endpoint's key is read from OPENAI_API_KEY, or the variable that --api-key-env
names; the token for a --gateway from JUPYTER_TOKEN."""


def main(words: Sequence[str] | None = None) -> int:
    """Carry out the command line `words` (sys.argv if it is None) and return the exit status."""
    _open_streams()
    flags: dict[str, str] = {}
    try:
        with every_character(), _ended_in_order():
            arguments = _read(words)
            flags = arguments.flags
            status = int(arguments.run(arguments))
            sys.stdout.flush()
            return status
    except OSError as error:  # the disk is full, the reader of the output has gone, the folder was deleted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # flushing the rest must not fail again
        if not isinstance(error, BrokenPipeError):
            print(f"OSError: {_folder_is_gone() or one_line(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as error:
        print("Stopped.", file=sys.stderr)
        return _status(error)
    except CodeActError as error:
        from ..frontends.advice import ShellAdvice

        print(ShellAdvice(flags).error(error), file=sys.stderr)
        return _status(error)


def _open_streams() -> None:
    """Open the standard streams that the parent process has closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))


def _folder_is_gone() -> str:
    try:
        Path.cwd()
    except OSError:
        return "the folder that this was started in is gone: cd to another one"
    return ""


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end this process in order, with its kernel. A second signal ends it at once."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in map(signal.Signals.__getitem__, names) if _is_default(number)]
    for number in numbers:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _is_default(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_DFL  # nohup ignores SIGHUP


def _leave(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _read(words: Sequence[str] | None) -> Arguments:
    """Return the parsed command line. Raises UsageError, which never repeats the value of an unknown option."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words and " " in words[0]:
        raise UsageError("A prompt goes after codeact run: codeact run PROMPT, or type it in codeact chat")
    arguments, unknown = _parser().parse_known_args(words)
    arguments.flags = _flags(arguments.parser)
    if unknown:
        word = one_line(unknown[0].partition("=")[0], 40)
        prog = arguments.parser.prog
        if not word.startswith("-"):
            raise UsageError(f"{prog} does not take {word!r}: put words that belong together in quotes")
        raise UsageError(f"{prog} has no option {word}. {prog} --help lists them")
    return arguments


def _flags(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the flags of a command, by the names of the options that they set."""
    return {action.dest: action.option_strings[0] for action in parser._actions if action.option_strings}


def _status(error: BaseException) -> int:
    """Return the exit status for an error."""
    match error:
        case KeyboardInterrupt() | StoppedError():
            return STOPPED
        case LimitReachedError():
            return LIMIT
        case UsageError():
            return USAGE
    return FAILED


# -- the commands ------------------------------------------------------------------------------------------------------


def _chat(arguments: Arguments) -> int:
    from .chat import chat

    file = arguments.session
    if file and _is_file(file):  # relative to this folder, not to --cwd
        file = str(Path(file).absolute())
    return chat(_options(arguments), _executor(arguments), file, eager=_is_chosen(arguments))


def _run(arguments: Arguments) -> int:
    from .chat import run

    prompt = _prompt(arguments.prompt)
    output = arguments.output
    if output and output.exists() and not arguments.force:
        raise UsageError(f"-o: {one_line(output)} exists: name another file, or overwrite that session with --force")
    options = _options(arguments)
    return run(options, _executor(arguments), _advice(arguments), prompt, output, eager=_is_chosen(arguments))


def _prompt(given: str) -> str:
    """Return the prompt: standard input, a file's text, or the argument itself. Raises UsageError."""
    try:
        if given == "-":
            prompt = sys.stdin.read()
        elif given.endswith(".ipynb") and _is_file(given):
            raise UsageError(
                f"{one_line(given, 80)} is a notebook, not a prompt. Go on with it: codeact chat --session FILE"
            )
        elif _is_file(given):
            prompt = _text_of(Path(given))
        else:
            prompt = given
            _check_words(given)
    except (OSError, ValueError) as error:
        raise UsageError(f"The prompt cannot be read from {one_line(given, 80)}: {one_line(error)}") from None
    if not prompt.strip():
        raise UsageError("There is no prompt: codeact run PROMPT, codeact run FILE, or codeact run - < FILE")
    return storable(prompt).strip("\r\n")


def _text_of(path: Path) -> str:
    """Return the text of a file. Raises UnicodeDecodeError or OSError if it cannot be a prompt."""
    if path.stat().st_size > LONGEST:
        raise OSError("it is too large for a prompt")
    text = path.read_text("utf-8-sig")
    if "\0" in text:
        raise OSError("it is not text")
    return text


def _check_words(given: str) -> None:
    """Raise UsageError if the prompt looks like the name of a missing file, which must not be sent to the model."""
    name = one_line(given, 80)
    if given.strip() and _is(Path.is_dir, given):
        raise UsageError(f"{name} is a folder: name a file that holds the prompt, or write the prompt")
    if _FILE_NAME.fullmatch(given.strip()):
        raise UsageError(
            f"There is no file {name}. If it is the prompt itself: echo {shlex.quote(name)} | codeact run -"
        )


_FILE_NAME = re.compile(
    r"(~|\.{0,2}/|[^\W\d][\w.-]*[/\\])\S*|\S+\.(txt|text|md|markdown|rst|prompt|py|ipynb|jsonl?|ya?ml)"
)


def _is_file(given: str) -> bool:
    return _is(Path.is_file, given)


def _is(kind: Callable[[Path], bool], given: str) -> bool:
    try:
        return kind(Path(given))
    except (OSError, ValueError):  # too long for a name, or not a possible name
        return False


def _verify(arguments: Arguments) -> int:
    from .batch import verify
    from .chat import running

    options = _options(arguments)
    with running(options, _executor(arguments), _advice(arguments), to_stderr=True) as runner:
        return verify(runner, options, arguments.files, arguments.tolerance)


def _sessions(arguments: Arguments) -> int:
    from ..magics.commands import run
    from .chat import running

    options = _options(arguments)
    if arguments.save_folder and not _is(Path.is_dir, arguments.save_folder):
        raise UsageError(f"--in: {one_line(arguments.save_folder, 80)} is not a folder")
    with running(options, _executor(arguments), _advice(arguments), to_stderr=True) as runner:
        run(runner, options, "sessions --all" if arguments.all else "sessions")
    return 0


def _export(arguments: Arguments) -> int:
    from .batch import write_lines

    output = None if arguments.output == Path("-") else arguments.output
    return write_lines(_options(arguments), arguments.files, arguments.to, output)


def _import(arguments: Arguments) -> int:
    from .batch import read_lines

    return read_lines(_options(arguments), arguments.file)


# -- shared by the commands --------------------------------------------------------------------------------------------


def _options(arguments: Arguments) -> Options:
    """Return the options, from the command line or else from the environment. Raises UsageError."""
    from ..options import Options, chosen, environment

    texts = {name: value for name, value in vars(arguments).items() if name in Options.class_trait_names(config=True)}
    return chosen(arguments.parser, texts, Options(**environment({})))


def _advice(arguments: Arguments) -> Advice:
    """Return the advice that names the flags of this command."""
    from ..frontends.advice import ShellAdvice

    return ShellAdvice(arguments.flags)


def _executor(arguments: Arguments) -> KernelExecutor:
    """Return the executor with the kernel that actions run in, which starts on first use. Raises UsageError."""
    from ..kernels.separate import KernelExecutor

    return KernelExecutor(
        _kernel(arguments) if "kernel" in arguments else None, idle=getattr(arguments, "idle", 0.0) * 60
    )


def _is_chosen(arguments: Arguments) -> bool:
    """Return whether the user has named the kernel, which may not exist."""
    return bool(arguments.kernel or arguments.gateway)


def _kernel(arguments: Arguments) -> Kernel:
    from ..kernels.separate import GatewayKernel, LocalKernel

    if arguments.gateway:
        return GatewayKernel(arguments.gateway, arguments.kernel, arguments.cwd or "")
    folder = Path(arguments.cwd or "").absolute()
    if not folder.is_dir():
        raise UsageError(f"--cwd: {one_line(folder)} is not a folder.")
    os.chdir(folder)  # sessions are saved there, and record the folder that their code ran in
    return LocalKernel(arguments.kernel, folder)


# -- the parser --------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}. {self.prog} --help shows its arguments")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="codeact",
        description="An agent whose actions are Python code: in a terminal, in scripts, and on saved sessions.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"codeact-magic {version('codeact-magic')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    one = _command(commands, "chat", _chat, "Talk to the agent in the terminal; its code runs in a separate kernel.")
    one.add_argument("--session", metavar="FILE", help=f"go on with {_FILE}")
    _add_kernel(one)
    _add_options(one)

    one = _command(commands, "run", _run, "Send one prompt; the answer goes to standard output.", STATUS)
    one.add_argument("prompt", metavar="PROMPT_OR_FILE", help="the prompt, a file that holds it, or - for stdin")
    one.add_argument("-o", "--output", type=_notebook, metavar="FILE", help="the notebook to save the session in")
    one.add_argument("--force", action="store_true", help="overwrite a session in that notebook")
    _add_kernel(one)
    _add_options(one)

    one = _command(
        commands, "verify", _verify, "Run sessions again, and compare their outputs with the saved ones.", VERIFY_STATUS
    )
    one.add_argument("files", nargs="+", metavar="FILE", help=_FILE)
    one.add_argument(
        "--tolerance",
        type=_tolerance,
        default=1e-6,
        metavar="NUMBER",
        help="the relative difference that numbers may have",
    )
    _add_options(one, "approve", "action_timeout")

    one = _command(commands, "sessions", _sessions, "List the saved sessions, the newest first.")
    one.add_argument("--all", action="store_true", help="list them all, not only the newest 20")
    _add_folder(one, "--in", "the folder of the sessions")

    one = _command(commands, "export", _export, "Write sessions as training data, one line of JSON each.")
    one.add_argument("files", nargs="+", metavar="FILE", help=_FILE)
    one.add_argument("--to", choices=("codeactinstruct", "openai"), required=True, help="the layout")
    one.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write; defaults to standard output")

    one = _command(commands, "import", _import, "Save sessions from lines of JSON, in either layout, as notebooks.")
    one.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    _add_folder(one, "--to", "the folder of the sessions")
    return parser


_FILE = "a saved session: its path, its name or a unique part of it, or `last`"


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[Arguments], int],
    help: str,
    epilog: str = "",
) -> argparse.ArgumentParser:
    """Add a command, and return its parser."""
    parser = commands.add_parser(
        name,
        help=help,
        description=help,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def _add_kernel(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the kernel that the code runs in")
    group.add_argument("--kernel", default="", metavar="NAME", help="a kernelspec; defaults to IPython in this Python")
    group.add_argument("--gateway", default="", metavar="URL", help="a Jupyter server (token: JUPYTER_TOKEN)")
    group.add_argument("--cwd", metavar="DIR", help="the folder to work and to save sessions in")
    group.add_argument(
        "--idle", type=_minutes, default=0.0, metavar="MINUTES", help="end it after this time without use"
    )


def _add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the options of a cell, or only those in `names`."""
    from ..options import arguments

    group = parser.add_argument_group("the options of a %%codeact cell")
    for flags, settings in arguments():
        if not names or settings["dest"] in names:
            group.add_argument(*flags, **settings)
    parser.epilog = "\n\n".join(filter(None, [parser.epilog, ENVIRONMENT]))


def _add_folder(parser: argparse.ArgumentParser, flag: str, help: str) -> None:
    parser.add_argument(flag, dest="save_folder", metavar="DIR", help=f"{help}; defaults to codeact-sessions")


def _notebook(text: str) -> Path:
    """Return the path of a notebook. Raises ArgumentTypeError."""
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    if path.suffix not in ("", ".ipynb"):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a notebook (.ipynb); the answer goes to stdout")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}")
    return path.with_suffix(".ipynb")


def _minutes(text: str) -> float:
    """Return a number of minutes. Raises ArgumentTypeError."""
    return _number(text, 1e6, "not a number of minutes")


def _tolerance(text: str) -> float:
    """Return a relative difference. Raises ArgumentTypeError."""
    return _number(text, 1e6, "not a number, 0 or more")


def _number(text: str, end: float, fault: str) -> float:
    with suppress(ValueError):
        if 0 <= (number := float(text)) < end:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is {fault}")


if __name__ == "__main__":
    sys.exit(main())
