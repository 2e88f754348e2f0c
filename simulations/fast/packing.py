"""From the records of a run to the flat arrays of the fast engine."""

from collections.abc import Iterable
from math import inf
from typing import cast

import numpy as np

from scaler.model import OnUnknown
from simulations.fast import hpa as places
from simulations.fast import places as p
from simulations.fast.arrays import Floats, Heap, Ints, floats, ints, room
from simulations.fast.keda import schedule
from simulations.fast.kernel import HAPPENINGS, MOVE, SAMPLE, Case
from simulations.fast.places import NEVER, NOBODY
from simulations.fast.requests import weigh
from simulations.hpa import Behavior, Edge, HpaSpec, PolicyKind, ScalingRules, Select, TargetKind
from simulations.hpa.model import nanoseconds
from simulations.keda import ScaledObject
from simulations.keda.loop import FIRST_WAIT
from simulations.model import SECOND, Backlog, Counts, Function, Happening, Incident, Series, Trigger, World
from simulations.model import Ints as Instants

SELECTS = tuple(Select)
POLICY_KINDS = tuple(PolicyKind)

_OUTAGES = (Happening.SOURCE_DOWN, Happening.SOURCE_UP)
_ROOM = 256  # moves, and pods that became Ready lately, before there must be more room


def case_of(function: Function, world: World, *, compiled: bool) -> Case:
    """Return the arrays of a function with one trigger, as it stands at 0."""
    scaled, [trigger], phases, work = function.scaled, function.triggers, function.phases, function.work
    syncs = phases.sync + np.cumsum(np.concatenate([[0], phases.gaps]))
    hpa, tolerances = hpa_of(function.hpa, syncs, compiled=compiled)
    requests = len(work.arrivals)
    scalars = _begun(function, world) | _scaled(scaled) | _triggered(trigger)
    rules = trigger.rules
    f = [*tolerances, rules.activation, inf if rules.hold_for is None else rules.hold_for, rules.confirm_spacing]
    f += [scaled.polling_interval, scaled.cooldown, scaled.initial_cooldown, phases.check / SECOND]
    f += [0.0 if scalars[p.PUSH] else inf, FIRST_WAIT, 0.0, 0.0]

    def of(values: Iterable[int]) -> Ints:
        return ints(values, compiled=compiled)

    k, kept = of(_with_tables(scalars, _tables(function, world))), floats(f, compiled=compiled)
    weigh(k)
    schedule(k, kept)
    return Case(
        k=k,
        f=kept,
        hpa=hpa,
        arrivals=of(work.arrivals),
        service=of(work.service),
        running=_heap(requests) if compiled else [],
        draining=_heap(requests) if compiled else [],
        begins=room(requests, compiled=compiled),
        done=room(requests, compiled=compiled),
    )


def _concerns(incident: Incident, trigger: Trigger) -> bool:
    """Tell whether a function suffers an incident: an outage is nothing to a timetable."""
    timetable = isinstance(trigger.source, Series) and not trigger.source.remote
    return not (timetable and incident.what in _OUTAGES)


def _tables(function: Function, world: World) -> dict[int, Instants]:
    """Return what comes after the scalars, by the places that say where it begins."""
    suffered = [each for each in function.incidents if _concerns(each, function.triggers[0])]
    happened = [number for each in suffered for number in (each.at, HAPPENINGS.index(each.what))]
    return {
        p.GAPS_FROM: np.concatenate([function.phases.gaps, _zeros(len(function.incidents))]),  # a resumption takes one
        p.SERIES_FROM: _series(function.triggers[0]),
        p.TAKES_FROM: function.starts.total,
        p.INCIDENTS_FROM: np.asarray(happened, dtype=np.int64),
        p.PODS_FROM: _zeros(3 * _most_pods(function)),
        p.SAMPLES_FROM: _zeros(SAMPLE * world.bins),
        p.RECENT_FROM: _zeros(_ROOM),
        p.MOVES_FROM: _zeros(MOVE * _ROOM),
    }


def _with_tables(scalars: dict[int, int], tables: dict[int, Instants]) -> Instants:
    """Put the tables behind the scalars, and say where they begin."""
    place = p.SIZE
    for begins, table in tables.items():
        scalars[begins] = place
        place += len(table)
    head = np.asarray([scalars.get(place, 0) for place in range(p.SIZE)], dtype=np.int64)
    return np.concatenate([head, *tables.values()])


def _zeros(size: int) -> Instants:
    return np.zeros(size, dtype=np.int64)


def _begun(function: Function, world: World) -> dict[int, int]:
    return {
        p.CONCURRENCY: function.concurrency,
        p.POOLED: int(function.pool is not None),
        p.SINCE: world.warmup,
        p.END: world.end,
        p.BINS: world.bins,
        p.REQUESTS: len(function.work.arrivals),
        p.FIRST: int(np.searchsorted(function.work.arrivals, world.warmup)),
        p.INCIDENTS: sum(_concerns(each, function.triggers[0]) for each in function.incidents),
        p.SAMPLE_AT: world.end // world.bins if world.bins else NEVER,
        p.REPLICAS: function.replicas,
        p.READY: function.replicas,
        p.MOST: function.replicas,
        p.NEXT_READY: NEVER,
        p.BEAT_AT: NEVER,
        p.DRAINED_AT: NEVER,
        p.SYNC_AT: function.phases.sync,
        p.HEARD_READY: NOBODY,
        p.TAKES: len(function.starts.total),
        p.HPA_LEAST: function.hpa.min_replicas,
    }


