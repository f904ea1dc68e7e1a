"""Stop, at any time of a request."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from codeact_magic.agent import Delta, Request
from codeact_magic.testing import Endless, FakeEndpoint, Hang, Say, Scripted, Status

from .asking import (
    ASK,
    NEVER,
    ask,
    model_of,
    streaming_threads,
)
from .asking import nothing_remains as nothing_remains

# Stop


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@contextmanager
def stopped_when(condition: Callable[[], object]) -> Iterator[None]:
    """Interrupt the block as soon as `condition` returns; it must end in KeyboardInterrupt."""

    def stop() -> None:
        condition()
        interrupt()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
@pytest.mark.parametrize("silence", [Hang(), Hang(headers=True), Hang(after=3), Endless(), Say("x" * 9999, delay=0.01)])
def test_stop_ends_a_reply_and_its_generation(silence: Scripted, reused: bool) -> None:
    script = ["First.", silence, "Next."] if reused else [silence, "Next."]
    with FakeEndpoint(script) as fake:
        model = model_of(fake, timeout=NEVER)
        if reused:
            assert ask(model)[0].text == "First."
        with stopped_when(lambda: fake.wait_for_requests(len(script) - 1)):
            ask(model)
        assert streaming_threads() == []
        fake.wait_for_disconnects(1)
        reply, shown = ask(model)
        assert (reply.text, shown.notes) == ("Next.", [])


def test_stop_works_in_the_middle_of_a_stream() -> None:
    begun = threading.Event()
    with FakeEndpoint([Hang(after=3), "Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with stopped_when(begun.wait):
            model.reply(Request(ASK), lambda delta: begun.set() if delta.text else None)
        fake.wait_for_disconnects(1)
        assert ask(model)[0].text == "Next."


def test_stop_works_during_the_wait_for_a_retry() -> None:
    begun = threading.Event()
    with FakeEndpoint([Status(503, retry_after=60), "Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with stopped_when(begun.wait):
            model.reply(Request(ASK), lambda delta: begun.set() if delta.note else None)
        assert ask(model)[0].text == "Next."


def test_stop_works_while_models_are_listed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as connections:

        def asked() -> None:
            connections.enter_context(listening.accept()[0]).recv(1)

        model = model_of(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", timeout=NEVER)
        with stopped_when(asked):
            model.models()


def test_stop_works_while_connecting_and_the_late_connection_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, reachable, connecting = socket.create_connection, threading.Event(), threading.Event()

    def slowly(*args: Any, **kwargs: Any) -> socket.socket:
        connecting.set()
        reachable.wait()
        return connect(*args, **kwargs)

    with FakeEndpoint(["Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with monkeypatch.context() as patched:
            patched.setattr(socket, "create_connection", slowly)
            with stopped_when(connecting.wait):
                ask(model)
        [late] = streaming_threads()
        assert ask(model)[0].text == "Next."
        reachable.set()
        late.join()
        assert len(fake.requests) == 1


def test_an_exception_of_show_is_raised_and_ends_the_reply() -> None:
    def show(delta: Delta) -> None:
        raise ZeroDivisionError

    with FakeEndpoint([Endless(), "Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with pytest.raises(ZeroDivisionError):
            model.reply(Request(ASK), show)
        fake.wait_for_disconnects(1)
        assert ask(model)[0].text == "Next."
