"""How far one timeline is from another: a pure comparison, so that it can be seen to fail."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Step(Generic[Value]):
    """From ``at`` on it is ``value``, in whatever unit the caller counts."""

    at: float
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far apart two timelines are: ``apart`` is how far each step of the one is from the same step of the other.

    It is ``None`` where they do not take the same steps in the same order: ``differs`` is then the first such step.
    """

    apart: tuple[float, ...] | None
    differs: int | None = None

    @property
    def most(self) -> float | None:
        """The largest distance, ``None`` if the steps are not the same."""
        return None if self.apart is None else max(self.apart, default=0.0)


def steps(told: Iterable[Step[Value]]) -> list[Step[Value]]:
    """Leave out what tells nothing new."""
    kept: list[Step[Value]] = []
    for step in told:
        if not kept or kept[-1].value != step.value:
            kept.append(step)
    return kept


def counted(values: Iterable[Value]) -> list[Step[Value]]:
    """Return the steps of what is told once a sync; their distances are counted in syncs."""
    return steps(Step(float(number), value) for number, value in enumerate(values))


def distance(real: Sequence[Step[Value]], simulated: Sequence[Step[Value]]) -> Distance:
    """Compare step by step: the values must be the same, in the same order, and as many."""
    for number in range(max(len(real), len(simulated))):
        ours, theirs = simulated[number : number + 1], real[number : number + 1]
        if not ours or not theirs or ours[0].value != theirs[0].value:
            return Distance(apart=None, differs=number)
    return Distance(apart=tuple(abs(one.at - other.at) for one, other in zip(real, simulated, strict=True)))


def told(name: str, real: Sequence[Step[Value]], simulated: Sequence[Step[Value]]) -> str:
    """Show two timelines one above the other, for a message about a difference."""
    return "\n".join([name, *_line("real     ", real), *_line("simulated", simulated)])


def _line(title: str, timeline: Sequence[Step[Value]]) -> Iterator[str]:
    yield f"  {title} " + ", ".join(f"{step.value}@{step.at:.4g}" for step in timeline)
