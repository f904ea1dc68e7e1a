"""The composition root: puts together what takes a prompt to its answer, and keeps what outlives a turn."""

from __future__ import annotations

from typing import Any, Protocol, cast

from . import approval, control
from .agent import Agent, Limits, View
from .approval import Gate
from .captions import turn_line
from .conversations import Conversation, Conversations, near
from .display import NotebookView
from .endpoints import Endpoints, secrets
from .errors import UsageError
from .executor import ShellExecutor
from .model import OpenAIModel
from .options import Options
from .page import PageAsker, StepBoard
from .room import ControlRoom
from .session import Format, Turn
from .terminal import TerminalView
from .text import mask

_AT_ONCE = 0.5  # seconds that Stop waits for the disk; saving goes on in its thread
NESTED = "A %%codeact cell is running already, and cannot run another inside itself."


class Front(View, approval.Front, Protocol):
    """What a turn is shown on."""

    def waiting(self, line: str) -> None:
        """Show a line until the next one; an empty one takes it away."""

    def close(self) -> None:
        """The turn is over, however it ended."""

    def restore(self) -> None:
        """Show what was shown of the turn again: an action has cleared the cell."""


class Runner:
    """Takes prompts to their answers in one shell. `options` are those of the turn under way, or of the last one."""

    def __init__(self, shell: Any, options: Options, room: ControlRoom) -> None:
        self.shell, self.options = shell, options
        self.board = StepBoard(room)
        self.executor = ShellExecutor(shell, secrets=self.secrets)
        self.conversations = Conversations(self.secrets, lambda line: self.view.tell(line))
        self.endpoints = Endpoints(lambda line: self.view.tell(line), lambda line: self.view.waiting(line))
        self.view = self._new_view()
        self._busy = False

    def take(self, options: Options, prompt: str, *, new: bool) -> Turn:
        """Take `prompt` to its answer, and tell how it went. Raises CodeActError; what was done is saved first."""
        if self._busy:
            raise UsageError(NESTED)
        self._busy = True
        try:
            return self._take(options, prompt, new)
        finally:
            self._busy = False

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be shown, saved or sent."""
        return secrets(self.options)

    def close(self) -> None:
        """Save what is not yet saved, and end what was started."""
        self.conversations.close()
        self.endpoints.close()

    def _take(self, options: Options, prompt: str, new: bool) -> Turn:
        self.options, self.view = options, self._new_view()
        gate = self._gate(options)
        model = self.endpoints.model(options)
        conversation = self.conversations.get(options.thread)
        if new or conversation is None:
            conversation = self.conversations.begin(options, prompt)
        agent = self._agent(conversation, model, gate)
        prompt = mask(prompt, self.secrets())
        self._begin_board(conversation, model, prompt)
        try:
            return agent.run(prompt, format=_format(options), summarize=options.summary)
        finally:
            self.view.close()
            self.board.end(agent.turn)
            self._wind_up(conversation)

    def _begin_board(self, conversation: Conversation, model: OpenAIModel, prompt: str) -> None:
        options, turn = self.options, len(conversation.session.turns) + 1
        path = near(conversation.path) if conversation.path else ""
        self.board.room.settings = {"approve": options.approve, "session": path}
        self.board.begin(options.thread, turn, prompt, model.name, options.max_steps)

    def _gate(self, options: Options) -> Gate:
        return Gate(
            options.approve,
            self.view,
            ask=control.asker(self.shell),
            edit=control.editor(self.shell),
            names=self.executor.user_names,
            page=self._page(),
        )

    def _page(self) -> PageAsker | None:
        view = self.view
        return PageAsker(self.board.room, self.board, view.refresh) if isinstance(view, NotebookView) else None

    def _agent(self, conversation: Conversation, model: OpenAIModel, gate: Gate) -> Agent:
        options, executor = self.options, self.executor
        executor.timeout, executor.limit = options.action_timeout, options.max_summary
        executor.keep_cells, executor.conversation = options.save_cells, conversation.session.id
        executor.cleared = self.view.restore
        limits = Limits(
            steps=options.max_steps,
            tokens=options.max_tokens_per_turn,
            repeats=options.max_repeats,
            output=options.max_output,
            context=options.context_tokens or self.endpoints.window(model),
        )
        return Agent(
            conversation.session,
            model,
            gate,
            executor,
            view=self.view,
            keep=conversation.keep,
            limits=limits,
            vision=options.vision,
            remarks=self.board.room.remarks,
        )

    def _wind_up(self, conversation: Conversation) -> None:
        """Wait for the session to be saved, and sum the turn up in a line."""
        turn = conversation.session.turns[-1]
        if turn.outcome == "stopped":  # who stopped it does not want to wait, and is told just that
            conversation.saved(_AT_ONCE)
            return
        saved = conversation.saved()
        if turn.steps:
            note = f"{turn.note} · " if turn.outcome == "answered" and turn.note else ""
            self.view.tell(f"{note}{turn_line(turn)}{_where(conversation) if saved else ''}")

    def _new_view(self) -> Front:
        if control.in_kernel(self.shell):
            return NotebookView(self._publish, self.board)
        return TerminalView(theme=self.shell.colors)

    def _publish(self, data: dict[str, Any], metadata: dict[str, Any], display_id: str | None, update: bool) -> None:
        transient = {"display_id": display_id} if display_id else {}
        self.shell.display_pub.publish(data=data, metadata=metadata, transient=transient, update=update)


def _format(options: Options) -> Format:
    return "fence" if options.format == "auto" else cast(Format, options.format)


def _where(conversation: Conversation) -> str:
    """Return where the session is saved, for the end of a line; said once a session."""
    if conversation.told or conversation.path is None:
        return ""
    conversation.told = True
    return f" · saved in {near(conversation.path)}"
