"""How a verb prints what it found: as a table for people, as JSON or YAML for programs.

On a terminal a table has its width and, unless ``NO_COLOR`` is set, a bold head; elsewhere no line is broken, and
nothing but the text is written.
"""

# ruff: noqa: PLC0415 - the command line needs the choices at once, and the printers for those who print

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import RenderableType

UNBROKEN: Final = 10_000  # columns: wider than any line


class Output(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def show_data(data: object, output: Output) -> None:
    """Print plain values for a program; any text a program could not read is escaped."""
    match output:
        case Output.YAML:
            import yaml

            text = yaml.safe_dump(data, sort_keys=False, allow_unicode=False, width=UNBROKEN)
        case _:
            text = json.dumps(data, indent=2)
    sys.stdout.write(text.rstrip("\n") + "\n")


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print rows for a person, under a head and after a title, if there are any."""
    from rich.table import Table
    from rich.text import Text

    bold = "" if os.environ.get("NO_COLOR") else "bold"
    table = Table(box=None, pad_edge=False, show_header=bool(head), header_style=bold)
    for index, name in enumerate(head or [""] * max(map(len, rows), default=0)):
        table.add_column(name, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    show_text(title)
    _show(table)


def show_text(text: str) -> None:
    """Print a paragraph for a person."""
    from rich.text import Text

    if text:
        _show(Text(_printable(text)))


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def _show(thing: "RenderableType") -> None:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else UNBROKEN, highlight=False)
    with console.capture() as printed:
        console.print(thing)
    lines = printed.get().splitlines()
    sys.stdout.write("".join(f"{line if terminal else line.rstrip()}\n" for line in lines))


def _printable(text: str) -> str:
    """Keep a text of others from steering the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)
