"""The magics `%%codeact` and `%codeact`, their options, and the place where all parts are put together."""

from __future__ import annotations

import argparse
import keyword
import os
import sys
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Bool, Enum, Float, Int, TraitError, Unicode

from . import control
from .agent import Agent, Limits
from .approval import MODES, Gate
from .display import NotebookView, TerminalView, tokens
from .errors import UsageError
from .executor import ShellExecutor
from .model import OpenAIModel, Settings, public_url
from .session import Session, Turn
from .text import mask, one_line, storable

OPENAI = "https://api.openai.com/v1"
FORMATS = ("auto", "fence", "execute", "tools", "json")
FLUSH = 10.0  # seconds that the end of a turn waits for the disk

NO_ENDPOINT = (
    "No model is set up. Three ways out: set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), give the "
    "address of a server with --base-url http://localhost:11434/v1, or fetch the small local model with %codeact local"
)
LOCAL_LINE = "No endpoint is set, so the local model answers: {name}, a small model for demonstration."


@dataclass
class Conversation:
    """A thread: its session, and what writes it down."""

    session: Session
    saver: Any = None  # notebook.Saver, or None where sessions are not saved

    @property
    def path(self) -> Path | None:
        """Where the session is saved."""
        return self.saver.path if self.saver else None


@dataclass
class _Parts:
    """What is built once and used again: models by their settings, conversations by thread."""

    models: dict[Settings, OpenAIModel] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # endpoint -> its only model
    threads: dict[str, Conversation] = field(default_factory=dict)


