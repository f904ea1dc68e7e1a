"""The subcommands for models: those that an endpoint offers, and the local one."""

from __future__ import annotations

from ..options import Options
from ..runner import Runner
from ..text import one_line
from .registry import Argument, Arguments, subcommand


@subcommand(Argument("--base-url", "-u", metavar="URL", help="the endpoint's address"))
def models(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the models that the endpoint offers."""
    if arguments.base_url:
        options = Options(**(options.by_name() | {"base_url": arguments.base_url}))
    for name in runner.endpoints.offered(options):
        print(one_line(name))


@subcommand(
    Argument("action", nargs="?", choices=("status", "stop"), help="defaults to fetching and serving the model"),
    Argument("--path", metavar="FILE", help="a model file (.gguf) that you already have"),
)
def local(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Fetch and serve the small local model, show its status, or stop it."""
    from .. import local as local_model

    if arguments.action == "status":
        print(local_model.status())
    elif arguments.action == "stop":
        stopped = local_model.stop()
        print("The local model's server has ended." if stopped else "The local model's server is not running.")
    else:
        server = runner.endpoints.start_local(options, arguments.path)
        print(f"The local model {server.model} answers at {server.base_url}; it is used if no endpoint is set.")
