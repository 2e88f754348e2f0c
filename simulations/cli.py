"""The verbs of ``warmscaler simulate``: each is one function call; exit 0 fine, 1 found a problem, 2 wrong use.

What a verb needs is imported when it runs: ``--help`` and ``hpa`` wait for none of numpy, numba and plotly.
"""
# ruff: noqa: PLC0415, PLR0913 - imports as above; each argument of a verb is an option

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from simulations.verbs.common import complaining, opened_as, way_of
from simulations.verbs.options import (
    Asked,
    BackendName,
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

FOUND_A_PROBLEM: Final = 1

app = typer.Typer(
    name="simulate",
    help="Ask what would happen, offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback()
def simulate() -> None:
    """Ask what would happen, offline: the same policy, the same KEDA, the same HPA, in a world of your traces."""


@app.command(
    short_help="Simulate a scenario, or a trace alone.",
    epilog="Example: warmscaler simulate run burst-from-zero --html report.html",
)
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
    with complaining():
        opened = opened_as(
            scenario,
            trace_format=trace_format,
            manifests=manifests,
            config=config,
            settings=settings,
            until=until,
        )
        from simulations.verbs.printing import show
        from simulations.verbs.studies import studied

        show(studied(opened, opened.policies, way_of(seeds, engine, html)), output, html)


@app.command(
    short_help="The same under other policies.",
    epilog="Example: warmscaler simulate compare burst-from-zero --policies keda-poll pool-auto mine.yaml",
)
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
    with complaining():
        opened = opened_as(
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
        show(studied(opened, others, way_of(seeds, engine, html)), output, html)


@app.command(
    short_help="The same under every combination of values.",
    epilog="Example: warmscaler simulate sweep burst-from-zero --vary pool.size=0..5 cooldownPeriod=30,60,300",
)
def sweep(
    scenario: Asked,
    more: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUES]...", help="More keys to vary.")] = None,
    *,
    vary: Annotated[
        list[str],
        typer.Option(metavar="KEY=VALUES...", help="0..10, 0..100..10 or 30,60,300 of a key of `simulate list keys`."),
    ],
    manifests: Manifests = None,
    config: Config = None,
    trace_format: Format = None,
    settings: Settings = None,
    seeds: Seeds = None,
    engine: Engine = EngineName.FAST,
    until: Until = None,
    backend: Annotated[BackendName, typer.Option(help="Processes of this machine, or a Dask or Ray cluster.")] = (
        BackendName.LOKY
    ),
    address: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Of the cluster's scheduler.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes of this machine; all cores with -1.")] = -1,
    output: PrintAs = Output.TABLE,
    html: Html = None,
) -> None:
    """Simulate every combination of some values, all with the same requests, on all cores."""
    with complaining():
        opened = opened_as(
            scenario,
            trace_format=trace_format,
            manifests=manifests,
            config=config,
            settings=settings,
            until=until,
        )
        from simulations.sweep import Backend, Where
        from simulations.verbs.printing import show
        from simulations.verbs.sweeping import swept

        where = Where(backend=Backend(backend), jobs=jobs, address=address)
        show(swept(opened, [*vary, *(more or [])], way_of(seeds, engine, html), where), output, html)


@app.command(
    short_help="Say how many warm pods to keep.",
    epilog="Example: warmscaler simulate recommend requests.csv --miss-ratio 0.01 --budget 8Gi",
)
def recommend(
    scenario: Asked,
    *,
    miss_ratio: Annotated[
        float, typer.Option(help="The share of replicas wanted at once that may start cold, above 0, at most 0.5.")
    ] = 0.05,
    budget: Annotated[
        str | None, typer.Option(metavar="MEMORY", help="What all warm pods together may request, such as 8Gi.")
    ] = None,
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
    """Say how many warm pods to keep, as a change of the configuration, with reasons and its cost beside today's.

    Exit 1 if no size keeps within the misses that are allowed.
    """
    with complaining():
        opened = opened_as(
            scenario,
            trace_format=trace_format,
            manifests=manifests,
            config=config,
            settings=settings,
            until=until,
        )
        from simulations.verbs.recommending import Wish, recommended

        met = recommended(opened, Wish(miss_ratio=miss_ratio, budget=budget), way_of(seeds, engine, html), output, html)
    raise typer.Exit(0 if met else FOUND_A_PROBLEM)


@app.command(
    short_help="Play a recording of the service back.",
    epilog="Example: warmscaler simulate replay recording/ --policies keda-poll pool-auto --set service=500ms",
)
def replay(
    recording: Annotated[Path, typer.Argument(help="What `warmscaler serve --record` wrote.", show_default=False)],
    more: Annotated[list[str] | None, typer.Argument(metavar="[POLICY]...", help="More policies.")] = None,
    *,
    policies: Annotated[
        list[str] | None, typer.Option(metavar="POLICY...", help="What else: names of `simulate list policies`.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Which objects, as namespace/name. May be repeated.")
    ] = None,
    manifests: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="ScaledObjects in place of the recorded ones.")
    ] = None,
    settings: Settings = None,
    seeds: Seeds = None,
    engine: Engine = EngineName.FAST,
    output: PrintAs = Output.TABLE,
    html: Html = None,
) -> None:
    """Play a recording back: as it was, beside the recorded replicas, and then under other policies."""
    with complaining():
        from simulations.verbs.replaying import Said, played

        said = Said(
            manifests=manifests,
            only=only or (),
            policies=[*(policies or []), *(more or [])],
            settings=settings or (),
        )
        played(recording, said, way_of(seeds, engine, html), output, html)


@app.command(
    short_help="Check the simulator against what is known.",
    epilog="Example: warmscaler simulate validate --hpa recorded.jsonl.gz",
)
def validate(
    *,
    hpa: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Recorded decisions of real HPA controllers, to compare, too.")
    ] = None,
    seeds: Seeds = None,
    engine: Engine = EngineName.FAST,
    output: PrintAs = Output.TABLE,
    html: Html = None,
) -> None:
    """Check the simulator against closed forms, SimFaaS and AWS Lambda. Exit 1 if something is outside its interval."""
    with complaining():
        from simulations.run import Engine as Engines
        from simulations.verbs.validating import validated

        agrees = validated(hpa, seeds, Engines(engine), output, html)
    raise typer.Exit(0 if agrees else FOUND_A_PROBLEM)


