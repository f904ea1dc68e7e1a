"""Sessions that were saved before 0.2: how a run ended is read out of the notes of that time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codeact_magic.session import Json, Observation
from codeact_magic.sessions.code_blocks import code_blocks
from codeact_magic.sessions.saving.from_notebook import from_notebook
from codeact_magic.sessions.saving.to_notebook import to_notebook

from .recordings import printed, session, step, turn

GONE = "A fresh kernel takes its place: all variables are gone."
LATE = "It was interrupted: it ran longer than the 5 s allowed."
DIED = {"output_type": "error", "ename": "DeadKernelError", "evalue": "The kernel died.", "traceback": []}
UNREACHABLE = {**DIED, "ename": "ConnectionLostError"}


def loaded(status: str, note: str = "", *outputs: Json) -> Observation:
    """Return an observation that was saved before 0.2."""
    notebook = json.loads(json.dumps(to_notebook(session(turn(step("x", *outputs))))))
    about = next(cell["metadata"]["codeact"] for cell in notebook["cells"] if cell["id"].endswith("step-1"))
    about["step"]["observation"] = {"status": status, "note": note}
    observation = from_notebook(notebook).turns[0].steps[0].observation
    assert observation is not None
    return observation


@pytest.mark.parametrize(
    ("saved", "status", "fresh", "lost"),
    [
        (("ok",), "ok", False, False),
        (("error",), "error", False, False),
        (("aborted",), "interrupted", False, False),
        (("aborted", f"It did not react, so the kernel was ended. {GONE}"), "interrupted", False, True),
        (("error", LATE), "timed out", False, False),
        (("error", f"{LATE} It did not react, so the kernel was ended. {GONE}"), "timed out", False, True),
        (("error", GONE, printed("1"), DIED), "kernel lost", False, True),
        (("error", GONE, UNREACHABLE), "kernel lost", False, True),
        (("ok", f"The kernel was not used for 30 minutes, so it was ended. {GONE}"), "ok", True, False),
        (("error", f"Meanwhile the kernel died (it is gone). {GONE} {GONE}", DIED), "kernel lost", True, True),
    ],
)
def test_how_a_run_ended_is_read_out_of_its_note(saved: Any, status: str, fresh: bool, lost: bool) -> None:
    observation = loaded(*saved)
    assert (observation.status, observation.fresh, observation.lost) == (status, fresh, lost)
    assert observation.note == (saved[1] if len(saved) > 1 else "")


def test_an_observation_of_today_comes_back_as_it_was_saved() -> None:
    notes = ("A new wording.", LATE, GONE)
    steps = [
        step("x", status=status, note=note, fresh=True, lost=True)
        for status in ("ok", "interrupted", "timed out", "kernel lost")
        for note in notes
    ]
    recorded = session(turn(*steps))
    assert from_notebook(json.loads(json.dumps(to_notebook(recorded)))) == recorded


def test_a_block_is_fresh_if_its_kernel_was_or_if_the_one_before_it_was_lost() -> None:
    recorded = session(turn("a", step("b", lost=True), "c"), turn("d", step("e", fresh=True), "f"))
    assert [block.fresh for block in code_blocks(recorded)] == [False, False, True, False, True, False]
