"""The command ``warmscaler``: one verb, one function call.

What a verb needs is imported when it runs: ``--help`` and the simulator do not wait for gRPC and brokers' libraries.
"""
# ruff: noqa: PLC0415, ANN401 - typer keeps the types of its own click to itself

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from scaler.errors import ConfigError, ScalerError

FOUND_A_PROBLEM: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130
LOOPBACK: Final = ("127.", "localhost:", "[::1]:")


class Verbs(TyperGroup):
    """The verbs; those of the simulator come from it, when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name every verb."""
        return [*super().list_commands(ctx), "simulate"]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a verb."""
        if cmd_name != "simulate":
            return super().get_command(ctx, cmd_name)
        from simulations.cli import app as simulate

        return typer.main.get_command(simulate)


app = typer.Typer(
    name="warmscaler",
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A KEDA external scaler that pushes the moment work arrives and never mistakes an outage for silence.",
)


@app.callback()
def warmscaler() -> None:
    """Take the verb."""


@app.command(epilog="Example: warmscaler serve --dev")
def serve(  # noqa: PLR0913 - each one is an option
    *,
    config: Annotated[Path | None, typer.Option(help="The configuration, a YAML file; followed while serving.")] = None,
    listen: Annotated[str | None, typer.Option(help="Where KEDA calls, host:port.  [default: 0.0.0.0:6000]")] = None,
    http: Annotated[str | None, typer.Option(help="Metrics, status, health.  [default: 0.0.0.0:8080]")] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Try it here: loopback only, both ways; logs for people.")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate chain, PEM; re-read when it changes.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    tls_client_ca: Annotated[Path | None, typer.Option(help="Clients must show a certificate of this CA, PEM.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve KEDA until SIGTERM."""
    from scaler.observe.logs import set_up_logs
    from scaler.rpc.server import Listen
    from scaler.rpc.tls import from_paths
    from scaler.service import Settings
    from scaler.service import serve as serve_until_told

    host = "127.0.0.1" if dev else "0.0.0.0"  # noqa: S104 - a pod is reached from outside
    addresses = listen or f"{host}:6000", http or f"{host}:8080"
    if dev and not all(address.startswith(LOOPBACK) for address in addresses):
        raise ConfigError(["--dev listens on loopback only: leave out --listen and --http, or name 127.0.0.1"])
    set_up_logs(people=dev, level=log_level)
    tls = from_paths(tls_cert, tls_key, tls_client_ca)
    settings = Settings(listen=Listen(address=addresses[0], tls=tls), http=addresses[1], config=config, dev=dev)
    asyncio.run(serve_until_told(settings))


def main() -> NoReturn:
    """Run the command line: exit 0 fine, 1 a problem was found, 2 wrong use, and never a traceback for a mistake."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except ScalerError as error:
        _complain(str(error))
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except TyperException as error:
        if len(sys.argv) == 1:
            sys.exit(WRONG_USE)  # the help was shown
        _complain(getattr(error, "format_message", error.__str__)(), getattr(error, "ctx", None))


def _complain(message: str, context: typer.Context | None = None) -> NoReturn:
    """Say what is wrong in one line, with the way to help."""
    path = context.command_path if context is not None else "warmscaler"
    typer.echo(f"warmscaler: {' '.join(message.split())} (try: {path} --help)", err=True)
    sys.exit(WRONG_USE)


if __name__ == "__main__":
    main()
