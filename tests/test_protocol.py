"""What kernel and pages agree on: the generated TypeScript is fresh, and a step record tells facts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeact_magic.frontends import control_channel

from . import protocol, wire


@pytest.mark.parametrize("path", protocol.files(), ids=lambda path: path.name)
def test_the_generated_typescript_is_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == protocol.files()[path], "run `python -m tests.protocol`"


@pytest.fixture(scope="module")
def channel() -> wire.Channel:
    channel = wire.Channel()
    channel.play()
    return channel


def test_a_step_record_tells_what_it_is_of(channel: wire.Channel) -> None:
    kinds = {name: channel.steps[name]["of"] for name in ("ok", "replay", "consent")}
    assert kinds == {"ok": "turn", "replay": "replay", "consent": "consent"}


def test_the_only_step_of_a_turn_with_one_step_at_most_is_still_of_a_turn(channel: wire.Channel) -> None:
    states = [reply for _, reply in channel.requests if reply.get("turn")]
    assert states[0]["turn"]["max_steps"] == 1
    assert states[0]["pending"]["of"] == "turn"


def test_a_step_record_tells_how_its_run_ended(channel: wire.Channel) -> None:
    names = ("ok", "error", "interrupted")
    assert [channel.steps[name]["ended"] for name in names] == ["ok", "error", "interrupted"]
    without_a_run = ("thinking", "pending turn 1", "decided turn 1", "rejected", "skipped", "answer", "consent")
    assert {channel.steps[name]["ended"] for name in without_a_run} == {None}


def test_the_recorded_requests_are_all_that_the_kernel_knows(channel: wire.Channel) -> None:
    asked = [request for request, _ in channel.requests]
    signed = [json.loads(request["text"]) for request in asked if request["op"] == "signed"]
    assert {request["op"] for request in asked + signed} == set(control_channel._HANDLERS)
    reasons = {reply["reason"] for _, reply in channel.requests if reply["status"] == "error"}
    assert reasons == {"idle", "late", "unknown"}, "and none of them is malformed"
