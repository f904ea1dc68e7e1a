"""The subcommand that turns a session into ordinary cells of the user's notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from ..frontends.captions import counted
from ..options import Options
from ..runner import Runner
from ..session import Json, Session
from ..sessions.code_blocks import CodeBlock, code_blocks, raised
from ..slicing import before_the_error, clean, without_failures
from ..text import one_line, safe_markdown
from .arguments import APPROVE, FILE_OR_CURRENT, THREAD, name_of, opened, with_given
from .registry import NOTEBOOK_ONLY, Argument, Arguments, subcommand
from .reopening import consent_line, folder_of, script, separate_kernel, show_progress


@subcommand(
    THREAD,
    FILE_OR_CURRENT,
    APPROVE,
    Argument("--clean", action="store_true", help="only what the end result depends on"),
    Argument("--cells", action="store_true", help="also your own cells"),
    front_ends=NOTEBOOK_ONLY,
)
def insert(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Insert a session's actions as cells into your notebook, not yet run.

    Code that failed becomes a comment. --clean keeps only what the end result depends on: dead ends and failed attempts
    are left out. This is proved first: both versions run in separate kernels, for which you are asked. Code is kept if
    it cannot be proved that nothing depends on it.
    """
    options = with_given(options, arguments)
    session, path = opened(runner, options, arguments.file)
    blocks: Sequence[CodeBlock] = code_blocks(session)
    print(name_of(session, path))
    if arguments.clean:
        blocks = _cleaned(runner, options, session, path)
    if not arguments.cells:
        blocks = [block for block in blocks if block.number]
    cells = list(_cells(session, blocks))
    if not cells:
        print("Nothing ran in this session, so there is nothing to insert.")
        return
    _insert(runner, cells)


def _cleaned(runner: Runner, options: Options, session: Session, path: Path | None) -> Sequence[CodeBlock]:
    """Return the smallest slice that can be proved, or all code blocks if none can."""
    from ..verify.proof import first_proved

    smallest = clean(session)
    everything = code_blocks(session)
    if smallest.kept == everything:
        print(smallest.note or "The end result depends on every action.")
        return everything
    fuller = without_failures(session)
    parts = [smallest] if fuller.kept in (smallest.kept, everything) else [smallest, fuller]
    folder = folder_of(session, path)
    runner.consent(options, consent_line(name_of(session, path), folder), script(session))
    try:
        engine = partial(separate_kernel, runner, folder)
        part, proof = first_proved(session, parts, engine, progress=partial(show_progress, runner))
    finally:
        runner.view.waiting("")
    print(proof.line)
    if part is None:
        return everything
    for one in part.dropped:
        print(f"  left out: action {one.block.number} ({one.reason}), {one_line(one.block.code, 60)}")
    return part.kept


def _cells(session: Session, blocks: Sequence[CodeBlock]) -> Iterator[Json]:
    """Yield `blocks` as cells, those of each turn below its prompt."""
    for turn, group in groupby(blocks, lambda block: block.turn):
        yield {"cell_type": "markdown", "source": safe_markdown(session.turns[turn - 1].prompt)}
        for block in group:
            yield {"cell_type": "code", "source": _source(block)}


def _source(block: CodeBlock) -> str:
    """Return the code of a block. From the statement that failed on it is a comment, so that the rest runs."""
    code = block.code.rstrip()
    if block.status == "ok":
        return code
    before = before_the_error(block)
    rest = "\n".join(f"# {line}".rstrip() for line in code.removeprefix(before).splitlines())
    return f"{before}# {_ended(block)}\n{rest}"


def _ended(block: CodeBlock) -> str:
    if block.status == "interrupted":
        return "This was interrupted in the session:"
    return f"This raised {one_line(raised(block.observation)[0], 60) or 'an error'} in the session:"


def _insert(runner: Runner, cells: Sequence[Json]) -> None:
    if hidden := list(_hidden(cells)):
        print(f"Look twice: {'; '.join(hidden)}.")
    count = sum(cell["cell_type"] == "code" for cell in cells)
    verb = "stands" if count == 1 else "stand"
    runner.host.front_end.insert(
        cells,
        inserted=f"{counted(count, 'cell')} of code {verb} below; none was run.",
        otherwise=f"{counted(count, 'cell')} of code as one below, not yet run.",
    )


def _hidden(cells: Iterable[Json]) -> Iterator[str]:
    """Yield the findings about characters in `cells` that a reader would not see."""
    from ..risk import scan

    for cell in cells:
        if cell["cell_type"] == "code":
            yield from (str(finding) for finding in scan(cell["source"]) if finding.kind == "hidden")
