"""What holds of every world, whatever happens in it."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.figures import Cause, Figures
from simulations.hpa import Behavior
from simulations.kernel import Kernel, Stop
from simulations.model import SECOND, Backlog, Counts, Function, Happening, Ints, Starts, Work, World
from simulations.run import Engine, simulate
from simulations.statistics import summary
from simulations.validation.stocks import asked
from simulations.world import lived
from tests.simulations.engine.worlds import function, phases, pool, scaled

END = 120 * SECOND
TICK = 1 / 64
"""Seconds: its multiples are exact as floats, also when KEDA's loop adds them up."""

ENGINES = pytest.mark.parametrize("engine", Engine)


def ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


@st.composite
def functions(draw: st.DrawFn, *, push: bool | None = None) -> Function:
    """Draw a function that is asleep at first, with up to 25 requests in two minutes."""
    count = draw(st.integers(0, 25))
    arrivals = sorted(draw(st.lists(st.integers(0, END - 1), min_size=count, max_size=count)))
    service = draw(st.lists(st.integers(1, 20 * SECOND), min_size=count, max_size=count))
    starts = ints(draw(st.lists(st.integers(0, 30 * SECOND), min_size=1, max_size=3)))
    rules = scaled(
        push=draw(st.booleans()) if push is None else push,
        target=draw(st.sampled_from([1.0, 2.0, 5.0])),
        max_replicas=draw(st.integers(1, 6)),
        polling_interval=draw(st.sampled_from([5.0, 30.0])),
        cooldown=draw(st.sampled_from([0.0, 10.0, 60.0])),
        behavior=draw(st.sampled_from([None, Behavior()])),
    )
    incidents = {
        at: draw(st.sampled_from(list(Happening)))
        for at in sorted(draw(st.sets(st.sampled_from([float(second) for second in range(1, 120)]), max_size=3)))
    }
    drawn = function(
        Work(arrivals=ints(arrivals), service=ints(service)),
        rules=rules,
        source=Backlog(counts=draw(st.sampled_from(Counts))),
        incidents=incidents,
        watch=draw(st.sampled_from([None, 0.005])),
        at=phases(check=TICK * draw(st.integers(0, 1_919)), sync=TICK * draw(st.integers(1, 960)), syncs=100),
        concurrency=draw(st.integers(1, 3)),
    )
    none = np.zeros_like(starts)
    return replace(drawn, starts=Starts(schedule=none, pull=none, start=starts, ready=none))


def run(drawn: Function, engine: Engine, **others: Any) -> Figures:
    return simulate(World(functions=(drawn,), **{"end": END, **others}), engine).figures[0]


def plain(figures: Figures) -> dict[str, object]:
    """Return every field; arrays as their bytes."""
    values = {each.name: getattr(figures, each.name) for each in fields(figures)}
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in values.items()}


POOLED = st.sampled_from([None, 0, 1, 3])


def pooled(drawn: Function, size: int | None) -> tuple[Function, dict[str, Any]]:
    """Return the function with a pool of that size, and the pools of its world."""
    if size is None:
        return drawn, {}
    return replace(drawn, pool="pool"), {"pools": {"pool": pool({"fixed": size})}}


# -- requests ----------------------------------------------------------------------------------------------------------


