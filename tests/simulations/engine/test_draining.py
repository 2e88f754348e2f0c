"""What removed pods hold is finished apart: it takes no slot from the pods that remain, and is paid for to its end."""

import pytest

from simulations.figures import Cause
from simulations.model import SECOND, Backlog, Counts, Function, Happening, Work
from simulations.requests import Requests
from simulations.run import Engine
from tests.simulations.engine.worlds import function, ints, pool, run, scaled

WAITING = Backlog(counts=Counts.WAITING)
"""A queue that forgets what is taken out of it: KEDA does not see what is in service."""


def taking(arrivals: list[float], seconds: list[float]) -> Work:
    return Work(arrivals=ints(arrivals), service=ints(seconds))


TO_ZERO = function(taking([100.0, 600.0], [1500.0, 1.0]), source=WAITING)
ROLLED = function(
    taking([10.0] * 4 + [100.0], [400.0] * 4 + [1.0]),
    rules=scaled(min_replicas=4, max_replicas=4),
    replicas=4,
    incidents={60.0: Happening.ROLLOUT},
)
DOWN = function(
    taking([10.0] * 4 + [702.0], [690.0, 790.0, 890.0, 1000.0, 1.0]),
    source=WAITING,
    rules=scaled(min_replicas=2, max_replicas=4),
    replicas=4,
)


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize(
    ("load", "last", "drained"),
    [
        # Asleep at 430 with the first in service to 1608; the second wakes a pod, which is there in 8 s and idle.
        pytest.param(TO_ZERO, 8.0, 1608.0 - 430.0, id="to zero"),
        # The first pod that is replaced, at 68, takes one with it; the new one is free.
        pytest.param(ROLLED, 0.0, 410.0 - 68.0, id="a rollout"),
        # From 4 to 2 at 305.2: of those that end at 700, 800, 900 and 1010 the second and the fourth go.
        pytest.param(DOWN, 0.0, (800.0 - 305.2) + (1010.0 - 305.2), id="the HPA steps down"),
    ],
)
def test_what_removed_pods_hold_takes_no_slot_of_the_others(
    engine: Engine, load: Function, last: float, drained: float
) -> None:
    figures = run(load, seconds=2000.0, engine=engine)
    assert figures.waits[-1] / SECOND == last
    assert figures.waits[:-1].max() <= 8.0 * SECOND
    # ``drained`` has the syncs to a tenth of a second.
    assert figures.draining_time / SECOND == pytest.approx(drained, abs=0.1)
    assert figures.draining_busy_time == figures.draining_time
    assert figures.busy_time == int(load.work.service.sum())


@pytest.mark.parametrize("engine", Engine)
def test_pods_that_drain_are_as_few_as_can_hold_what_is_left(engine: Engine) -> None:
    """Five on two pods of three slots each, which go to sleep at 10: two pods until three are left, then one."""
    load = function(taking([5.0] * 5, [400.0, 400.0, 500.0, 500.0, 600.0]), replicas=2, source=WAITING, concurrency=3)
    figures = run(load, seconds=900.0, engine=engine)
    assert [(move.at, move.after) for move in figures.moves] == [(10 * SECOND, 0)]
    assert figures.draining_time == (2 * 395 + 200) * SECOND
    assert figures.draining_busy_time == (5 * 395 + 3 * 100 + 100) * SECOND


@pytest.mark.parametrize("engine", Engine)
def test_a_bridge_that_is_drained_takes_its_share_with_it(engine: Engine) -> None:
    """Of six on three pods two go with the first bridge; of the four that stay, on three pods again, one goes."""
    load = function(taking([100.0] * 6, [300.0] * 6), pool="p", rules=scaled(max_replicas=2), concurrency=3)
    figures = run(load, seconds=600.0, engine=engine, pools={"p": pool({"fixed": 2}, handoff="bridge")})
    first, second = (move.at for move in figures.moves if move.cause is Cause.DRAIN)
    done = 400 * SECOND + 20_000
    assert figures.done.tolist() == [done] * 6
    assert figures.draining_busy_time == 2 * (done - first) + (done - second)


@pytest.mark.parametrize(
    ("held", "pods", "serving", "slots", "left"),
    [
        (0, 1, 1, 0, []),
        (4, 4, 4, 0, []),
        (4, 1, 4, 3, [0, 1, 3]),
        (4, 2, 4, 2, [0, 2]),
        (1, 1, 4, 3, [0]),
        (6, 1, 3, 8, [0, 2, 3, 5]),
        (7, 1, 2, 4, [0, 2, 4, 6]),
    ],
)
def test_who_goes_is_a_fair_share_evenly_spread(
    held: int, pods: int, serving: int, slots: int, left: list[int]
) -> None:
    requests = Requests(taking([0.0] * (held + 1), [float(1 + each) for each in range(held + 1)]))
    for _ in range(held + 1):
        requests.arrive()
    requests.begin(0, held)
    requests.drain(pods, serving, slots)
    assert requests.draining == held - len(left)
    assert requests.serving == held
    requests.begin(0, len(left))
    assert requests.waiting == 1
    for _ in range(held):
        requests.end()
    assert requests.done.tolist() == [(1 + each) * SECOND for each in range(held)]
