"""Options that several verbs have, or that need more room than their verb."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scaler.verbs.output import Output


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


PrintAs = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
ConfigPlace = Annotated[
    str | None,
    typer.Option(metavar="FILE|configmap:NS/NAME", help="The configuration, or the ConfigMap; followed while serving."),
]
StateFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the last good text of a configuration file is kept across restarts."),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="How to reach the Kubernetes API; in a pod its service account does."),
]
Pages = Annotated[
    str | None, typer.Option(metavar="ADDR:PORT", help="Metrics, status, health.", show_default="0.0.0.0:8080")
]
LeastLevel = Annotated[Level, typer.Option(help="The least that is logged.")]
RecordFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write down there what is read, decided and answered, to be replayed."),
]
RecordLimit = Annotated[
    str, typer.Option(metavar="AMOUNT", help="The most that recordings in DIR may have; the oldest are removed.")
]