def _scaled(scaled: ScaledObject) -> dict[int, int]:
    return {
        p.KEDA_LEAST: scaled.min_replicas,
        p.KEDA_MOST: scaled.max_replicas,
        p.KEDA_IDLE: NOBODY if scaled.idle_replicas is None else scaled.idle_replicas,
        p.FORCED: int(scaled.forced),
        p.NO_SCALE_IN: int(scaled.scale_in_paused),
        p.NO_SCALE_OUT: int(scaled.scale_out_paused),
        p.PUSH: int(scaled.triggers[0].push),
        p.CACHED: int(scaled.triggers[0].cached),
        p.TARGET: scaled.triggers[0].metric.target,
        p.AVERAGED: int(scaled.triggers[0].metric.kind is TargetKind.AVERAGE_VALUE),
    }


def _triggered(trigger: Trigger) -> dict[int, int]:
    source = trigger.source
    return {
        p.SERIES: int(isinstance(source, Series)),
        p.STEPS: len(source.times) if isinstance(source, Series) else 0,
        p.COUNTS_ALL: int(isinstance(source, Backlog) and source.counts is Counts.UNFINISHED),
        p.WATCH: NOBODY if trigger.watch is None else trigger.watch,
        p.INTERVAL: trigger.interval,
        p.CONFIRM: trigger.rules.zero_confirm,
        p.ON_ERROR: int(trigger.rules.on_unknown is OnUnknown.ERROR),
        p.RUNNING: 1,
        p.READ_AT: trigger.first,
        p.EARLY: NEVER,
    }


def _heap(size: int) -> Heap:
    """Return an empty heap with room for ``size`` numbers."""
    heap = room(size + 1, compiled=True)
    heap[-1] = 0
    return cast("Heap", heap)


def _series(trigger: Trigger) -> Instants:
    source = trigger.source
    return np.concatenate([source.times, source.values, source.active]) if isinstance(source, Series) else _zeros(0)


def _most_pods(function: Function) -> int:
    """Return more pods than can ever start at once: those asked for, and as many that replace others."""
    scaled = function.scaled
    asked = (scaled.max_replicas, scaled.min_replicas, function.hpa.max_replicas, function.hpa.min_replicas)
    return 8 + 4 * max(*asked, function.replicas)


def hpa_of(spec: HpaSpec, syncs: Instants, *, compiled: bool) -> tuple[Ints, Floats]:
    """Return the HPA of ``spec`` and its tolerances; there is room for what it has to remember of ``syncs``.

    Those are microseconds, ascending.
    """
    behavior = spec.behavior or Behavior()
    up, down = _windows(spec, behavior)
    head = [0] * places.HEAD
    head[places.LEAST], head[places.MOST] = spec.min_replicas, spec.max_replicas
    head[places.PLAIN], head[places.ABSOLUTE] = int(spec.behavior is None), int(spec.edge is Edge.ABS)
    head[places.WINDOW_UP], head[places.WINDOW_DOWN] = up, down
    head[places.SELECT_UP] = SELECTS.index(behavior.up.select)
    head[places.SELECT_DOWN] = SELECTS.index(behavior.down.select)
    head[places.LONGEST_UP], head[places.LONGEST_DOWN] = _longest(behavior.up), _longest(behavior.down)
    head[places.METRICS] = len(spec.metrics)
    head[places.UP_POLICIES] = len(behavior.up.policies)
    head[places.POLICIES] = len(behavior.up.policies) + len(behavior.down.policies)
    tables = _metrics_and_policies(spec, behavior)
    windows = (max(up, down), _longest(behavior.up), _longest(behavior.down))
    logs = [[0] * (2 * _most_within(syncs, window)) for window in windows]
    froms = np.cumsum([places.HEAD, *map(len, [*tables, *logs])])[:-1]
    head[places.METRICS_FROM : places.DOWNS_FROM + 1] = froms.tolist()
    flat = sum([*tables, *logs], head)
    return ints(flat, compiled=compiled), floats(_tolerances(spec), compiled=compiled)


def _metrics_and_policies(spec: HpaSpec, behavior: Behavior) -> list[list[int]]:
    """Return the metrics, and the policies."""
    metrics = [
        number for metric in spec.metrics for number in (metric.kind is TargetKind.AVERAGE_VALUE, metric.target, 0)
    ]
    policies = [
        number
        for policy in (*behavior.up.policies, *behavior.down.policies)
        for number in (POLICY_KINDS.index(policy.kind), policy.value, nanoseconds(policy.period))
    ]
    return [metrics, policies]


def _windows(spec: HpaSpec, behavior: Behavior) -> tuple[int, int]:
    """Return the stabilisation upwards and downwards, in nanoseconds."""
    down = behavior.down.window
    return nanoseconds(behavior.up.window or 0.0), nanoseconds(spec.downscale_window if down is None else down)


def _longest(rules: ScalingRules) -> int:
    return nanoseconds(max((policy.period for policy in rules.policies), default=0.0))


def _tolerances(spec: HpaSpec) -> tuple[float, float]:
    """Return the tolerance upwards and downwards; ``behavior`` has its own since the range rule."""
    up, down = spec.tolerance_up, spec.tolerance_down
    if spec.behavior is not None and spec.edge is Edge.RANGE:
        up = up if spec.behavior.up.tolerance is None else spec.behavior.up.tolerance
        down = down if spec.behavior.down.tolerance is None else spec.behavior.down.tolerance
    return up, down


def _most_within(syncs: Instants, window: int) -> int:
    """Return how many entries a log may come to have: those of a window (nanoseconds), and those at its ends.

    A log grows only while none of its entries is older than the window.
    """
    least = int(np.diff(syncs).min(initial=window))
    return min(len(syncs), window // 1000 // max(least, 1)) + 4
