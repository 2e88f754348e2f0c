"""The command ``warmscaler``: one verb, one function call.

What a verb needs is imported when it runs: ``--help`` and the simulator do not wait for gRPC and brokers' libraries.
"""
# ruff: noqa: PLC0415, ANN401 - typer keeps the types of its own click to itself

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from scaler.errors import ConfigError, ScalerError
from scaler.verbs.options import (
    ConfigPlace,
    Kubeconfig,
    LeastLevel,
    Level,
    Pages,
    PrintAs,
    RecordFolder,
    RecordLimit,
    StateFolder,
)
from scaler.verbs.output import Output

FOUND_A_PROBLEM: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130


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
    config: ConfigPlace = None,
    state: StateFolder = None,
    secrets: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where connections find folders with credentials, such as mounted Secrets.",
            show_default="/etc/warmscaler/secrets",
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    listen: Annotated[
        str | None, typer.Option(metavar="ADDR:PORT", help="Where KEDA calls.", show_default="0.0.0.0:6000")
    ] = None,
    http: Pages = None,
    pool: Annotated[
        bool,
        typer.Option("--pool", help="Keep the pools, too, while this replica leads; needs the Kubernetes API."),
    ] = False,
    dev: Annotated[bool, typer.Option("--dev", help="Try it here: loopback only, both ways; logs for people.")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate chain, PEM; re-read when it changes.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    tls_client_ca: Annotated[Path | None, typer.Option(help="Clients must show a certificate of this CA, PEM.")] = None,
    record: RecordFolder = None,
    record_limit: RecordLimit = "256Mi",
    log_level: LeastLevel = Level.INFO,
) -> None:
    """Serve KEDA until SIGTERM."""
    from scaler.config.source import place_named
    from scaler.net.loopback import on_loopback
    from scaler.observe.logs import set_up_logs
    from scaler.recording.files import place_of
    from scaler.rpc.server import Listen
    from scaler.rpc.tls import from_paths
    from scaler.service import SECRETS, Settings
    from scaler.service import serve as serve_until_told

    host = "127.0.0.1" if dev else "0.0.0.0"  # noqa: S104 - a pod is reached from outside
    addresses = listen or f"{host}:6000", http or f"{host}:8080"
    if dev and not all(on_loopback(address) for address in addresses):
        raise ConfigError(["--dev listens on loopback only: leave out --listen and --http, or name 127.0.0.1"])
    set_up_logs(people=dev, level=log_level)
    tls = from_paths(tls_cert, tls_key, tls_client_ca)
    settings = Settings(
        listen=Listen(address=addresses[0], tls=tls),
        http=addresses[1],
        config=place_named(config),
        state=state,
        secrets=secrets or SECRETS,
        kubeconfig=kubeconfig,
        dev=dev,
        pool=pool,
        record=place_of(record, record_limit),
    )
    asyncio.run(serve_until_told(settings))


@app.command(epilog="Example: warmscaler pool --config configmap:warmscaler/warmscaler --scaler warmscaler:6000")
def pool(  # noqa: PLR0913 - each one is an option
    *,
    scaler: Annotated[str, typer.Option(metavar="HOST:PORT", help="The scaler to ask, as KEDA does.")],
    config: ConfigPlace = None,
    state: StateFolder = None,
    kubeconfig: Kubeconfig = None,
    http: Pages = None,
    lease: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The Lease to lead by. A pool of another scaler needs its own, and namespaces of its own.",
            show_default="warmscaler-pool",
        ),
    ] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Try it here: pages on loopback only; logs for people.")] = False,
    tls_ca: Annotated[Path | None, typer.Option(help="The CA of the scaler's certificate, PEM; makes it TLS.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate for it, PEM; needs --tls-ca.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    log_level: LeastLevel = Level.INFO,
) -> None:
    """Keep warm pods beside a scaler elsewhere, until SIGTERM. Of several such processes, one leads."""
    from scaler.config.source import place_named
    from scaler.net.loopback import on_loopback
    from scaler.observe.logs import set_up_logs
    from scaler.pooling import lease_named
    from scaler.rpc.asking import from_paths
    from scaler.service import PoolSettings, keep_pools

    address = http or f"{'127.0.0.1' if dev else '0.0.0.0'}:8080"  # noqa: S104 - a pod is reached from outside
    if dev and not on_loopback(address):
        raise ConfigError(["--dev listens on loopback only: leave out --http, or name 127.0.0.1"])
    set_up_logs(people=dev, level=log_level)
    settings = PoolSettings(
        scaler=scaler,
        tls=from_paths(tls_ca, tls_cert, tls_key),
        http=address,
        lease=lease_named(lease),
        config=place_named(config),
        state=state,
        kubeconfig=kubeconfig,
        dev=dev,
    )
    asyncio.run(keep_pools(settings))


@app.command(epilog="Example: warmscaler demo --headless --duration 30s --outage 5s+20s -o json")
def demo(  # noqa: PLR0913 - each one is an option
    *,
    source: Annotated[str, typer.Option(help="Where events wait: nats (a real server of its own) or memory.")] = "nats",
    seed: Annotated[int, typer.Option(help="The same seed, the same arrivals.")] = 1,
    speed: Annotated[
        str, typer.Option(help="Times faster: arrivals, pods, polls, HPA. The scaler, the broker and RPCs stay real.")
    ] = "1x",
    compare: Annotated[str, typer.Option(help="What runs beside it on the same arrivals: poll or none.")] = "poll",
    pool: Annotated[int, typer.Option(help="Warm pods of a lane that has some, 0 to 10; 0 is no such lane.")] = 2,
    duration: Annotated[
        str | None, typer.Option(help="When to stop, like 2m; what waits for a first replica then is still awaited.")
    ] = None,
    outage: Annotated[str | None, typer.Option(help="START+LENGTH: kill the broker then, for so long.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Show only the result (after 30s by default).")] = False,
    output: PrintAs = Output.TABLE,
) -> None:
    """Watch the whole loop on this machine, from nothing: real scaler, real broker, KEDA, HPA and pods beside it.

    A latency is the time from an event's publication to its first replica,
    with a pool to its first Ready pod. The key p stops the pool, + and - size it.
    With --speed, simulated waiting (for a poll) counts in the demo's time,
    and real work (a push) in the wall's. What arrives while the broker is
    down is published afterwards, and counts as recovery, not as latency.

    Exit 1 if an outage brought replicas down, if the pool had more pods than
    its size and surge or deleted one that served, or if the replicas at the
    end are not those that the pure model of KEDA and the HPA arrives at.
    """
    from simulations.demo.main import demo as play
    from simulations.demo.options import Words

    words = Words(
        source=source,
        seed=seed,
        speed=speed,
        compare=compare,
        pool=pool,
        duration=duration,
        outage=outage,
        headless=headless,
        output=output,
    )
    raise typer.Exit(play(words))


@app.command(epilog="Example: warmscaler probe redis address=127.0.0.1:6379 listName=jobs")
def probe(
    kind: Annotated[str, typer.Argument(help="What to read, such as kafka.", show_default=False)],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="What a trigger's metadata would say.", show_default=False),
    ] = None,
    *,
    loopback: Annotated[bool, typer.Option(help="Whether the source may be on this machine.")] = True,
    output: PrintAs = Output.TABLE,
) -> None:
    """Take one reading as the service would, and tell how long it took. Exit 1 if the source cannot be read."""
    from scaler.net.egress import Egress
    from scaler.observe.logs import set_up_logs
    from scaler.probes.registry import installed
    from scaler.verbs import probe as verb

    set_up_logs(people=True, level="error")
    probed = asyncio.run(verb.probe(kind, pairs or [], installed(), Egress(loopback=loopback), os.environ))
    verb.show(probed, output)
    raise typer.Exit(FOUND_A_PROBLEM if probed.outage else 0)


