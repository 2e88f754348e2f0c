"""The book of a reading: how many rows there were, which were left out and why, and what a person should know."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scaler.config.text import shown
from simulations.model import Ints
from simulations.traces.model import SHOWN, BadRow

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Which cells of a column are ``good``, and what the others should be."""

    name: str
    texts: Sequence[str]
    good: Mask
    fit: str


class Ledger:
    """Written by the readers of the formats, row by row in the file's order."""

    def __init__(self) -> None:
        self.rows = 0
        self._files = [""]
        self._bad: list[BadRow] = []
        self.bad_rows = 0
        self.notes: list[str] = []
        self._first: tuple[int, str] | None = None
        self._last: tuple[int, str] | None = None

    def begin(self, file: str) -> None:
        """Say of which file the next rows are."""
        self._files.append(file)

    @property
    def bad(self) -> tuple[BadRow, ...]:
        """The first rows that were left out, in the order of files and lines."""
        return tuple(sorted(self._bad, key=lambda row: (self._files.index(row.file), row.line)))

    def refuse(self, line: int, what: str) -> None:
        """Note that a row is left out; ``what`` says what it has and what would be right."""
        self.bad_rows += 1
        if len(self._bad) < SHOWN:
            self._bad.append(BadRow(file=self._files[-1], line=line, what=what))

    def seen(self, lines: Sequence[int], at: Ints, kept: Mask) -> None:
        """Remember where the earliest and the latest of the rows that are kept stand; ``at`` in microseconds."""
        places = np.flatnonzero(kept)
        if not len(places):
            return
        early, late = (places[pick(at[places])] for pick in (np.argmin, np.argmax))
        first, last = ((int(at[each]), f"{self._files[-1]}:{lines[each]}") for each in (early, late))
        self._first = min(self._first or first, first)
        self._last = max(self._last or last, last)

    @property
    def ends(self) -> str:
        """Where the earliest and the latest row stand, for a person; empty where that is not known."""
        if self._first is None or self._last is None:
            return ""
        return f" (the first is {self._first[1]}, the last {self._last[1]})"

    def kept(self, lines: Sequence[int], *checks: Check) -> Mask:
        """Tell which rows pass all ``checks``; of another the first that it fails is noted."""
        kept: Mask = np.logical_and.reduce([check.good for check in checks])
        for place in np.flatnonzero(~kept).tolist():
            failed = next(check for check in checks if not check.good[place])
            self.refuse(lines[place], _unfit(failed, failed.texts[place]))
        return kept

    def note(self, said: str) -> None:
        """Tell the person something about the whole file, once."""
        if said not in self.notes:
            self.notes.append(said)


def _unfit(check: Check, text: str) -> str:
    return f"{check.name} {shown(text)} is not {check.fit}" if text.strip() else f"has no {check.name}"
