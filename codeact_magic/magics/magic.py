"""The magics `%%codeact` and `%codeact`. Loading the extension imports only this; the rest follows on first use."""

from __future__ import annotations

import _thread
import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import TraitError

from ..errors import CodeActError, StoppedError, UsageError
from ..frontends.control_channel import ControlChannel
from ..options import Options, environment, line_options, read_line
from ..text import every_character, one_line, storable

if TYPE_CHECKING:
    from ..kernels.live.executor import ShellExecutor
    from ..runner import Runner
    from ..session import Turn

PRELOAD_AFTER = 0.5  # seconds after loading: a script that ends at once imports nothing in vain


@magics_class
class CodeAct(Options, Magics):
    """An agent whose actions are Python code, run in this kernel.

    Every option below can be set with `%config CodeAct.name = value`, in ipython_config.py as `c.CodeAct.name`, or in
    the environment as `CODEACT_NAME` (read when the extension is loaded). The line of a cell overrides all of them.
    """

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        for name, value in environment(self.config.get("CodeAct", {})).items():
            setattr(self, name, value)
        self._executor: ShellExecutor | None = None
        self._runner: Runner | None = None
        self._channel = ControlChannel()
        self._channel.open(getattr(shell, "kernel", None))
        self._preloading = _Preloading(shell)

    @no_var_expand
    @cell_magic("codeact")  # type: ignore[arg-type]  # its types do not allow for methods
    @line_options
    def codeact(self, line: str, cell: str) -> None:
        """Send the text of the cell to a model, which answers, and acts by running Python code in this kernel.

        Each action is shown, and runs only if you approve it. The cell is sent verbatim. The conversation continues
        across cells. Precedence of options, highest first: cell line, %config CodeAct, configuration file
        (c.CodeAct.NAME), environment (CODEACT_NAME). %config CodeAct lists all options, %codeact shows the status.
        """
        with _speaking():
            turn, into = self._take(line, cell)
        if into and self._executor:
            self._executor.bind(into, turn.answer)

    @no_var_expand
    @line_magic("codeact")  # type: ignore[arg-type]
    def command(self, line: str) -> None:
        """Show the agent's status, and manage it: `%codeact help` lists the commands."""
        with _speaking():
            from .commands import run

            try:
                run(self._running(), self, line)
            except KeyboardInterrupt:
                raise StoppedError("You stopped %codeact.") from None

    def start(self) -> None:
        """Prepare for the first turn, in an idle moment."""
        self._preloading.start()

    def before_cell(self, info: Any) -> None:
        """Give `get_ipython` back to a cell of ours if the user has overwritten it: IPython calls it to find us."""
        named = self.shell.user_ns.get("get_ipython", self.shell.get_ipython)
        if not callable(named) and str(info.raw_cell).lstrip().startswith(("%%codeact", "%codeact")):
            self.shell.user_ns["get_ipython"] = self.shell.get_ipython
            print("get_ipython was no function any more, and is IPython's again.")

    def close(self) -> None:
        """Save the threads, and end the processes that were started."""
        self._preloading.stop()
        self._channel.close()
        if self._runner:
            self._runner.close()

    def _take(self, line: str, cell: str) -> tuple[Turn, str]:
        """Take the prompt of a cell to its answer. Return the turn, and the variable that the answer is bound to."""
        try:
            options, new, into = read_line(self.codeact.parser, line, self)
            return self._running().take(options, self._prompt(line, cell), new=new), into
        except KeyboardInterrupt:
            from ..hints import GoOn

            raise StoppedError("You stopped the agent.", GoOn()) from None

    def _running(self) -> Runner:
        if self._runner is None:
            self._preloading.stop()
            from ..frontends.host import Host, front_end_of
            from ..kernels.live.executor import ShellExecutor
            from ..runner import Runner

            self._executor = ShellExecutor(self.shell)
            self._runner = Runner(Host(self._executor, front_end_of(self.shell, self._channel)), self)
        return self._runner

    def _prompt(self, line: str, cell: str) -> str:
        prompt = storable(self._verbatim(line, cell)).strip("\r\n")
        if not prompt.strip():
            raise UsageError("The cell has no prompt. Write what you want below the %%codeact line.")
        return prompt

    def _verbatim(self, line: str, cell: str) -> str:
        """Return the text below the line as it was typed: IPython strips indentation and ">>> " from every cell."""
        from ..kernels.live.executor import below_others

        typed = below_others(self.shell.history_manager.input_hist_raw[-1])
        head, _, body = typed.lstrip().partition("\n")
        if body.rstrip("\n") == cell.rstrip("\n") or head.rstrip() != f"%%codeact {line}".rstrip():
            return cell
        call = f"get_ipython().run_cell_magic('codeact', {line!r}, {cell!r})\n"
        return body if self.shell.transform_cell(typed) == call else cell


class _Preloading:
    """A thread that imports what the first turn needs, in an idle moment after loading.

    It ends before the process does: a thread that is stopped in the middle of an import may take the process with it.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._stopped = threading.Event()
        self._started = False
        self.ended = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        atexit.register(self.stop)
        self._started = True
        # `Thread.start` would wait until the thread runs, and loading with it.
        _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """End the thread, once it has imported the module that it is at."""
        self._stopped.set()
        atexit.unregister(self.stop)
        if self._started:
            self.ended.wait()

    def _run(self) -> None:
        try:
            if not self._stopped.wait(PRELOAD_AFTER):
                from .preloading import preload

                preload(self._shell, self._stopped)
        finally:
            self.ended.set()


@contextmanager
def _speaking() -> Iterator[None]:
    """Word the advice of errors for notebooks, and let standard output take every character."""
    try:
        with every_character():
            yield
    except CodeActError as error:
        from ..frontends.advice import NOTEBOOK

        error.advice = NOTEBOOK.sentence(error.hints)
        raise


def load(shell: Any) -> None:
    """Register the magics with `shell`. Raises UsageError if an option has a wrong value, and then leaves nothing."""
    unload(shell)
    before = list(shell.configurables)
    try:
        magics = CodeAct(shell)
    except (TraitError, UsageError) as error:
        shell.configurables[:] = before  # it adds itself before it has read its options
        raise UsageError(f"codeact_magic is not loaded: {one_line(error)}") from None
    shell.register_magics(magics)
    magics.start()
    shell.set_hook("complete_command", _complete, str_key=_COMMAND)
    shell.events.register("pre_run_cell", magics.before_cell)


def unload(shell: Any) -> None:
    """Remove the magics and their configuration, and end the processes and threads that they started."""
    shell.strdispatchers["complete_command"].strs.pop(_COMMAND, None)
    magics = shell.magics_manager.registry.pop("CodeAct", None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("codeact", None)
    if magics is not None:
        with suppress(ValueError):  # somebody has removed it already
            shell.events.unregister("pre_run_cell", magics.before_cell)
        magics.close()
        shell.configurables[:] = [one for one in shell.configurables if one is not magics]


_COMMAND = "%codeact"


def _complete(shell: Any, event: Any) -> list[str]:
    """Return the completions of the last word of a `%codeact` line."""
    from .commands import completions

    return completions(event.text_until_cursor.lstrip())
