"""The verbs of ``warmscaler simulate``: each is one function call; exit 0 fine, 1 found a problem, 2 wrong use."""

import json
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from simulations.cases.reading import Unreadable, read
from simulations.cases.report import Report, compare
from simulations.progress import watched

app = typer.Typer(name="simulate", help="Ask what would happen, offline.", no_args_is_help=True, rich_markup_mode=None)


class Output(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


@app.callback()
def simulate() -> None:
    """Ask what would happen, offline."""


@app.command(epilog="Example: warmscaler simulate hpa recorded.jsonl.gz -o json")
def hpa(
    file: Annotated[Path, typer.Argument(help="JSON, or one JSON row a line; .gz too.", show_default=False)],
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the comparison.")] = Output.TABLE,
) -> None:
    """Compare recorded decisions of real HPA controllers with the model's.

    Prints how many rows agree and each that does not. Exit 1 if one does not agree, 2 if the file is not of the schema.
    """
    try:
        cases = read(file, partial(watched, doing="reading"))
    except Unreadable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    report = compare(watched(cases, doing="comparing"))
    _print(report, output)
    raise typer.Exit(0 if report.agrees else 1)


def _print(report: Report, output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(asdict(report), indent=2))
        return
    typer.echo("\n".join(report.lines()))
    for remark, rows in report.not_compared.items():
        typer.echo(f"not compared: {remark} ({rows} rows)", err=True)


if __name__ == "__main__":
    app()
