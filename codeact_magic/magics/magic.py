"""The magics `%%codeact` and `%codeact`; what they need is imported when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import TraitError

from ..errors import StoppedError, UsageError
from ..frontends.control_channel import ControlChannel
from ..options import Options, environment, line_options, read_line
from ..text import one_line, storable

if TYPE_CHECKING:
    from ..kernels.live.executor import ShellExecutor
    from ..runner import Runner


@magics_class
class CodeAct(Options, Magics):
    """An agent whose actions are Python code, run in this kernel.

    Every option below can be set with `%config CodeAct.name = value`, in ipython_config.py as `c.CodeAct.name`, or in
    the environment as `CODEACT_NAME` (read when the extension is loaded). The line of a cell goes before all of them.
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

    @no_var_expand
    @cell_magic("codeact")  # type: ignore[arg-type]  # its types do not allow for methods
    @line_options
    def codeact(self, line: str, cell: str) -> None:
        """Give the text of the cell to a model, which answers, and acts by running Python code in this kernel.

        Each action is shown, and run only when you approve it. The text is taken to the letter. The conversation goes
        on across cells. What is not on the line is taken from %config CodeAct, a configuration file (c.CodeAct.NAME)
        or the environment (CODEACT_NAME), in this order; %config CodeAct lists it all, %codeact shows how things stand.
        """
        try:
            options, new, into = read_line(self.codeact.parser, line, self)
            turn = self._running().take(options, self._prompt(line, cell), new=new)
        except KeyboardInterrupt:
            raise StoppedError("You stopped the agent. Go on with another %%codeact cell.") from None
        if into and self._executor:
            self._executor.bind(into, turn.answer)

    @no_var_expand
    @line_magic("codeact")  # type: ignore[arg-type]
    def command(self, line: str) -> None:
        """Show how the agent stands, and manage it: `%codeact help` lists what there is."""
        from .commands import run

        try:
            run(self._running(), self, line)
        except KeyboardInterrupt:
            raise StoppedError("You stopped %codeact.") from None

    def close(self) -> None:
        """Save what is not yet saved, and end what was started."""
        self._channel.close()
        if self._runner:
            self._runner.close()

    def _running(self) -> Runner:
        if self._runner is None:
            from ..frontends.host import Host, front_end_of
            from ..kernels.live.executor import ShellExecutor
            from ..runner import Runner

            self._executor = ShellExecutor(self.shell)
            self._runner = Runner(Host(self._executor, front_end_of(self.shell, self._channel)), self)
        return self._runner

    def _prompt(self, line: str, cell: str) -> str:
        prompt = storable(self._to_the_letter(line, cell)).strip("\r\n")
        if not prompt.strip():
            raise UsageError("The cell has no prompt. Write what you want below the %%codeact line.")
        return prompt

    def _to_the_letter(self, line: str, cell: str) -> str:
        """Return the text below the line as it was typed: IPython strips indentation and ">>> " from every cell."""
        inputs = self.shell.history_manager.input_hist_raw
        head, _, body = inputs[-1].lstrip().partition("\n")
        if body.rstrip("\n") == cell.rstrip("\n") or head.rstrip() != f"%%codeact {line}".rstrip():
            return cell
        call = f"get_ipython().run_cell_magic('codeact', {line!r}, {cell!r})\n"
        return body if self.shell.transform_cell(inputs[-1]) == call else cell


def load(shell: Any) -> None:
    """Register the magics with `shell`. Raises UsageError where an option's value does not fit, and leaves nothing."""
    unload(shell)
    before = list(shell.configurables)
    try:
        magics = CodeAct(shell)
    except (TraitError, UsageError) as error:
        shell.configurables[:] = before  # it adds itself before it has read its options
        raise UsageError(f"codeact_magic is not loaded: {one_line(error)}") from None
    shell.register_magics(magics)


def unload(shell: Any) -> None:
    """Take the magics, their configuration and what they started away again."""
    magics = shell.magics_manager.registry.pop("CodeAct", None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("codeact", None)
    if magics is not None:
        magics.close()
        shell.configurables[:] = [one for one in shell.configurables if one is not magics]
