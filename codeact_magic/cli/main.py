"""The command `codeact`: its arguments; what is done stands elsewhere and is imported when it is asked for."""

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
from ..text import one_line, storable

if TYPE_CHECKING:
    from ..kernels.separate import Kernel, KernelExecutor
    from ..options import Options

Arguments = argparse.Namespace

STATUS = """\
exit status:
  0    answered
  1    the endpoint, a file or the turn failed
  2    the command cannot be carried out as it was written
  3    a limit ended the turn (--max-steps, tokens, repeats)
  130  stopped by you"""
FAILED, USAGE, LIMIT, STOPPED = 1, 2, 3, 130
LONGEST = 10_000_000  # bytes of a file that holds a prompt
VERIFY_STATUS = """\
All code of a session is shown, and runs when you say so; where nobody can be asked (CI): --approve auto. There a part
of a name is not enough.

exit status:
  0    all outputs are the same
  1    something differs or is missing
  2    a session could not be verified, or nothing ran in it
  130  stopped by you"""
ENVIRONMENT = """\
Every option can also be set in the environment: CODEACT_APPROVE=risky, CODEACT_MAX_STEPS=5 (CODEACT_ and the name of
the option in %config CodeAct). The key of the endpoint is read from OPENAI_API_KEY, or the variable that --api-key-env
names; the token of a --gateway from JUPYTER_TOKEN."""


