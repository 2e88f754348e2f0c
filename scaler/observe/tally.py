"""A histogram for the one place where prometheus-client's own shows: it costs a tenth of a call's processor time."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally:
    """Counts durations by bucket. Used from one thread; a scrape in between may see a sum ahead of its count."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds


class Tallies(Collector):
    """One tally for each value of one label, exposed as a histogram. ``bounds`` are upper ones, in seconds, rising."""

    def __init__(self, name: str, documentation: str, label: str, bounds: Sequence[float]) -> None:
        self._family = (name, documentation)
        self._label = label
        self._bounds = tuple(bounds)
        self._tallies: dict[str, Tally] = {}

    def of(self, value: str) -> Tally:
        """Return the tally of one label value."""
        return self._tallies.setdefault(value, Tally(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Expose what was counted."""
        family = HistogramMetricFamily(*self._family, labels=[self._label])
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for value, tally in self._tallies.items():
            buckets = [*zip(names, accumulate(tally.counts), strict=True)]
            family.add_metric([value], buckets, tally.total)
        yield family
