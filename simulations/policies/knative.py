"""Knative's pod autoscaler: replicas from the concurrency of the last minute, and of the last seconds in a panic.

After knative serving of 2026-08, pkg/autoscaler/scaling/autoscaler.go and pkg/reconciler/autoscaling/kpa/scaler.go.
Where it keeps averages of whole seconds this takes the exact area under the concurrency since the last tick. As there,
nothing is recorded while there are neither pods nor requests, and averages begin anew after a window without records.

Left out: what the caller does as it pleases, that is the bounds of the number of pods; and the activator's burst
capacity, which moves requests between proxies and decides about no pod.
"""

from dataclasses import dataclass, replace
from math import ceil, floor

from simulations.model import SECOND, KnativeRules, micros

PRECISION = 6
"""Digits behind the point of an average (aggregation/bucketing.go)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Request-microseconds of concurrency, in service or waiting, between two instants."""

    begin: int
    end: int
    area: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnativeState:
    """What the autoscaler remembers of one revision; instants are microseconds.

    ``at`` is the last tick, ``ticks`` those recorded in the stable window, ``first`` the begin of the first one after a
    window without any. ``panic_since`` is the last time that the panic threshold was crossed, ``None`` outside of a
    panic, and ``most`` the pods that the panic has asked for.
    ``desired`` is what was asked for last. It is active since ``active_since``, or inactive since ``idle_since``;
    neither while its first pod starts.
    """

    at: int
    ticks: tuple[Tick, ...] = ()
    first: int = 0
    panic_since: int | None = None
    most: int = 0
    desired: int = 0
    active_since: int | None = None
    idle_since: int | None = None


def begun(at: int, ready: int) -> KnativeState:
    """Start with ``ready`` pods: two or more begin in a panic, so that none is given up for having measured nothing."""
    panic = at if ready > 1 else None
    return KnativeState(at=at, panic_since=panic, most=ready, desired=ready, active_since=at if ready else None)


def poked(state: KnativeState, rules: KnativeRules, at: int) -> tuple[KnativeState, int]:
    """Return the pods to have when the first request comes at zero pods: that is a tick, without waiting for it.

    The activator reports it as a concurrency of 1, for the second that is the smallest there is (multiscaler.go, Poke).
    """
    poke = Tick(begin=at - SECOND, end=at, area=SECOND)
    return _decided(_recorded(state, rules, poke, at), rules, 0)


def step(state: KnativeState, rules: KnativeRules, at: int, area: int, ready: int) -> tuple[KnativeState, int]:
    """Return the pods to have from the tick at ``at`` on, of which ``ready`` serve.

    ``area`` is the request-microseconds of concurrency since the last tick or poke.
    """
    tick = Tick(begin=state.at, end=at, area=area) if at > state.at and (area or ready) else None
    return _decided(_recorded(state, rules, tick, at), rules, ready)


def _recorded(state: KnativeState, rules: KnativeRules, tick: Tick | None, at: int) -> KnativeState:
    """Add a tick, if any, and drop what has left the stable window."""
    kept = tuple(each for each in state.ticks if each.end > at - micros(rules.stable_window))
    if tick is None:
        return replace(state, at=at, ticks=kept)
    return replace(state, at=at, ticks=(*kept, tick), first=state.first if kept else tick.begin)


def average(state: KnativeState, window: int) -> float | None:
    """Return the mean concurrency of the last ``window`` microseconds; ``None`` if nothing of them was recorded.

    Of a tick that reaches beyond the window its part inside counts. Time between records counts as zero concurrency,
    time before the first and after the last one does not count (aggregation/bucketing.go, WindowAverage).
    """
    first = state.at - window
    inside = [each for each in state.ticks if each.end > first]
    if not inside:
        return None
    area = sum(each.area * (each.end - max(each.begin, first)) / (each.end - each.begin) for each in inside)
    return round(area / (inside[-1].end - max(state.first, first)), PRECISION)


def _decided(state: KnativeState, rules: KnativeRules, ready: int) -> tuple[KnativeState, int]:
    stable = average(state, micros(rules.stable_window))
    if stable is None:
        return state, state.desired
    panic = average(state, micros(rules.panic_window))
    state, wanted = wish(state, rules, (stable, 0.0 if panic is None else panic), ready)
    state = _towards_zero(state, rules, wanted, ready)
    return state, state.desired


def wish(state: KnativeState, rules: KnativeRules, seen: tuple[float, float], ready: int) -> tuple[KnativeState, int]:
    """Return what the autoscaler proper asks for (``Scale``), from the stable and the panic average.

    In a panic it never asks for less; the panic ends a stable window after the threshold was last crossed.
    """
    target, pods = rules.target * rules.utilization, max(1, ready)
    most, least = ceil(rules.max_up_rate * pods), floor(pods / rules.max_down_rate)
    stable, panic = (ceil(each / target) for each in seen)
    if panic / pods >= rules.panic_threshold:
        state = replace(state, panic_since=state.at)
    elif state.panic_since is not None and state.at - state.panic_since > micros(rules.stable_window):
        state = replace(state, panic_since=None, most=0)
    wanted = min(max(stable, least), most)
    if state.panic_since is None:
        return state, wanted
    state = replace(state, most=max(state.most, wanted, min(max(panic, least), most)))
    return state, state.most


def _towards_zero(state: KnativeState, rules: KnativeRules, wanted: int, ready: int) -> KnativeState:
    """Apply ``wanted``; zero only after a stable window of being active, and then the grace period."""
    if wanted > 0:
        since = (state.at if state.active_since is None else state.active_since) if ready else None
        return replace(state, desired=wanted, active_since=since, idle_since=None)
    if state.idle_since is not None:
        over = state.at - state.idle_since >= micros(rules.grace)
        return replace(state, desired=0) if over else state
    if state.active_since is None:
        # Still activating: it is active as soon as its first pod is ready, and until then it is left alone.
        return replace(state, active_since=state.at, desired=1) if ready else state
    if state.at - state.active_since < micros(rules.stable_window):
        return replace(state, desired=1)
    return replace(state, idle_since=state.at, active_since=None)
