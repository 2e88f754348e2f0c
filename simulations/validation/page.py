"""The validation page: every row, what agrees and what does not, as a table, as JSON, as one HTML file."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final

from simulations.cases.reading import read
from simulations.cases.report import Report, compare
from simulations.progress import watched
from simulations.run import Engine
from simulations.validation import platforms, queues, sleeping, stocks
from simulations.validation.rows import WIDEST, Row, Verdict

SEEDS: Final = 10
"""Runs of every case, as many as the references ask for at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Requests of one run of a queue and of a function that sleeps, wake-ups of one run of a stock.

    Where claims wait, waits are rare and long: ``awaited`` wake-ups a run are for these.
    """

    queued: int
    slept: int
    kept: int
    awaited: int


SIZES: Final = {
    Engine.FAST: Sizes(queued=200_000, slept=4_000, kept=1_000, awaited=8_000),
    Engine.REFERENCE: Sizes(queued=5_000, slept=150, kept=400, awaited=400),
}
"""What takes about a minute on one core, of the fast engine where it is compiled.

That is long enough for every row to be decided by the fast engine, and too short for many by the reference.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What came of it; ``hpa`` compares recorded decisions of real HPA controllers, ``None`` where none were given."""

    rows: tuple[Row, ...]
    hpa: Report | None
    seeds: tuple[int, ...]
    engine: Engine

    @property
    def agrees(self) -> bool:
        """Whether nothing is outside, and nothing undecided."""
        return all(row.agrees for row in self.rows) and (self.hpa is None or self.hpa.agrees)

    def lines(self) -> Iterator[str]:
        """Yield the page as a person reads it on a terminal."""
        width = max(len(row.name) for row in self.rows)
        for section, rows in self._sections():
            yield f"{section:<{width}}    {'expected':>22}  {'simulated':>22}"
            for row in rows:
                yield f"  {row.name:<{width}}  {_expected(row):>22}  {_simulated(row):>22}  {row.verdict}"
        if self.hpa is not None:
            yield "HPA"
            yield from (f"  {line}" for line in self.hpa.lines())
        yield self.verdict

    def document(self) -> dict[str, object]:
        """Return the page as JSON has it."""
        return {
            "agrees": self.agrees,
            "engine": self.engine,
            "seeds": list(self.seeds),
            "rows": [{**asdict(row), "agrees": row.agrees, "verdict": row.verdict} for row in self.rows],
            "hpa": None if self.hpa is None else asdict(self.hpa),
        }

    def html(self) -> str:
        """Return the page as one file that needs no other."""
        body = "".join(
            f"<tr><th>{escape(section)}</th><th>expected</th><th>simulated</th><th></th></tr>"
            f"{''.join(map(_cells, rows))}"
            for section, rows in self._sections()
        )
        hpa = "" if self.hpa is None else f"<h2>HPA</h2><pre>{escape(chr(10).join(self.hpa.lines()))}</pre>"
        return _PAGE.format(verdict=escape(self.verdict), body=body, hpa=hpa)

    @property
    def verdict(self) -> str:
        """How many rows agree, in one sentence."""
        agree = sum(row.agrees for row in self.rows)
        told = f"{agree} of {len(self.rows)} rows agree, {len(self.seeds)} seeds, {self.engine} engine"
        undecided = sum(row.verdict is Verdict.UNDECIDED for row in self.rows)
        if undecided:
            told += f"; {undecided} undecided, known no better than to {WIDEST:.0%} by so few requests"
        return told if self.hpa is None else f"{told}; {self.hpa.agree} of {self.hpa.rows} decisions of the HPA"

    def _sections(self) -> Iterator[tuple[str, list[Row]]]:
        for section, rows in groupby(self.rows, key=lambda row: row.section):
            yield section, list(rows)


def validate(
    *, seeds: int = SEEDS, first: int = 0, engine: Engine = Engine.FAST, hpa: Path | None = None
) -> Validation:
    """Run everything with ``seeds`` (at least two) seeds from ``first`` on; a bar says how far it is, on a terminal.

    ``hpa`` names a file of recorded decisions, as ``simulate hpa`` reads them; raises what that raises, and
    ``ValueError`` for fewer seeds.
    """
    if seeds < 2:  # noqa: PLR2004 - of one there is no interval
        raise ValueError("at least two seeds: an interval needs them")
    report = None if hpa is None else compare(read(hpa, partial(watched, doing="reading")))
    chosen = tuple(range(first, first + seeds))
    sizes = SIZES[engine]
    tasks = (
        *platforms.tasks(),
        *queues.tasks(sizes.queued, engine),
        *sleeping.tasks(sizes.slept, engine),
        *stocks.tasks(sizes.kept, sizes.awaited),
    )
    rows = tuple(row for task in watched(tasks, doing="validating") for row in task(chosen))
    return Validation(rows=rows, hpa=report, seeds=chosen, engine=engine)


# -- writing -----------------------------------------------------------------------------------------------------------


def _expected(row: Row) -> str:
    return _within(row.expected, row.margin)


def _simulated(row: Row) -> str:
    return _within(row.simulated.mean, row.simulated.half)


def _within(value: float, half: float | None) -> str:
    """Write a number with four digits that matter, and by how much it may be off: nothing for what is exact."""
    large = value >= 1000  # noqa: PLR2004 - more digits than four
    told = f"{value:,.0f}" if large else f"{value:.4g}"
    return f"{told} ± {half:{',.0f' if large else '.2g'}}" if half else told


def _cells(row: Row) -> str:
    cells = (row.name, _expected(row), _simulated(row), row.verdict)
    style = "" if row.agrees else f" class={row.verdict.lower()}"
    return f"<tr{style}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Validation of the simulator</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #8884; padding: .2rem .5rem; text-align: left; }}
th:nth-child(2), th:nth-child(3), td:nth-child(2), td:nth-child(3) {{
  font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap;
}}
.outside {{ background: #d332; font-weight: bold; }}
.undecided {{ background: #fb03; }}
</style>
<h1>Validation of the simulator</h1>
<p>{verdict}. Expected ± how well it is known, where that is not a closed form; simulated ± half of a
95 % interval over the seeds, which counts twice beside a closed form. A row whose simulated half-width is more than a
tenth of what is expected is undecided.</p>
<table>{body}</table>
{hpa}
</html>
"""
