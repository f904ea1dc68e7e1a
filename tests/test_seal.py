"""What an action changes of the code that asks and runs is put back and named, and the rest is left alone."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from codeact_magic import approval
from codeact_magic.frontends import control_channel
from codeact_magic.kernels.live.executor import ShellExecutor
from codeact_magic.kernels.live.seal import sealed


@pytest.fixture
def shell() -> Any:
    InteractiveShell.clear_instance()
    shell: Any = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def changed_by(shell: Any, code: str, *guarded: object) -> list[str]:
    """Run `code` as an action would, and return what was put back."""
    put_back = sealed(shell, guarded)
    exec(
        code,
        {"shell": shell, "approval": approval, "channel": control_channel, "ast": ast, "gate": (*guarded, None)[0]},
    )
    return put_back()


HARMLESS = {
    "nothing": "",
    "an import of ours": "import codeact_magic.verify.report",
    "a hook of a known library": "from IPython.extensions import autoreload\nautoreload.load_ipython_extension(shell)",
    "a name of the user's": "shell.user_ns['x'] = 1",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_left_alone(name: str, shell: Any) -> None:
    hooks = len(shell.events.callbacks["pre_run_cell"])
    assert changed_by(shell, HARMLESS[name]) == []
    if "hook" in name:
        assert len(shell.events.callbacks["pre_run_cell"]) == hooks + 1


TAMPERS = {
    "Gate.decide": "approval.Gate.decide = None",
    "Gate._more": "approval.Gate._more = 1",
    "approval.Decision": "approval.Decision = None",
    "approval.len": "approval.len = None",
    "the tables of frontends.control_channel": "channel._HANDLERS['decide'] = None",
    "ControlChannel.answer": "channel.ControlChannel.answer.__code__ = (lambda self, content: None).__code__",
    "IPython's run_cell": "shell.run_cell = None",
    "IPython's ast_parse": "shell.compile.ast_parse = None",
    "IPython's cleanup_transforms": "shell.input_transformer_manager.cleanup_transforms.append(lambda lines: lines)",
    "IPython's ast_transformers": "shell.ast_transformers = [ast.NodeTransformer()]",
    "IPython's hook post_run_cell": "shell.events.register('post_run_cell', lambda result: None)",
}


@pytest.mark.parametrize("name", TAMPERS)
def test_what_was_changed_is_put_back_and_named(name: str, shell: Any) -> None:
    before = _everything(shell)
    assert changed_by(shell, TAMPERS[name]) == [name]
    assert _everything(shell) == before


def _everything(shell: Any) -> list[object]:
    manager = shell.input_transformer_manager
    return [
        dict(vars(approval)),
        dict(vars(approval.Gate)),
        control_channel._HANDLERS.copy(),
        control_channel.ControlChannel.answer.__code__,
        shell.run_cell,
        shell.compile.ast_parse,
        [*manager.cleanup_transforms],
        [*shell.ast_transformers],
        [*shell.events.callbacks["post_run_cell"]],
    ]


def test_the_object_that_decides_is_put_back(shell: Any) -> None:
    gate = SimpleNamespace(mode="ask", asker=None)
    assert changed_by(shell, "gate.mode = 'auto'\ngate.decide = None", gate) == [
        "SimpleNamespace.decide",
        "SimpleNamespace.mode",
    ]
    assert vars(gate) == {"mode": "ask", "asker": None}


def test_the_user_is_told_what_a_step_changed(shell: Any) -> None:
    told: list[str] = []
    executor = ShellExecutor(shell)
    executor.configure(type(executor.options)(tell=told.append))
    executor.run("from codeact_magic import approval\napproval.Gate.decide = None")
    assert told == ["This step changed what your approval of steps rests on, and it was put back: Gate.decide."]
