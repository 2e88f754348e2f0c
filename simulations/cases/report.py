"""What came of comparing many rows: counts for each section, and every row that disagrees."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulations.cases.reading import Case
from simulations.cases.replay import Difference, differences
from simulations.cases.schema import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many rows of a section there are, and how many agree."""

    rows: int
    agree: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A row that the model answers otherwise."""

    id: str
    section: Section
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The comparison of a file; ``not_compared`` counts keys that mean nothing to the model."""

    agrees: bool
    rows: int
    agree: int
    sections: dict[Section, Count]
    disagreements: tuple[Disagreement, ...]
    not_compared: dict[str, int]

    def lines(self) -> Iterator[str]:
        """Yield the report as a person reads it."""
        yield f"{'section':<10} {'rows':>7} {'agree':>7} {'differ':>7}"
        for section, count in self.sections.items():
            yield f"{section:<10} {count.rows:>7} {count.agree:>7} {count.rows - count.agree:>7}"
        for row in self.disagreements:
            for difference in row.differences:
                yield f"{row.id} {_told(difference)}"
        yield f"{self.agree} of {self.rows} rows agree"


def compare(cases: Iterable[Case]) -> Report:
    """Run the model on every row."""
    rows, agree, remarks = Counter[Section](), Counter[Section](), Counter[str]()
    disagreements = []
    for case in cases:
        rows[case.section] += 1
        remarks.update(case.remarks)
        differing = differences(case.row)
        agree[case.section] += not differing
        if differing:
            disagreements.append(Disagreement(id=case.label, section=case.section, differences=tuple(differing)))
    return Report(
        agrees=not disagreements,
        rows=rows.total(),
        agree=agree.total(),
        sections={section: Count(rows=rows[section], agree=agree[section]) for section in Section if rows[section]},
        disagreements=tuple(disagreements),
        not_compared=dict(remarks),
    )


def _told(difference: Difference) -> str:
    said = f"{difference.what}: expected {_spelled(difference.expected)}, came {_spelled(difference.came)}"
    if difference.step is None:
        return said
    others = f", {difference.count - 1} more differ" if difference.count > 1 else ""
    return f"{said} at t={difference.t:g} s (sync {difference.step + 1}{others})"


def _spelled(value: object) -> str:
    return "none" if value is None else str(value)
