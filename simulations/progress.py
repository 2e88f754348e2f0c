"""A progress bar for what takes longer than a person likes to wait, on a terminal only."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import TextIO, TypeVar

PATIENCE = 2.0
"""Seconds without a sign of life."""

_Item = TypeVar("_Item")


def watched(items: Sequence[_Item], doing: str, terminal: TextIO | None = None) -> Iterator[_Item]:
    """Yield ``items``; from the third second on a bar on ``terminal`` (standard error) shows how far they are."""
    stream = sys.stderr if terminal is None else terminal
    if not stream.isatty():
        yield from items
        return
    started, quick = monotonic(), 0
    for item in items:
        if monotonic() - started > PATIENCE:
            break
        yield item
        quick += 1
    if quick < len(items):
        yield from _with_a_bar(items, quick, doing, stream)


def _with_a_bar(items: Sequence[_Item], done: int, doing: str, stream: TextIO) -> Iterator[_Item]:
    from rich.console import Console  # noqa: PLC0415 - 80 ms that the quick ones do not pay
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(file=stream), transient=True) as progress:
        bar = progress.add_task(doing, total=len(items), completed=done)
        for item in islice(items, done, None):
            yield item
            progress.advance(bar)
