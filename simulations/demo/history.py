"""What the charts show: one sample for each second of the demo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CHUNK: Final = 600
"""Samples are dropped so many at once: columns of 1 to 6 samples stay columns of the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One lane at one instant."""

    waiting: int = 0
    replicas: int = 0
    ready: int = 0


@dataclass(slots=True, kw_only=True)
class History:
    """The samples, oldest first: arrivals in each second, whether the broker was ``down``, each lane by its name."""

    arrivals: list[int] = field(default_factory=list)
    down: list[bool] = field(default_factory=list)
    lanes: dict[str, list[Sample]] = field(default_factory=dict)

    def take(self, arrived: int, lanes: Mapping[str, Sample], *, down: bool) -> None:
        """Add one sample of everything."""
        self.arrivals.append(arrived)
        self.down.append(down)
        for name, sample in lanes.items():
            self.lanes.setdefault(name, []).append(sample)
        if len(self.arrivals) >= 2 * CHUNK:
            self._drop()

    def _drop(self) -> None:
        del self.arrivals[:CHUNK], self.down[:CHUNK]
        for samples in self.lanes.values():
            del samples[:CHUNK]
