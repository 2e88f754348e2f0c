"""From what came out of a run to the numbers that are printed, and from several runs to what can be said of them.

Equal figures give equal bytes: everything is summed as whole numbers and divided once, and where functions of different
memory are added up the sum is rounded once. Quantiles are nearest-rank: the smallest wait that at least so large a
share of the requests did not exceed, always one that was measured.

A ratio of nothing is 0: where no request arrived none was cold, where no warm pod was wanted none was missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import ceil, fsum, inf, sqrt
from typing import Final

import numpy as np

from simulations.figures import Blame, Figures, Outcome
from simulations.model import SECOND, Ints

HOUR: Final = 3600 * SECOND
"""Microseconds."""
GIB: Final = 2**30
SLO: Final = 1.0
"""Seconds that a request may wait, where nobody says otherwise."""
EVERYTHING: Final = "all functions"
"""The name of the summary of several functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that is printed about one function, or about several together, over ``span`` seconds.

    Times are seconds, ``*_hours`` are pod-hours, ``*_gib_s`` are GiB·s of requested memory, ratios are 0 to 1.

    - Waits are from arrival to the beginning of service; those of the ``unbegun``, who were not begun by the end, count
      for as far as they go, so that no number of waiting is more than it would be with a longer run. ``response_mean``
      adds the service of those that were begun. ``slo_missed`` waited longer than ``slo``. ``unfinished`` were not
      begun or not finished.
    - ``cold`` requests arrived when no pod served, ``cold_ratio`` is their share. ``cold_pods`` started cold, and
      ``cold_pod_ratio`` is their share of these and the claimed ones: peers mean now the one, now the other.
    - ``hits`` of the replicas that were wanted at once found a warm pod, ``missed`` did not.
    - ``pod_hours`` is all there was: ``ready``, ``starting``, ``warm`` and ``draining``; the latter were removed, are
      ready no more, and finish what they hold. ``busy`` is of ready and draining ones: as many as the requests in
      service fill. ``idle`` is what of the ready ones is not busy. ``spare_gib_s`` is the memory of idle replicas,
      ``warm_gib_s`` that of warm pods, ``idle_gib_s`` both.
    - ``events_per_hour`` are all changes of the replicas by KEDA and the HPA: wakes, sleeps, ups and downs.
    - ``most`` is the largest number of replicas of any one function, ``limit_time`` how long functions were at
      ``maxReplicaCount``, ``overshoot_hours`` what was asked for beyond what the backlog needed.
    - ``wait_*`` are seconds of waiting per request by :class:`~simulations.figures.Blame`, and ``share_*`` the parts of
      the whole. ``start_*`` are the mean seconds of the phases of a cold start.
    """

    name: str
    span: float
    arrived: int
    served: int
    unfinished: int
    unbegun: int
    wait_mean: float
    wait_p50: float
    wait_p95: float
    wait_p99: float
    wait_max: float
    response_mean: float
    slo: float
    slo_missed: int
    slo_missed_ratio: float
    cold: int
    cold_ratio: float
    cold_pods: int
    cold_pod_ratio: float
    hits: int
    missed: int
    hit_ratio: float
    missed_ratio: float
    warmed: int
    pod_hours: float
    ready_hours: float
    busy_hours: float
    idle_hours: float
    starting_hours: float
    warm_hours: float
    draining_hours: float
    spare_gib_s: float
    warm_gib_s: float
    idle_gib_s: float
    activations: int
    sleeps: int
    ups: int
    downs: int
    events_per_hour: float
    most: int
    limit_time: float
    overshoot_hours: float
    wait_poll: float
    wait_start: float
    wait_rate: float
    wait_hpa: float
    wait_queue: float
    wait_source: float
    share_poll: float
    share_start: float
    share_rate: float
    share_hpa: float
    share_queue: float
    share_source: float
    start_schedule: float
    start_pull: float
    start_start: float
    start_ready: float


NUMBERS: Final = tuple(field.name for field in fields(Summary) if field.name not in {"name", "span", "slo"})
"""The fields of a summary that are measured."""


def summary(figures: Figures, span: int, slo: float = SLO) -> Summary:
    """Sum up one function, counted for ``span`` microseconds."""
    return total((figures,), span, slo, figures.name)


def summaries(outcome: Outcome, slo: float = SLO) -> tuple[Summary, ...]:
    """Sum up each function of a run."""
    return tuple(summary(each, outcome.end - outcome.warmup, slo) for each in outcome.figures)


def overall(outcome: Outcome, slo: float = SLO) -> Summary:
    """Sum up a run: its only function under its own name, or all of them together."""
    name = outcome.figures[0].name if len(outcome.figures) == 1 else EVERYTHING
    return total(outcome.figures, outcome.end - outcome.warmup, slo, name)


def total(figures: Sequence[Figures], span: int, slo: float = SLO, name: str = EVERYTHING) -> Summary:
    """Sum up several functions as one: counts and times are added, quantiles are those of all requests."""
    numbers = _requests(figures, slo) | _pods(figures) | _scaling(figures, span) | _causes(figures)
    return Summary(name=name, span=span / SECOND, **numbers)  # type: ignore[arg-type] # which are whole is tested


def quantiles(waits: Sequence[Ints], shares: Sequence[float]) -> tuple[float, ...]:
    """Return the nearest-rank quantiles of all ``waits`` together, 0 where there are none.

    Most requests wait for nothing, so only those that wait are gathered.
    """
    count = sum(len(each) for each in waits)
    positive = np.concatenate([np.zeros(0, np.int64), *(each[each > 0] for each in waits)])
    ranks = [max(ceil(share * count), 1) - 1 - (count - len(positive)) for share in shares]
    wanted = sorted({rank for rank in ranks if 0 <= rank < len(positive)})
    if wanted:
        positive.partition(wanted)
    return tuple(float(positive[rank]) if rank in wanted else 0.0 for rank in ranks)


# -- the parts ---------------------------------------------------------------------------------------------------------


def _requests(figures: Sequence[Figures], slo: float) -> dict[str, int | float]:
    waits = _waits(figures)
    arrived, served = sum(each.arrived for each in figures), sum(each.served for each in figures)
    count, begun = sum(len(each) for each in waits), sum(len(each.waits) for each in figures)
    cold = sum(each.cold for each in figures)
    mean = _ratio(sum(int(each.sum()) for each in waits), count * SECOND)
    missed = sum(int(np.count_nonzero(each > slo * SECOND)) for each in waits)
    p50, p95, p99 = (each / SECOND for each in quantiles(waits, (0.5, 0.95, 0.99)))
    return {
        "arrived": arrived,
        "served": served,
        "unfinished": sum(each.waiting + each.serving for each in figures),
        "unbegun": count - begun,
        "wait_mean": mean,
        "wait_p50": p50,
        "wait_p95": p95,
        "wait_p99": p99,
        "wait_max": max((int(each.max()) for each in waits if len(each)), default=0) / SECOND,
        "response_mean": mean + _ratio(sum(each.service_time for each in figures), begun * SECOND),
        "slo": slo,
        "slo_missed": missed,
        "slo_missed_ratio": _ratio(missed, count),
        "cold": cold,
        "cold_ratio": _ratio(cold, arrived),
    }


def _waits(figures: Sequence[Figures]) -> list[Ints]:
    """Return how long everybody waited, also those who wait still."""
    return [waits for each in figures for waits in (each.waits, each.unbegun)]


def _pods(figures: Sequence[Figures]) -> dict[str, int | float]:
    ready, starting, warm, draining = (
        sum(getattr(each, f"{name}_time") for each in figures) for name in ("ready", "starting", "warm", "draining")
    )
    idle = [each.ready_time - (each.busy_time - each.draining_busy_time) / each.concurrency for each in figures]
    spare = fsum(time * each.memory for time, each in zip(idle, figures, strict=True))
    kept = sum(each.warm_time * each.memory for each in figures)
    cold, hits, missed = (sum(getattr(each, name) for each in figures) for name in ("started", "hits", "missed"))
    return {
        "cold_pods": cold,
        "cold_pod_ratio": _ratio(cold, cold + hits),
        "hits": hits,
        "missed": missed,
        "hit_ratio": _ratio(hits, hits + missed),
        "missed_ratio": _ratio(missed, hits + missed),
        "warmed": sum(each.warmed for each in figures),
        "pod_hours": (ready + starting + warm + draining) / HOUR,
        "ready_hours": ready / HOUR,
        "busy_hours": fsum(each.busy_time / each.concurrency for each in figures) / HOUR,
        "idle_hours": fsum(idle) / HOUR,
        "starting_hours": starting / HOUR,
        "warm_hours": warm / HOUR,
        "draining_hours": draining / HOUR,
        "spare_gib_s": spare / (GIB * SECOND),
        "warm_gib_s": kept / (GIB * SECOND),
        "idle_gib_s": (spare + kept) / (GIB * SECOND),
    }


def _scaling(figures: Sequence[Figures], span: int) -> dict[str, int | float]:
    wakes, sleeps, ups, downs = (
        sum(getattr(each, name) for each in figures) for name in ("wakes", "sleeps", "ups", "downs")
    )
    return {
        "activations": wakes,
        "sleeps": sleeps,
        "ups": ups,
        "downs": downs,
        "events_per_hour": _ratio((wakes + sleeps + ups + downs) * HOUR, span),
        "most": max((each.most for each in figures), default=0),
        "limit_time": sum(each.limit_time for each in figures) / SECOND,
        "overshoot_hours": sum(each.overshoot_time for each in figures) / HOUR,
    }


def _causes(figures: Sequence[Figures]) -> dict[str, int | float]:
    count = sum(map(len, _waits(figures)))
    blamed = {blame.name.lower(): sum(each.blamed[blame] for each in figures) for blame in Blame}
    whole, started = sum(blamed.values()), sum(each.started for each in figures)
    phases = [sum(each.starts[phase] for each in figures) for phase in range(4)]
    return {
        **{f"wait_{name}": _ratio(waited, count * SECOND) for name, waited in blamed.items()},
        **{f"share_{name}": _ratio(waited, whole) for name, waited in blamed.items()},
        **{
            f"start_{name}": _ratio(spent, started * SECOND)
            for name, spent in zip(("schedule", "pull", "start", "ready"), phases, strict=True)
        },
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


# -- over seeds --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over ``count`` seeds, and how far the true one may be from it at 95 %: infinitely far with one seed."""

    mean: float
    half: float
    count: int

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half

    @property
    def certain(self) -> bool:
        """Whether it does not contain 0: of a difference, that there is one."""
        return abs(self.mean) > self.half