@magics_class
class CodeAct(Magics):
    """An agent whose actions are Python code, run in this kernel.

    Every option below can be set with `%config CodeAct.name = value`, in ipython_config.py as `c.CodeAct.name`, or in
    the environment as `CODEACT_NAME` (read when the extension is loaded). The line of a cell goes before all of them.
    """

    model = Unicode(help="The model's name. Empty: the only one that the endpoint offers.").tag(config=True)
    base_url = Unicode(help="The endpoint's address, which mostly ends in /v1. Empty: OPENAI_BASE_URL.").tag(
        config=True
    )
    api_key_env = Unicode("OPENAI_API_KEY", help="The environment variable that holds the key.").tag(config=True)
    approve = Enum(MODES, "ask", help="Before which actions to ask: ask (all), risky, auto (none).").tag(config=True)
    format = Enum(FORMATS, "auto", help="How the model writes actions. All are read, whichever is set.").tag(
        config=True
    )
    thread = Unicode("main", help="The conversation that a cell belongs to.").tag(config=True)
    max_steps = Int(20, min=1, help="Steps that a turn may take.").tag(config=True)
    max_tokens_per_turn = Int(200_000, min=0, help="Tokens, in and out, of a turn. 0: no limit.").tag(config=True)
    max_repeats = Int(2, min=1, help="Repeats of the same code, after which a turn is ended.").tag(config=True)
    max_tokens = Int(0, min=0, help="Tokens of one reply. 0: the endpoint's own limit.").tag(config=True)
    context_tokens = Int(0, min=0, help="Tokens of the conversation that are sent. 0: no limit.").tag(config=True)
    temperature = Float(0.0, min=0.0, allow_none=True, help="Sampling temperature. None: the endpoint's.").tag(
        config=True
    )
    timeout = Float(300.0, min=0.1, help="Seconds of silence after which an endpoint is given up.").tag(config=True)
    retries = Int(3, min=0, help="How often a request that failed is tried again.").tag(config=True)
    action_timeout = Float(0.0, min=0.0, help="Seconds that an action may run. 0: no limit.").tag(config=True)
    max_output = Int(8_000, min=200, help="Characters of an action's output that the model is told.").tag(config=True)
    summary = Bool(True, help="Tell the model the names, types and shapes of your variables.").tag(config=True)
    max_summary = Int(4_000, min=0, help="Characters of that summary.").tag(config=True)
    vision = Bool(False, help="Send figures to the model as images.").tag(config=True)
    save_folder = Unicode("codeact-sessions", help="Where sessions are saved. Empty: nowhere.").tag(config=True)
    save_cells = Bool(True, help="Save your own cells with a session, so that it can be run again.").tag(config=True)
    local_model = Unicode("qwen2.5-coder-1.5b", help="The local model's name.").tag(config=True)

    def __init__(self, shell: Any, **kwargs: Any) -> None:
        super().__init__(shell, **kwargs)
        self._parts = _Parts()
        self._busy = False
        self._executor = ShellExecutor(shell, secrets=self.secrets)
        self._read_environment()

    # -- %%codeact -----------------------------------------------------------------------------------------------------

    @no_var_expand
    @cell_magic("codeact")
    @magic_arguments("%codeact")
    @argument("--model", "-m", help="The model's name.")
    @argument("--base-url", "-u", help="The endpoint's address, which mostly ends in /v1.")
    @argument("--api-key-env", help="The environment variable that holds the key (never the key itself).")
    @argument("--max-steps", "-n", type=int, help="Steps that this turn may take.")
    @argument("--approve", "-a", choices=MODES, help="ask: before every action; risky: before risky ones; auto: never.")
    @argument("--thread", "-t", help="The conversation to go on with; a new name begins one.")
    @argument("--new", action="store_true", help="Begin the conversation afresh, in a new session file.")
    @argument("--into", help="The name of a variable that the answer is bound to.")
    @argument("--format", "-f", choices=FORMATS, help="How the model is asked to write actions.")
    @argument("--no-context", action="store_true", help="Do not tell the model about your variables.")
    @argument("--max-tokens", type=int, help="Tokens of one reply.")
    @argument("--temperature", type=float, help="Sampling temperature.")
    @argument("--timeout", type=float, help="Seconds of silence after which the endpoint is given up.")
    @argument("--action-timeout", type=float, help="Seconds that an action may run.")
    @argument("--vision", action="store_true", default=None, help="Send figures to the model as images.")
    def codeact(self, line: str, cell: str) -> None:
        """Give the text of the cell to a model, which answers, and acts by running Python code in this kernel.

        Each action is shown, and run only when you approve it. The text is taken to the letter.
        """
        if self._busy:
            raise UsageError("A %%codeact cell is running already, and cannot run another inside itself.")
        options = self._options(line)
        prompt = storable(cell.strip("\n"))
        if not prompt.strip():
            raise UsageError("The cell has no prompt. Write what you want below the %%codeact line.")
        _check_name(options["into"])
        self._busy = True
        try:
            turn = self._take(options, prompt)
        finally:
            self._busy = False
        if options["into"]:
            self.shell.user_ns[options["into"]] = turn.answer

    def _take(self, options: dict[str, Any], prompt: str) -> Turn:
        """Take the prompt to its answer, and tell how it went; what a turn ends with is raised."""
        view = self._view()
        gate = Gate(
            options["approve"],
            ask=control.asker(self.shell),
            edit=control.editor(self.shell),
            tell=view.tell,
            listing=view.listing,
            names=self._executor.user_names,
        )
        model = self._model(options, view)
        conversation = self._conversation(options["thread"], prompt, new=options["new"], view=view)
        agent = self._agent(conversation, model, gate, view, options)
        format = "fence" if options["format"] == "auto" else options["format"]
        try:
            return agent.run(mask(prompt, self.secrets()), format=format, summarize=not options["no_context"])
        finally:
            conversation.session = agent.session
            self._wind_up(conversation, view)

    def _agent(
        self, conversation: Conversation, model: OpenAIModel, gate: Gate, view: Any, options: dict[str, Any]
    ) -> Agent:
        executor = self._executor
        executor.timeout, executor.limit = options["action_timeout"], self.max_summary
        executor.keep_cells, executor.conversation = self.save_cells, conversation.session.id
        limits = Limits(
            steps=options["max_steps"],
            tokens=self.max_tokens_per_turn,
            repeats=self.max_repeats,
            output=self.max_output,
            context=self.context_tokens or self._local_context(model),
        )
        keep = conversation.saver.save if conversation.saver else _keep_nothing
        return Agent(
            conversation.session, model, gate, executor, view=view, keep=keep, limits=limits, vision=options["vision"]
        )

    def _wind_up(self, conversation: Conversation, view: Any) -> None:
        """Wait for the session to be saved, and sum the turn up in a line."""
        saved = bool(conversation.saver and conversation.saver.flush(FLUSH))
        turn = conversation.session.turns[-1]
        if not turn.steps:
            return
        count = len(turn.steps)
        parts = [f"{count} step{'s' if count > 1 else ''}", tokens(turn.usage), f"{turn.seconds:.1f} s"]
        if turn.outcome == "answered" and turn.note:
            parts.insert(0, turn.note)
        if saved:
            parts.append(f"saved in {_near(conversation.path)}")
        view.tell(" · ".join(parts))

    # -- options -------------------------------------------------------------------------------------------------------

    def _options(self, line: str) -> dict[str, Any]:
        """Return every option's value: that of the line, else the trait's."""
        try:
            given = vars(parse_argstring(self.codeact, line))
        except (IPythonUsageError, argparse.ArgumentError, ValueError) as error:
            raise UsageError(f"{one_line(error)}. %%codeact? lists the options") from None
        options: dict[str, Any] = {"no_context": given.pop("no_context") or not self.summary}
        for name, value in given.items():
            if name in ("new", "into"):
                options[name] = value
            else:
                options[name] = getattr(self, name) if value is None else self._checked(name, value)
        return options

    def _checked(self, name: str, value: Any) -> Any:
        trait = self.traits()[name]
        try:
            return trait._validate(self, value)  # what an assignment would check, without assigning
        except TraitError as error:
            raise UsageError(f"--{name.replace('_', '-')}: {one_line(error)}") from None

    def _read_environment(self) -> None:
        """Set from CODEACT_<NAME> what neither a configuration file nor a command line has set."""
        configured = self.config.get("CodeAct", {})
        for name, trait in self.traits(config=True).items():
            variable = f"CODEACT_{name.upper()}"
            if variable not in os.environ or name in configured:
                continue
            try:
                setattr(self, name, trait.from_string(os.environ[variable]))
            except (TraitError, ValueError) as error:
                raise UsageError(f"The environment variable {variable} does not fit: {one_line(error)}") from None

    # -- the parts -----------------------------------------------------------------------------------------------------

    def _view(self) -> Any:
        return NotebookView(self._publish) if control.in_kernel(self.shell) else TerminalView()

    def _publish(self, data: dict[str, Any], metadata: dict[str, Any], display_id: str | None, update: bool) -> None:
        transient = {"display_id": display_id} if display_id else {}
        self.shell.display_pub.publish(data=data, metadata=metadata, transient=transient, update=update)

    def _base_url(self, given: str | None) -> str:
        url = given or self.base_url or os.environ.get("OPENAI_BASE_URL", "")
        return url or (OPENAI if os.environ.get(self.api_key_env) else "")

    def _model(self, options: dict[str, Any], view: Any) -> OpenAIModel:
        url = self._base_url(options["base_url"])
        key_name = options["api_key_env"]
        if url:
            _check_url(url)
        else:
            url, options["model"], key_name = *self._local_endpoint(view), ""
        settings = Settings(
            base_url=url,
            model=options["model"],
            key=os.environ.get(key_name, "") if key_name else "",
            key_name=key_name,
            temperature=options["temperature"],
            max_tokens=options["max_tokens"],
            timeout=options["timeout"],
            retries=self.retries,
        )
        if not settings.model:
            settings = self._with_only_model(settings)
        return self._parts.models.setdefault(settings, OpenAIModel(settings))

    def _with_only_model(self, settings: Settings) -> Settings:
        if settings.base_url not in self._parts.names:
            offered = OpenAIModel(settings).models()
            if len(offered) != 1:
                some = ", ".join(offered[:5]) + (", ..." if len(offered) > 5 else "")
                raise UsageError(
                    f"{public_url(settings.base_url)} offers {len(offered)} models ({some or 'none'}). Choose one with "
                    "--model or %config CodeAct.model = ...; %codeact models lists them"
                )
            self._parts.names[settings.base_url] = offered[0]
        return replace(settings, model=self._parts.names[settings.base_url])

    def _local_endpoint(self, view: Any) -> tuple[str, str]:
        """Return address and name of the local model's server, started where it has been fetched."""
        from . import local

        if local.running() is None:
            if local.find(self.local_model) is None:
                raise UsageError(NO_ENDPOINT)
            view.tell(LOCAL_LINE.format(name=self.local_model))
        server = self.start_local()
        return server.base_url, server.model

    def _local_context(self, model: OpenAIModel) -> int:
        from . import local

        server = local.running()
        return 7_000 if server is not None and model.settings.base_url == server.base_url else 0

    def _conversation(self, thread: str, prompt: str, *, new: bool, view: Any) -> Conversation:
        threads = self._parts.threads
        if new or thread not in threads:
            threads[thread] = self._begun(thread, prompt, view)
        return threads[thread]

    def _begun(self, thread: str, prompt: str, view: Any) -> Conversation:
        now = datetime.now().astimezone()
        session = Session(id=uuid.uuid4().hex, thread=thread, started=now.isoformat(timespec="seconds"))
        if not self.save_folder:
            return Conversation(session)
        from .notebook import Saver, session_path

        folder = Path(self.save_folder).expanduser()
        path = session_path(folder.absolute(), now, mask(prompt, self.secrets()))
        saver = Saver(path, secrets=self.secrets, on_failure=view.tell)
        return Conversation(replace(session, home=_way_back(folder.absolute())), saver)

    # -- %codeact ------------------------------------------------------------------------------------------------------

    @no_var_expand
    @line_magic("codeact")
    def command(self, line: str) -> None:
        """Show how the agent stands, and manage it: `%codeact help` lists what there is."""
        from .commands import run

        run(self, line)

    @property
    def conversations(self) -> dict[str, Conversation]:
        """The threads by name."""
        return self._parts.threads

    def endpoint_line(self) -> str:
        """Return where prompts go, as it may be shown."""
        url = self._base_url(None)
        return public_url(url) if url else f"none; the local model {self.local_model} where it has been fetched"

    def offered(self, base_url: str | None) -> list[str]:
        """Return the names of the models that the endpoint offers."""
        options = self._options("--model ?")
        return self._model(options | {"base_url": base_url or self.base_url}, self._view()).models()

    def start_local(self, path: str | None = None) -> Any:
        """Start the local model's server, where it is not running, and return it."""
        from . import local

        return local.running() or local.start(self.local_model, path=path, tick=_Waiting("the local model is loading"))

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be shown, saved or sent: the key, other keys in the environment, a URL's password."""
        named = {value for name, value in os.environ.items() if name.endswith("_API_KEY") and len(value) >= 16}
        key = os.environ.get(self.api_key_env, "")
        password = urlsplit(self._base_url(None)).password or ""
        return tuple(secret for secret in {key, password, *named} if len(secret) >= 8)

    def close(self) -> None:
        """Save what is not yet saved, and end the local model's server."""
        for conversation in self._parts.threads.values():
            if conversation.saver:
                conversation.saver.flush(FLUSH)
                conversation.saver.close()
        if "codeact_magic.local" in sys.modules:
            from . import local

            local.stop()


