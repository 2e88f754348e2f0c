"""Bars made of letters: numbers over time, newest on the right, one row of text or several. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """What a cell is drawn with: nine fillings from nothing to all, and a shade for what is only wanted."""

    fillings: str
    shade: str


BLOCKS: Final = Ink(fillings=" ▁▂▃▄▅▆▇█", shade="░")
ASCII: Final = Ink(fillings="  ..::||#", shade="-")

FULL: Final = 8


def bars(values: Sequence[float], height: int, top: float, ink: Ink = BLOCKS) -> list[str]:
    """Draw ``values`` as rows from the top down; ``top`` fills the height, and what is above zero is never nothing."""
    levels = [_level(value, height, top) for value in values]
    return [_row(levels, row, ink) for row in reversed(range(height))]


def filled(
    values: Sequence[float], wanted: Sequence[float], height: int, top: float, ink: Ink = BLOCKS
) -> list[tuple[str, str]]:
    """Draw ``values`` and, shaded above them, what is ``wanted``; each row as two layers of which one cell is blank."""
    levels = [_level(value, height, top) for value in values]
    goals = [_level(value, height, top) for value in wanted]
    rows = []
    for row in reversed(range(height)):
        solid = _row(levels, row, ink)
        missing = [_filling(goal, row) > 0 and cell == " " for goal, cell in zip(goals, solid, strict=True)]
        rows.append((solid, "".join(ink.shade if each else " " for each in missing)))
    return rows


def _level(value: float, height: int, top: float) -> int:
    """Return how many eighths of a cell a value is high."""
    if value <= 0.0:
        return 0
    return max(1, min(FULL * height, round(FULL * height * value / top)))


def _row(levels: Iterable[int], row: int, ink: Ink) -> str:
    return "".join(ink.fillings[_filling(level, row)] for level in levels)


def _filling(level: int, row: int) -> int:
    return max(0, min(FULL, level - FULL * row))


def columns(samples: Sequence[T], width: int, each: int, sum_up: Callable[[Sequence[T]], T], blank: T) -> list[T]:
    """Sum up the newest samples in ``width`` columns of ``each``; a column never changes what it is a column of."""
    first = len(samples) // each - width + (1 if len(samples) % each else 0)
    starts = range(first * each, (first + width) * each, each)
    return [sum_up(samples[start : start + each]) if start >= 0 else blank for start in starts]