def interval(values: Iterable[float]) -> Interval:
    """Return the mean and its t-interval; ``ValueError`` for no values."""
    drawn = tuple(values)
    if not drawn:
        raise ValueError("there is no mean of no values")
    count, mean = len(drawn), fsum(drawn) / len(drawn)
    if count == 1:
        return Interval(mean=mean, half=inf, count=1)
    deviation = sqrt(fsum((value - mean) ** 2 for value in drawn) / (count - 1))
    return Interval(mean=mean, half=student(count - 1) * deviation / sqrt(count), count=count)


def intervals(seeds: Sequence[Summary]) -> Mapping[str, Interval]:
    """Return the interval of every number over the seeds of one policy."""
    return {name: interval(getattr(each, name) for each in seeds) for name in NUMBERS}


def paired(ours: Sequence[Summary], theirs: Sequence[Summary]) -> Mapping[str, Interval]:
    """Return the intervals of ours minus theirs, seed by seed: both saw the same arrivals, so chance cancels out."""
    pairs = tuple(zip(ours, theirs, strict=True))
    return {name: interval(getattr(our, name) - getattr(their, name) for our, their in pairs) for name in NUMBERS}


_STUDENT: Final = (
    *(12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814),
    *(2.20099, 2.17881, 2.16037, 2.14479, 2.13145, 2.11991, 2.10982, 2.10092, 2.09302, 2.08596),
    *(2.07961, 2.07387, 2.06866, 2.06390, 2.05954, 2.05553, 2.05183, 2.04841, 2.04523, 2.04227),
)
_NORMAL: Final = 1.959964


def student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t: a table to 30 degrees of freedom, then Cornish and Fisher's series."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    first = (_NORMAL**3 + _NORMAL) / 4
    second = (5 * _NORMAL**5 + 16 * _NORMAL**3 + 3 * _NORMAL) / 96
    return _NORMAL + first / freedom + second / freedom**2
