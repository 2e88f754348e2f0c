"""What a trace says of the functions in it, read once however many worlds are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulations.model import Ints
from simulations.scenario.document import TraceSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One function of a trace: microseconds from the trace's beginning, and bytes."""

    arrivals: Ints
    service: Ints | None
    memory: int | None


def recorded(section: TraceSection, folder: str) -> Mapping[str, Recorded]:
    """Return what is recorded of each function that the section means."""
    raise NotImplementedError