@ENGINES
@given(functions(), POOLED, st.sampled_from([0, END // 3]))
def test_no_request_is_lost_or_served_twice(engine: Engine, drawn: Function, size: int | None, warmup: int) -> None:
    drawn, others = pooled(drawn, size)
    seen = run(drawn, engine, warmup=warmup, **others)
    assert seen.arrived == int(np.count_nonzero(drawn.work.arrivals >= warmup))
    assert seen.arrived == seen.served + seen.serving + seen.waiting
    assert (len(seen.waits), len(seen.unbegun)) == (seen.served + seen.serving, seen.waiting)


@ENGINES
@given(functions(), POOLED)
def test_littles_law_to_the_microsecond(engine: Engine, drawn: Function, size: int | None) -> None:
    """The area of the queue is the sum of the waits, and the area in service that of the services, up to the end."""
    drawn, others = pooled(drawn, size)
    seen = run(drawn, engine, **others)
    begun = len(seen.waits)
    arrivals = drawn.work.arrivals
    assert seen.unbegun.tolist() == (END - arrivals[begun:]).tolist()
    assert sum(seen.blamed) == int(seen.waits.sum() + seen.unbegun.sum())
    begins = arrivals[:begun] + seen.waits
    assert seen.busy_time == int(np.minimum(drawn.work.service[:begun], END - begins).sum())


@ENGINES
@given(functions(), POOLED)
def test_requests_begin_in_the_order_of_their_arrival(engine: Engine, drawn: Function, size: int | None) -> None:
    drawn, others = pooled(drawn, size)
    seen = run(drawn, engine, **others)
    begins = drawn.work.arrivals[: len(seen.waits)] + seen.waits
    assert (np.diff(begins) >= 0).all()
    assert (seen.waits >= 0).all()


@given(functions(), POOLED, st.integers(1, 3))
def test_nobody_waits_beside_a_free_slot(drawn: Function, size: int | None, step: int) -> None:
    """At any instant, while the source answers; a slot is one of a pod that serves, not of one that was removed."""
    drawn, others = pooled(drawn, size)
    looked: list[Kernel] = []

    def look(kernel: Kernel) -> None:
        requests, slots = kernel.requests, kernel.pods.serving * drawn.concurrency
        held = requests.serving - requests.draining
        assert held <= slots
        assert requests.waiting == 0 or held == slots or any(each.down for each in kernel.watched)

    class Looked(Kernel):
        def run(self, until: int) -> Stop:
            look(self)
            while self.now < until:
                stop = super().run(min(until, self.now + step * SECOND))
                look(self)
                if stop is Stop.NEWS:
                    return stop
            return super().run(until)

    def make(each: Function, world: World) -> Kernel:
        looked.append(Looked(each, end=world.end, pooled=each.pool is not None))
        return looked[0]

    lived(World(functions=(drawn,), end=END, **others), make)
    assert looked[0].now == END


@ENGINES
@given(functions(), POOLED, st.sampled_from([0, END // 3]))
def test_whoever_is_served_is_on_a_pod(engine: Engine, drawn: Function, size: int | None, warmup: int) -> None:
    drawn, others = pooled(drawn, size)
    seen = run(drawn, engine, warmup=warmup, **others)
    assert 0 <= seen.busy_time - seen.draining_busy_time <= seen.ready_time * seen.concurrency
    assert 0 <= seen.draining_busy_time <= seen.draining_time * seen.concurrency
    whole = summary(seen, END - warmup)
    assert whole.pod_hours >= whole.busy_hours * (1 - 1e-12)


# -- determinism -------------------------------------------------------------------------------------------------------


@ENGINES
@given(functions(), POOLED)
def test_the_same_world_comes_to_the_same_bytes(engine: Engine, drawn: Function, size: int | None) -> None:
    drawn, others = pooled(drawn, size)
    assert plain(run(drawn, engine, **others)) == plain(run(drawn, engine, **others))


@given(functions(), POOLED, st.sampled_from([0, END // 3]))
def test_both_engines_come_to_the_same(drawn: Function, size: int | None, warmup: int) -> None:
    drawn, others = pooled(drawn, size)
    fast, reference = (plain(run(drawn, engine, warmup=warmup, bins=12, **others)) for engine in Engine)
    times = [each.pop("timeline") for each in (fast, reference)]
    assert fast == reference
    assert repr(times[0]) == repr(times[1])


@ENGINES
@given(functions(), st.integers(0, 1_000_000))
def test_it_does_not_matter_when_everything_happens(engine: Engine, drawn: Function, seconds: int) -> None:
    """Shift all instants, also those of the controllers, by whole seconds: nothing else differs.

    KEDA keeps the last activity in whole seconds, so other shifts may end a cooldown a check earlier or later.
    """
    by = seconds * SECOND
    first = drawn.triggers[0]
    later = replace(
        drawn,
        work=Work(arrivals=drawn.work.arrivals + by, service=drawn.work.service),
        triggers=(replace(first, first=first.first + by),),
        phases=replace(drawn.phases, check=drawn.phases.check + by, sync=drawn.phases.sync + by),
        incidents=tuple(replace(each, at=each.at + by) for each in drawn.incidents),
    )
    then, now = run(later, engine, warmup=by, end=END + by), run(drawn, engine)
    assert [replace(each, at=each.at - by) for each in then.moves] == list(now.moves)
    assert plain(replace(then, moves=(), done=then.done - by)) == plain(replace(now, moves=()))


# -- policies ----------------------------------------------------------------------------------------------------------


def first_wake(figures: Figures) -> int:
    return next((move.at for move in figures.moves if move.cause is Cause.KEDA_WAKES), END)


@ENGINES
@given(functions(push=False))
def test_push_never_wakes_later_than_poll(engine: Engine, drawn: Function) -> None:
    """Of the first wake-up: from then on the two live through different things.

    The scaler runs: while it is stopped KEDA's next check comes at its interval, and its next stream after a backoff.
    """
    rules = drawn.scaled
    pushed = replace(drawn, scaled=replace(rules, triggers=(replace(rules.triggers[0], push=True),)))
    assert first_wake(run(pushed, engine)) <= first_wake(run(drawn, engine))


@given(
    st.lists(st.integers(0, 60 * SECOND), max_size=20),
    st.lists(st.integers(0, 30 * SECOND), min_size=1, max_size=4),
    st.integers(0, 4),
    st.booleans(),
)
def test_more_warm_pods_never_miss_more(demands: list[int], takes: list[int], size: int, patient: bool) -> None:
    """At any instant, whoever asks: if what is asked for does not depend on the pool, and the k-th pod takes the same.

    Then, by induction, the k-th pod of the larger pool is created no later, and so is there no later, than that of the
    smaller one. In a world of requests it is a tendency only: a function that wakes earlier also sleeps earlier, and
    may so be woken once more.
    """
    arrivals = ints(sorted(demands))
    smaller, larger = (asked(arrivals, ints(takes), each, patient=patient)[0] for each in (size, size + 1))
    assert larger.missed <= smaller.missed
    assert smaller.hits + smaller.missed == larger.hits + larger.missed == len(arrivals)
