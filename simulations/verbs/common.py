"""What the verbs have in common: which scenario, how a study is made, and how a mistake is told.

What takes time to import is imported when it is needed.
"""

# ruff: noqa: PLC0415 - as above

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from simulations.verbs.options import EngineName

if TYPE_CHECKING:
    from simulations.scenario import Scenario
    from simulations.verbs.studies import Way

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
_VERB: Final = "simulate"


def opened_as(  # noqa: PLR0913 - each one is an option
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


def way_of(seeds: int | None, engine: EngineName, html: Path | None) -> "Way":
    """Return how a study is made."""
    from simulations.run import Engine
    from simulations.verbs.studies import SEEDS, Way

    words = sys.argv[sys.argv.index(_VERB) + 1 :] if _VERB in sys.argv else None
    command = shlex.join(["warmscaler", _VERB, *words]) if words is not None else ""
    return Way(seeds=seeds or SEEDS, engine=Engine(engine), timeline=html is not None, command=command)


@contextmanager
def complaining() -> Iterator[None]:
    """Say in one line what is wrong, also that an extra is not installed, and end with 2."""
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
