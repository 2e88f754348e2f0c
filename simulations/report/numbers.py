"""How numbers are written: a unit with each, three digits that matter, and one title for each statistic."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite, isnan
from typing import Final

from simulations.statistics import NUMBERS, Interval

UNKNOWN: Final = "-"
ENDLESS: Final = "∞"


class Unit(StrEnum):
    """What a number counts in."""

    COUNT = ""
    SECONDS = "s"
    SHARE = "%"
    HOURS = "pod-h"
    MEMORY = "GiB·s"
    RATE = "/h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One number of a summary, as people read it; ``less`` says that less of it is better, ``None`` neither is."""

    name: str
    title: str
    unit: Unit
    group: str
    less: bool | None = None

    def text(self, value: float) -> str:
        """Write a value with its unit."""
        return text(value, self.unit)


_TABLE: Final = {
    "Requests": (
        ("arrived", "requests arrived", Unit.COUNT, None),
        ("served", "requests served", Unit.COUNT, None),
        ("unfinished", "unfinished at the end", Unit.COUNT, True),
        ("unbegun", "of these not begun", Unit.COUNT, True),
        ("cold", "found no pod, not even a warm one", Unit.COUNT, True),
        ("cold_ratio", "share that found no pod, not even a warm one", Unit.SHARE, True),
    ),
    "Waiting": (
        ("wait_p50", "wait p50", Unit.SECONDS, True),
        ("wait_p95", "wait p95", Unit.SECONDS, True),
        ("wait_p99", "wait p99", Unit.SECONDS, True),
        ("wait_max", "wait max", Unit.SECONDS, True),
        ("wait_mean", "wait mean", Unit.SECONDS, True),
        ("response_mean", "response mean", Unit.SECONDS, True),
        ("slo_missed", "waited longer than the SLO", Unit.COUNT, True),
        ("slo_missed_ratio", "share that waited longer than the SLO", Unit.SHARE, True),
    ),
    "What the waiting was for (mean of a request)": (
        ("wait_poll", "KEDA's next poll", Unit.SECONDS, True),
        ("wait_start", "pods to start or be claimed", Unit.SECONDS, True),
        ("wait_rate", "the HPA's rate limit", Unit.SECONDS, True),
        ("wait_hpa", "the HPA's next sync", Unit.SECONDS, True),
        ("wait_queue", "its turn", Unit.SECONDS, True),
        ("wait_source", "the source to answer", Unit.SECONDS, True),
        ("share_poll", "share: KEDA's next poll", Unit.SHARE, None),
        ("share_start", "share: pods to start or be claimed", Unit.SHARE, None),
        ("share_rate", "share: the HPA's rate limit", Unit.SHARE, None),
        ("share_hpa", "share: the HPA's next sync", Unit.SHARE, None),
        ("share_queue", "share: its turn", Unit.SHARE, None),
        ("share_source", "share: the source to answer", Unit.SHARE, None),
    ),
    "Pods": (
        ("pod_hours", "all pods together", Unit.HOURS, True),
        ("ready_hours", "ready", Unit.HOURS, None),
        ("busy_hours", "of these busy", Unit.HOURS, None),
        ("idle_hours", "of these idle", Unit.HOURS, True),
        ("starting_hours", "starting", Unit.HOURS, True),
        ("warm_hours", "warm", Unit.HOURS, True),
        ("draining_hours", "removed, and still busy", Unit.HOURS, None),
        ("idle_gib_s", "idle memory", Unit.MEMORY, True),
        ("spare_gib_s", "of it in idle replicas", Unit.MEMORY, True),
        ("warm_gib_s", "of it in warm pods", Unit.MEMORY, True),
        ("cold_pods", "pods started cold", Unit.COUNT, True),
        ("cold_pod_ratio", "share of pods that came cold", Unit.SHARE, True),
        ("start_schedule", "cold start: scheduled", Unit.SECONDS, None),
        ("start_pull", "cold start: image pulled", Unit.SECONDS, None),
        ("start_start", "cold start: started", Unit.SECONDS, None),
        ("start_ready", "cold start: found ready", Unit.SECONDS, None),
    ),
    "Warm pool": (
        ("hits", "replicas that found a warm pod", Unit.COUNT, False),
        ("missed", "replicas that found none", Unit.COUNT, True),
        ("hit_ratio", "hit ratio", Unit.SHARE, False),
        ("missed_ratio", "miss ratio", Unit.SHARE, True),
        ("warmed", "warm pods created", Unit.COUNT, None),
    ),
    "Scaling": (
        ("activations", "woken from zero", Unit.COUNT, None),
        ("sleeps", "put to sleep", Unit.COUNT, None),
        ("ups", "scale-ups", Unit.COUNT, None),
        ("downs", "scale-downs", Unit.COUNT, None),
        ("events_per_hour", "scale events", Unit.RATE, True),
        ("most", "most replicas", Unit.COUNT, None),
        ("limit_time", "time at maxReplicaCount", Unit.SECONDS, True),
        ("overshoot_hours", "asked for beyond what the backlog needed", Unit.HOURS, True),
    ),
}

