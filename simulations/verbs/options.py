"""The options that verbs share, as the command line declares them; nothing is imported here that takes time."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    YAML = "yaml"


class BackendName(StrEnum):
    """Where the runs of a sweep are."""

    LOKY = "loky"
    DASK = "dask"
    RAY = "ray"


class EngineName(StrEnum):
    """Which engine simulates; the results are the same."""

    FAST = "fast"
    REFERENCE = "reference"


Asked = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO|TRACE",
        help="A scenario's file, the name of a shipped one, or a trace alone: a CSV of timestamps will do.",
        show_default=False,
    ),
]
Manifests = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|DIR", help="Beside a trace: your ScaledObject or ScaledJob, with its Deployment and HPA."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Beside a trace: the configuration, or its ConfigMap, with your pools."),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Of a trace, if it is not recognised: see `simulate list formats`."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of every function or pool: service=1s, target=5, pool.size=2. May be repeated.",
    ),
]
Seeds = Annotated[
    int | None,
    typer.Option(min=1, max=10_000, metavar="N", help="How many runs of each case, each with its own chance."),
]
Engine = Annotated[EngineName, typer.Option(help="Two programs with one result: the quick one, or the readable one.")]
PrintAs = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the whole report, with its pictures, there.")]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Simulate only so long, such as 2h, instead of the duration.")
]
