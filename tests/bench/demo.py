"""The demo: how long a person waits for the first moving picture."""

import statistics
from typing import Final

from tests.bench.facts import header
from tests.integration.demo.processes import WARMSCALER, marked
from tests.integration.demo.terminal import Terminal

STARTS: Final = 5


def main() -> None:
    """Print the median of a few starts."""
    print(header("demo"))
    seconds = [_first_picture() for _ in range(STARTS)]
    middle, slowest = statistics.median(seconds), max(seconds)
    print(f"command to first picture: median {middle:.1f} s, slowest {slowest:.1f} s of {STARTS} starts")


def _first_picture() -> float:
    with (
        marked() as (environment, _),
        Terminal([*WARMSCALER, "demo"], {**environment, "TERM": "xterm-256color"}, (80, 24)) as terminal,
    ):
        seconds = terminal.shows("backlog")
        terminal.press("q")
        terminal.ended()
        return seconds


if __name__ == "__main__":
    main()