class _Waiting:
    """Tells once a second that something takes its time, on one line that is then taken away."""

    def __init__(self, what: str) -> None:
        self.what, self.told = what, 0

    def __call__(self, seconds: float) -> None:
        if int(seconds) > self.told:
            self.told = int(seconds)
            print(f"\r{self.what} ... {self.told} s", end="", file=sys.stderr, flush=True)


def _keep_nothing(session: Session) -> None:
    """Where sessions are not saved."""


def _check_name(name: str | None) -> None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise UsageError(f"--into: {one_line(name)} cannot be the name of a variable.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        shown = one_line(public_url(url))
        raise UsageError(f"{shown} is no address of an endpoint. It looks like http://localhost:8000/v1")


def _way_back(folder: Path) -> str:
    """Return the way from a session's folder to the working directory, empty where they lie on different drives."""
    try:
        return Path(os.path.relpath(Path.cwd(), folder)).as_posix()
    except (ValueError, OSError):
        return ""


def _near(path: Path | None) -> str:
    """Return `path` as it is seen from the working directory."""
    assert path is not None
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def load(shell: Any) -> None:
    """Register the magics with `shell`."""
    shell.register_magics(CodeAct(shell))


def unload(shell: Any) -> None:
    """Take the magics, their configuration and what they started away again."""
    registry = shell.magics_manager.registry
    magics = registry.pop("CodeAct", None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("codeact", None)
    if magics is not None:
        magics.close()
        shell.configurables[:] = [one for one in shell.configurables if one is not magics]