def main(words: Sequence[str] | None = None) -> int:
    """Carry out the command line `words` (sys.argv where it is None) and return the exit status."""
    _open_streams()
    try:
        with _ended_in_order():
            arguments = _read(words)
            status = int(arguments.run(arguments))
            sys.stdout.flush()
            return status
    except OSError as error:  # the disk is full, who read the output has gone, the folder was deleted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is not to fail once more
        if not isinstance(error, BrokenPipeError):
            print(f"OSError: {_place_is_gone() or one_line(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as error:
        print("Stopped.", file=sys.stderr)
        return _status(error)
    except CodeActError as error:
        from .console import told

        print(told(error), file=sys.stderr)
        return _status(error)


def _open_streams() -> None:
    """Have standard streams where whoever started this has closed them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))


def _place_is_gone() -> str:
    try:
        Path.cwd()
    except OSError:
        return "the folder that this was started in is gone: cd to another one"
    return ""


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Have the signals that would end this process at once end it in order, with its kernel; a second one is obeyed."""
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
    return signal.getsignal(number) is signal.SIG_DFL  # nohup has SIGHUP ignored


def _leave(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _read(words: Sequence[str] | None) -> Arguments:
    """Return what the words ask for. Raises UsageError, in which no value of an unknown option is repeated."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words and " " in words[0]:
        raise UsageError("A prompt goes behind codeact run: codeact run PROMPT, or type it in codeact chat")
    arguments, unknown = _parser().parse_known_args(words)
    if unknown:
        word, prog = one_line(unknown[0].partition("=")[0], 40), arguments.parser.prog
        if not word.startswith("-"):
            raise UsageError(f"{prog} does not know what to do with {word!r}: put words that belong together in quotes")
        raise UsageError(f"{prog} has no option {word}. {prog} --help lists them")
    return arguments


def _status(error: BaseException) -> int:
    """Return the exit status that an error stands for."""
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
    if file and _is_file(file):  # seen from here, not from --cwd
        file = str(Path(file).absolute())
    return chat(_options(arguments), _engine(arguments), file, eager=_is_chosen(arguments))


def _run(arguments: Arguments) -> int:
    from .chat import run

    prompt, output = _prompt(arguments.prompt), arguments.output
    if output and output.exists() and not arguments.force:
        raise UsageError(f"-o: {one_line(output)} exists: name another file, or write over that session with --force")
    return run(_options(arguments), _engine(arguments), prompt, output, eager=_is_chosen(arguments))


def _prompt(given: str) -> str:
    """Return the prompt: standard input, a file's text, or what was given. Raises UsageError."""
    try:
        if given == "-":
            prompt = sys.stdin.read()
        elif given.endswith(".ipynb") and _is_file(given):
            raise UsageError(
                f"{one_line(given, 80)} is a notebook, no prompt. Go on with it: codeact chat --session FILE"
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
    """Return the text of a file. Raises UnicodeDecodeError, OSError where it is no text that a model could be sent."""
    if path.stat().st_size > LONGEST:
        raise OSError("it is too large for a prompt")
    text = path.read_text("utf-8-sig")
    if "\0" in text:
        raise OSError("it is no text")
    return text


def _check_words(given: str) -> None:
    """Refuse what was meant to be a file, and is none: the model must not be sent its name. Raises UsageError."""
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
    except (OSError, ValueError):  # too long for a name, or no name at all
        return False


def _verify(arguments: Arguments) -> int:
    from .batch import verify
    from .chat import running

    options = _options(arguments)
    with running(options, _engine(arguments), aside=True) as runner:
        return verify(runner, options, arguments.files, arguments.tolerance)


def _sessions(arguments: Arguments) -> int:
    from ..magics.commands import run
    from .chat import running
    from .console import print_here

    options, line = _options(arguments), "sessions --all" if arguments.all else "sessions"
    if arguments.save_folder and not _is(Path.is_dir, arguments.save_folder):
        raise UsageError(f"--in: {one_line(arguments.save_folder, 80)} is no folder")
    with running(options, _engine(arguments), aside=True) as runner:
        print_here(lambda: run(runner, options, line))
    return 0


def _export(arguments: Arguments) -> int:
    from .batch import write_lines

    output = None if arguments.output == Path("-") else arguments.output
    return write_lines(_options(arguments), arguments.files, arguments.to, output)


def _import(arguments: Arguments) -> int:
    from .batch import read_lines

    return read_lines(_options(arguments), arguments.file)


# -- what they share ---------------------------------------------------------------------------------------------------


def _options(arguments: Arguments) -> Options:
    """Return the options: those of the environment, and over them those of the command line. Raises UsageError."""
    from ..options import Options, chosen, environment

    texts = {name: value for name, value in vars(arguments).items() if name in Options.class_trait_names(config=True)}
    return chosen(arguments.parser, texts, Options(**environment({})))


def _engine(arguments: Arguments) -> KernelExecutor:
    """Return the executor in whose kernel the actions run; it is started on its first use. Raises UsageError."""
    from ..kernels.separate import KernelExecutor

    return KernelExecutor(
        _kernel(arguments) if "kernel" in arguments else None, idle=getattr(arguments, "idle", 0.0) * 60
    )


def _is_chosen(arguments: Arguments) -> bool:
    """Return whether the user has said which kernel it is to be: there may be none of that name."""
    return bool(arguments.kernel or arguments.gateway)


def _kernel(arguments: Arguments) -> Kernel:
    from ..kernels.separate import GatewayKernel, LocalKernel

    if arguments.gateway:
        return GatewayKernel(arguments.gateway, arguments.kernel, arguments.cwd or "")
    folder = Path(arguments.cwd or "").absolute()
    if not folder.is_dir():
        raise UsageError(f"--cwd: {one_line(folder)} is no folder.")
    os.chdir(folder)  # sessions are saved there, and say from where their code ran
    return LocalKernel(arguments.kernel, folder)


# -- the parser --------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser that tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}. {self.prog} --help shows what it takes")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="codeact",
        description="An agent whose actions are Python code: in a terminal, in scripts, and on saved sessions.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"codeact-magic {version('codeact-magic')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    one = _command(commands, "chat", _chat, "Converse with the agent in the terminal; its code runs in its own kernel.")
    one.add_argument("--session", metavar="FILE", help=f"{_FILE}, to go on with")
    _add_kernel(one)
    _add_options(one)

    one = _command(commands, "run", _run, "Take one prompt to its answer, which goes to standard output.", STATUS)
    one.add_argument("prompt", metavar="PROMPT_OR_FILE", help="the prompt, a file that holds it, or - for stdin")
    one.add_argument("-o", "--output", type=_notebook, metavar="FILE", help="the notebook that the session is saved in")
    one.add_argument("--force", action="store_true", help="write over a session that is in that notebook")
    _add_kernel(one)
    _add_options(one)

    one = _command(commands, "verify", _verify, "Run sessions again and compare their outputs.", VERIFY_STATUS)
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
    one.add_argument("--all", action="store_true", help="all of them, not only the newest 20")
    _add_folder(one, "--in", "the folder that they are saved in")

    one = _command(commands, "export", _export, "Write sessions as training data, a line of JSON each.")
    one.add_argument("files", nargs="+", metavar="FILE", help=_FILE)
    one.add_argument("--to", choices=("codeactinstruct", "openai"), required=True, help="the layout")
    one.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a file of such lines; standard output by default"
    )

    one = _command(commands, "import", _import, "Save the sessions in lines of JSON, of either layout, as notebooks.")
    one.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    _add_folder(one, "--to", "the folder that they are saved in")
    return parser


_FILE = "a saved session: its path, its name or a part of it that no other has, or `last`"


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
    group.add_argument("--kernel", default="", metavar="NAME", help="a kernelspec; IPython in this Python by default")
    group.add_argument("--gateway", default="", metavar="URL", help="a Jupyter server elsewhere (JUPYTER_TOKEN)")
    group.add_argument("--cwd", metavar="DIR", help="the folder to work and to save in")
    group.add_argument("--idle", type=_minutes, default=0.0, metavar="MINUTES", help="end it when unused for so long")


def _add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the options of a cell; those of these `names`, where there are any."""
    from ..options import arguments

    group = parser.add_argument_group("the options of a %%codeact cell")
    for flags, settings in arguments():
        if not names or settings["dest"] in names:
            group.add_argument(*flags, **settings)
    parser.epilog = "\n\n".join(filter(None, [parser.epilog, ENVIRONMENT]))


def _add_folder(parser: argparse.ArgumentParser, flag: str, help: str) -> None:
    parser.add_argument(flag, dest="save_folder", metavar="DIR", help=f"{help}; codeact-sessions by default")


def _notebook(text: str) -> Path:
    """Read the name of a notebook."""
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    if path.suffix not in ("", ".ipynb"):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a notebook (.ipynb); the answer goes to stdout")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}")
    return path.with_suffix(".ipynb")


def _minutes(text: str) -> float:
    """Read a number of minutes."""
    return _number(text, 1e6, "no number of minutes")


def _tolerance(text: str) -> float:
    """Read a relative difference."""
    return _number(text, 1e6, "no number, 0 or more")


def _number(text: str, end: float, fault: str) -> float:
    with suppress(ValueError):
        if 0 <= (number := float(text)) < end:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is {fault}")


if __name__ == "__main__":
    sys.exit(main())