@app.command(epilog="Example: warmscaler explain kafka")
def explain(
    topic: Annotated[
        str | None, typer.Argument(help="A kind, or a key of a trigger or of the configuration.", show_default=False)
    ] = None,
    *,
    output: PrintAs = Output.TABLE,
) -> None:
    """Tell what a kind's triggers may say, or what a key means; without a topic, list what there is."""
    from scaler.probes.registry import installed
    from scaler.verbs import explain as verb

    known = verb.topics(installed())
    if topic is None:
        verb.show_overview(known, output)
    else:
        verb.show_topics(verb.explained(topic, known), output)


@app.command(epilog="Example: warmscaler lint deploy/ --config config.yaml")
def lint(
    files: Annotated[
        list[Path], typer.Argument(help="YAML files, folders, or - for standard input.", show_default=False)
    ],
    *,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The configuration whose defaults and connections triggers build on."),
    ] = None,
    output: PrintAs = Output.TABLE,
) -> None:
    """Check triggers of scaled objects, and configurations, without a cluster. Exit 1 if there is any problem."""
    from scaler.probes.registry import installed
    from scaler.verbs import lint as verb

    report = verb.lint(files, config, installed().kinds)
    verb.show(report, output)
    raise typer.Exit(FOUND_A_PROBLEM if report.problems else 0)


@app.command(epilog="Example: warmscaler schema > warmscaler.schema.json")
def schema(*, output: Annotated[Output, typer.Option("--output", "-o", help="json or yaml.")] = Output.JSON) -> None:
    """Print the JSON Schema of the configuration document, for an editor."""
    from scaler.config.schema import schema as described
    from scaler.probes.registry import installed
    from scaler.verbs.output import show_data

    if output is Output.TABLE:
        raise ConfigError(["a schema is no table: say -o json or -o yaml"])
    show_data(described(installed().kinds), output)


def main() -> NoReturn:
    """Run the command line: exit 0 fine, 1 a problem was found, 2 wrong use, and never a traceback for a mistake."""
    try:
        code = app(prog_name="warmscaler", standalone_mode=False) or 0
        sys.stdout.flush()
        sys.exit(code)
    except ScalerError as error:
        _complain(str(error))
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or its flush at the end would fail again
        sys.exit(FOUND_A_PROBLEM)  # as typer does where it notices first
    except TyperException as error:
        _complain(_said(error), getattr(error, "ctx", None))


def _said(error: TyperException) -> str:
    """Say what is wrong with a command line; with an empty one it is its help, which belongs elsewhere."""
    said = str(getattr(error, "format_message", error.__str__)()).replace("Value error, ", "")
    if type(error).__name__ != "NoArgsIsHelpError":
        return said
    typer.echo(said)
    return "a verb is missing"


def _complain(message: str, context: typer.Context | None = None) -> NoReturn:
    """Say what is wrong in one line, with the way to help."""
    path = context.command_path if context is not None else _path()
    typer.echo(f"warmscaler: {' '.join(message.split())} (try: {path} --help)", err=True)
    sys.exit(WRONG_USE)


def _path() -> str:
    """Return the command line as far as it is understood."""
    verbs = {each.callback.__name__ for each in app.registered_commands if each.callback is not None}
    return " ".join(["warmscaler", *(each for each in sys.argv[1:2] if each in verbs)])


if __name__ == "__main__":
    main()