STATISTICS: Final = {
    name: Statistic(name=name, title=title, unit=unit, group=group, less=less)
    for group, rows in _TABLE.items()
    for name, title, unit, less in rows
}
"""Every number of a summary, in the order in which it is shown."""

assert set(STATISTICS) == set(NUMBERS), set(STATISTICS) ^ set(NUMBERS)  # noqa: S101 - a table beside another one


def text(value: float, unit: Unit) -> str:
    """Write a value with its unit; a dash for what is not a number."""
    if isnan(value):
        return UNKNOWN
    if value < 0:
        return f"-{text(-value, unit)}"
    return ENDLESS if value == inf else _WRITE[unit](value)


def digits(value: float) -> str:
    """Write a number of at least 0 with three digits that matter; more before the point, never an exponent."""
    if value == 0:
        return "0"
    places = 2 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004 - three digits in all
    small = 0 < value < 0.1  # noqa: PLR2004
    return f"{value:.2g}" if small and value >= 1e-4 else f"{value:,.{places}f}"  # noqa: PLR2004


def seconds(value: float) -> str:
    """Write a time of at least 0 s in the unit that suits it: ``12 ms``, ``1.25 s``, ``4 min 10 s``, ``26 h``."""
    if 0 < value < 0.9995:  # noqa: PLR2004 - what would be written as 1000 ms
        return f"{digits(1000 * value)} ms"
    if value < 119.5:  # noqa: PLR2004 - below two minutes
        return f"{digits(value)} s"
    if value < 7199.5:  # noqa: PLR2004 - below two hours
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def _count(value: float) -> str:
    return digits(value) if value % 1 else f"{value:,.0f}"


_WRITE: Final[dict[Unit, Callable[[float], str]]] = {
    Unit.COUNT: _count,
    Unit.SECONDS: seconds,
    Unit.SHARE: lambda value: f"{digits(100 * value)} %",
    Unit.HOURS: lambda value: f"{digits(value)} pod-h",
    Unit.MEMORY: lambda value: f"{digits(value / 3600)} GiB·h",
    Unit.RATE: lambda value: f"{digits(value)}/h",
}


def spread(interval: Interval, unit: Unit) -> str:
    """Write a mean and what it is known by: ``31.2 ± 2.04 s``; the mean alone for one seed."""
    mean, half = text(interval.mean, unit), text(interval.half, unit)
    if not isfinite(interval.half) or interval.half == 0:
        return mean
    number, _, same = mean.partition(" ")
    return f"{number} ± {half}" if half.endswith(f" {same}") and half.count(" ") == 1 else f"{mean} ± {half}"


def change(now: float, then: float) -> str:
    """Write how much ``now`` is above or below ``then``: ``+12 %``, ``-3.1 %``, ``12x`` from double on."""
    if not (isfinite(now) and isfinite(then)) or then == 0:
        return UNKNOWN if now != then else "±0 %"
    ratio = now / then
    if ratio >= 2:  # noqa: PLR2004 - from double on
        return f"{digits(ratio)}x"
    sign = "+" if ratio > 1 else "-" if ratio < 1 else "±"
    return f"{sign}{digits(100 * abs(ratio - 1))} %"
