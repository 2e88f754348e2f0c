"""Worlds drawn at random, for both engines to run: many instants fall together, on purpose."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from scaler.model import OnUnknown, Rules
from simulations.hpa import MetricSpec, TargetKind
from simulations.keda import Fallback, ScaledObject, TriggerSpec, hpa_spec
from simulations.model import (
    SECOND,
    Backlog,
    Counts,
    Feed,
    Function,
    Happening,
    Incident,
    Ints,
    Phases,
    Pool,
    Series,
    Starts,
    Trigger,
    Work,
    World,
    micros,
)
from tests.simulations.engine.worlds import pool
from tests.simulations.hpa.test_sync import behaviors

END = 900 * SECOND
SYNCS = 2_000

halves = st.integers(0, 2 * END // SECOND).map(lambda half: half * SECOND // 2)
instants = halves | st.integers(0, END)
spans = st.sampled_from([0, SECOND // 2, SECOND, 8 * SECOND]) | st.integers(0, 20 * SECOND)
seconds = st.sampled_from([0.1, 1.0, 7.3, 30.0]) | st.floats(0.1, 60.0)


def ints(numbers: list[int]) -> Ints:
    return np.asarray(numbers, dtype=np.int64)


def some(numbers: st.SearchStrategy[int], least: int = 1, most: int = 3) -> st.SearchStrategy[Ints]:
    return st.lists(numbers, min_size=least, max_size=most).map(ints)


@st.composite
def works(draw: st.DrawFn) -> Work:
    """Draw requests, some of them in bursts."""
    bursts = draw(st.lists(st.tuples(instants, st.integers(1, 12), st.sampled_from([0, 1, 250_000])), max_size=12))
    arrivals = np.sort(ints([at + each * apart for at, count, apart in bursts for each in range(count)]))
    return Work(arrivals=arrivals, service=np.resize(draw(some(spans, most=5)), len(arrivals)))


@st.composite
def objects(draw: st.DrawFn) -> ScaledObject:
    """Draw a ScaledObject with one trigger."""
    least = draw(st.sampled_from([0, 0, 1, 3]))
    target = draw(st.sampled_from([1_000, 1_000, 333, 5_000]))
    metric = MetricSpec(target=target, kind=draw(st.sampled_from(TargetKind)))
    return ScaledObject(
        triggers=(TriggerSpec(metric=metric, push=draw(st.booleans()), cached=draw(st.booleans())),),
        min_replicas=least,
        max_replicas=draw(st.integers(max(1, least), 12)),
        idle_replicas=draw(st.none() | st.integers(0, least - 1)) if least else None,
        polling_interval=draw(seconds),
        cooldown=draw(st.sampled_from([0.0, 30.0, 300.0])),
        initial_cooldown=draw(st.sampled_from([0.0, 60.0])),
        fallback=draw(st.none() | st.just(Fallback(replicas=2, failure_threshold=2))),
        behavior=draw(behaviors),
        forced=draw(st.integers(0, 9)) == 0,
        scale_in_paused=draw(st.integers(0, 9)) == 0,
        scale_out_paused=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def sources(draw: st.DrawFn) -> Backlog | Series:
    """Draw what a trigger reads: mostly the requests."""
    if draw(st.integers(0, 3)):
        return Backlog(counts=draw(st.sampled_from(Counts)))
    times = np.unique(draw(some(instants, least=0, most=8)))
    values = draw(st.lists(st.integers(-500, 9_000), min_size=len(times), max_size=len(times)))
    active = draw(st.lists(st.integers(0, 1), min_size=len(times), max_size=len(times)))
    return Series(times=times, values=ints(values), active=ints(active))


rules = st.builds(
    Rules,
    activation=st.sampled_from([0.0, 0.0, 2.0]),
    hold_for=st.sampled_from([None, None, 20.0]),
    zero_confirm=st.integers(1, 3),
    confirm_spacing=st.sampled_from([0.0, 1.0, 5.0]),
    on_unknown=st.sampled_from(OnUnknown),
)
triggers = st.builds(
    Trigger,
    source=sources(),
    rules=rules,
    interval=st.sampled_from([SECOND // 2, 2 * SECOND, 7 * SECOND]),
    first=spans,
    watch=st.sampled_from([None, 0, 5_000, 3 * SECOND]),
)
rows = some(spans, 3, 3)
starts = st.builds(Starts, schedule=rows, pull=rows, start=rows, ready=some(spans, most=1))
incidents = st.lists(st.builds(Incident, at=instants, what=st.sampled_from(Happening)), max_size=6)
gaps = some(st.sampled_from([15 * SECOND, 15 * SECOND + 10_000, 5 * SECOND]), most=4)
phases = st.builds(Phases, check=spans, sync=spans, gaps=gaps.map(lambda few: np.resize(few, SYNCS)))


@st.composite
def functions(draw: st.DrawFn, pools: st.SearchStrategy[str | None]) -> Function:
    """Draw a function; its HPA is the one that KEDA makes, with a window that is often shorter."""
    scaled = draw(objects())
    return Function(
        name="orders",
        scaled=scaled,
        hpa=replace(hpa_spec(scaled), downscale_window=draw(st.sampled_from([0.0, 60.0, 300.0]))),
        triggers=(draw(triggers),),
        work=draw(works()),
        starts=draw(starts),
        phases=draw(phases),
        concurrency=draw(st.integers(1, 3)),
        replicas=draw(st.sampled_from([0, 0, 1, 5, 14])),
        pool=draw(pools),
        claim=draw(st.sampled_from([0, 20_000, 3 * SECOND])),
        incidents=tuple(sorted(draw(incidents), key=lambda incident: incident.at)),
    )


sizes: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{"fixed": 0}, {"fixed": 2}, {"auto": {"ceiling": 5}}])
warm: st.SearchStrategy[Pool] = st.builds(
    lambda size, handoff: pool(size, handoff=handoff), sizes, st.sampled_from(["auto", "bridge"])
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw one function and its world, with a pool or without."""
    return World(
        functions=(draw(functions(st.sampled_from([None, "p"]))),),
        end=END,
        pools={"p": draw(warm)},
        warmup=draw(st.sampled_from([0, 60 * SECOND, micros(123.4)])),
        bins=draw(st.sampled_from([0, 7])),
    )


budgets = st.sampled_from(["256Mi", "1Gi"])


@st.composite
def shared(draw: st.DrawFn) -> World:
    """Draw two functions that share the budget of a pool, and perhaps a third one, which gets what the first did."""
    names = ["orders", "mail", "bills"][: draw(st.integers(2, 3))]
    pools = [st.just("p"), st.just("p"), st.sampled_from([None, "q"])]
    several = tuple(replace(draw(functions(pool)), name=name) for name, pool in zip(names, pools, strict=False))
    fed = (Feed(source="orders", sink="bills", after=draw(spans)),) if "bills" in names else ()
    budget = {"auto": {"ceiling": 5, "budget": draw(budgets)}}
    return World(functions=several, end=END, pools={"p": pool(budget), "q": draw(warm)}, feeds=fed)
