"""The verbs of ``warmscaler simulate``: each is one function call; exit 0 fine, 1 found a problem, 2 wrong use.

What a verb needs is imported when it runs: ``--help`` and ``hpa`` wait for none of numpy, numba and plotly.
"""
# ruff: noqa: PLC0415, PLR0913 - imports as above; each argument of a verb is an option

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulations.verbs.options import (
    Asked,
    Config,
    Engine,
    EngineName,
    Format,
    Html,
    Manifests,
    Output,
    PrintAs,
    Seeds,
    Settings,
    Until,
)

if TYPE_CHECKING:
    from simulations.scenario import Scenario
    from simulations.verbs.studies import Way

FOUND_A_PROBLEM: Final = 1
WRONG_USE: Final = 2
EXTRAS: Final = {
    "numpy": "simulate",
    "plotly": "simulate",
    "joblib": "simulate",
    "pyarrow": "parquet",
    "dask": "many",
    "distributed": "many",
}
"""What a plain install lacks, and the extra that brings it."""

app = typer.Typer(name="simulate", help="Ask what would happen, offline.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def simulate() -> None:
    """Ask what would happen, offline: the same policy, the same KEDA, the same HPA, in a world of your traces."""


@app.command(epilog="Example: warmscaler simulate run burst-from-zero --html report.html")
def run(
    scenario: Asked,
    *,
    manifests: Manifests = None,
    config: Config = None,
    trace_format: Format = None,
    settings: Settings = None,
    seeds: Seeds = None,
    engine: Engine = EngineName.FAST,
    until: Until = None,
    output: PrintAs = Output.TABLE,
    html: Html = None,
) -> None:
    """Simulate a scenario, beside the policies that it names; or a trace alone, such as a CSV of timestamps."""
    with _complaining():
        opened = _opened(
            scenario,
            trace_format=trace_format,
            manifests=manifests,
            config=config,
            settings=settings,
            until=until,
        )
        from simulations.verbs.printing import show
        from simulations.verbs.studies import studied

        show(studied(opened, opened.policies, _way(seeds, engine, html)), output, html)


@app.command(epilog="Example: warmscaler simulate compare burst-from-zero --policies keda-poll pool-auto mine.yaml")
def compare(
    scenario: Asked,
    more: Annotated[list[str] | None, typer.Argument(metavar="[POLICY]...", help="More policies.")] = None,
    *,
    policies: Annotated[
        list[str],
        typer.Option(
            metavar="POLICY...", help="Policies to compare with: files, or names of `simulate list policies`."
        ),
    ],
    manifests: Manifests = None,
    config: Config = None,
    trace_format: Format = None,
    settings: Settings = None,
    seeds: Seeds = None,
    engine: Engine = EngineName.FAST,
    until: Until = None,
    output: PrintAs = Output.TABLE,
    html: Html = None,
) -> None:
    """Simulate a scenario beside other policies, with the same requests: a policy says what differs of the scenario."""
    with _complaining():
        opened = _opened(
            scenario,
            trace_format=trace_format,
            manifests=manifests,
            config=config,
            settings=settings,
            until=until,
        )
        from simulations.scenario import laid_over
        from simulations.verbs.printing import show
        from simulations.verbs.studies import studied

        others = {each.name: each for each in (laid_over(opened, policy) for policy in [*policies, *(more or [])])}
        show(studied(opened, others, _way(seeds, engine, html)), output, html)


@app.command(name="list", epilog="Example: warmscaler simulate list policies")
def names(
    what: Annotated[str, typer.Argument(help="scenarios, policies, or keys for --set and --vary.")] = "scenarios",
    *,
    output: PrintAs = Output.TABLE,
) -> None:
    """List what there is: shipped scenarios with their questions, policies, or the keys that can be changed."""
    with _complaining():
        from simulations.verbs.listing import show_list

        show_list(what, output)


@app.command(epilog="Example: warmscaler simulate show tidal-vehicle-tracking > mine.yaml")
def show(
    scenario: Annotated[str, typer.Argument(help="The name of a shipped scenario, or `schema`.", show_default=False)],
) -> None:
    """Print a shipped scenario to start from, or the JSON Schema of scenarios for an editor."""
    with _complaining():
        from simulations.verbs.listing import text_of

        sys.stdout.write(text_of(scenario))


@app.command(epilog="Example: warmscaler simulate hpa recorded.jsonl.gz -o json")
def hpa(
    file: Annotated[Path, typer.Argument(help="JSON, or one JSON row a line; .gz too.", show_default=False)],
    output: Annotated[Output, typer.Option("--output", "-o", help="table or json.")] = Output.TABLE,
) -> None:
    """Compare recorded decisions of real HPA controllers with the model's.

    Prints how many rows agree and each that does not. Exit 1 if one does not agree, 2 if the file is not of the schema.
    """
    from simulations.verbs.decisions import compared

    with _complaining():
        agrees = compared(file, output)
    raise typer.Exit(0 if agrees else FOUND_A_PROBLEM)


def _opened(
    name: str,
    *,
    trace_format: str | None,
    manifests: Path | None,
    config: Path | None,
    settings: list[str] | None,
    until: str | None,
) -> "Scenario":
    """Return the scenario that is meant, and say on standard error what a person should know of it."""
    from simulations.verbs.opening import Asked, opened, remarks

    asked = Asked(
        name=name,
        trace_format=trace_format,
        manifests=manifests,
        config=config,
        settings=settings or (),
        until=until,
    )
    scenario = opened(asked)
    for remark in remarks(scenario):
        typer.echo(remark, err=True)
    return scenario


def _way(seeds: int | None, engine: EngineName, html: Path | None) -> "Way":
    from simulations.run import Engine as Engines
    from simulations.verbs.studies import SEEDS, Way

    command = (
        shlex.join(["warmscaler", "simulate", *sys.argv[sys.argv.index("simulate") + 1 :]])
        if ("simulate" in sys.argv)
        else ""
    )
    return Way(seeds=seeds or SEEDS, engine=Engines(engine), timeline=html is not None, command=command)


@contextmanager
def _complaining() -> Iterator[None]:
    """Say in one line what is wrong, also that an extra is not installed; and end with 2."""
    from scaler.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        typer.echo(f"error: {error.name} is not installed: pip install 'warmscaler[{extra}]'", err=True)
        raise typer.Exit(WRONG_USE) from None


if __name__ == "__main__":
    app()