@app.command(
    name="list", short_help="Show what there is to choose from.", epilog="Example: warmscaler simulate list policies"
)
def names(
    what: Annotated[
        str, typer.Argument(help="scenarios, policies, keys for --set and --vary, or formats of traces.")
    ] = "scenarios",
    *,
    output: PrintAs = Output.TABLE,
) -> None:
    """List shipped scenarios with their questions, policies, the keys that can be changed, or the formats of traces."""
    with complaining():
        from simulations.verbs.listing import show_list

        show_list(what, output)


@app.command(
    short_help="Print a scenario to start from.",
    epilog="Example: warmscaler simulate show tidal-vehicle-tracking > mine.yaml",
)
def show(
    scenario: Annotated[str, typer.Argument(help="The name of a shipped scenario, or `schema`.", show_default=False)],
) -> None:
    """Print a shipped scenario to start from, or the JSON Schema of scenarios for an editor."""
    with complaining():
        from simulations.verbs.listing import text_of

        sys.stdout.write(text_of(scenario))


@app.command(
    short_help="Compare recorded HPA decisions with ours.",
    epilog="Example: warmscaler simulate hpa recorded.jsonl.gz -o json",
)
def hpa(
    file: Annotated[Path, typer.Argument(help="JSON, or one JSON row a line; .gz too.", show_default=False)],
    output: Annotated[Output, typer.Option("--output", "-o", help="table or json.")] = Output.TABLE,
) -> None:
    """Compare recorded decisions of real HPA controllers with the model's.

    Prints how many rows agree and each that does not. Exit 1 if one does not agree, 2 if the file is not of the schema.
    """
    from simulations.verbs.decisions import compared

    with complaining():
        agrees = compared(file, output)
    raise typer.Exit(0 if agrees else FOUND_A_PROBLEM)


if __name__ == "__main__":
    app()
