"""Three minutes of the live demo beside the simulation of its arrivals: real service, real RPCs; the same replicas.

Arrivals and service times are the same, and KEDA checks and the HPA syncs when they did. Three things differ, and are
what the tolerances are for:

- Calls take real time, and five seconds of the demo pass in each: some 20 ms are a tenth of a second, and on a busy
  machine several. A wake-up may be so much later (``CALLS``); and where KEDA's check and the HPA's sync fall together,
  who is first decides whether the HPA acts now or a sync period later.
- A cold start has other jitter, up to 0.8 s of 8. So a backlog is worked off that much sooner or later, and a check
  that comes just then finds the function active or not: it sleeps one poll sooner or later. A sync that comes just
  then finds it above the target or not: one step of a lane may be missing, or find less to do. The HPA's limit lets a
  step be four pods at most (``STEP``).
- A claim is answered by a simulated API server; whether a replica that is wanted in that moment is a hit or a miss may
  differ.

The seed is one in which each burst begins more than a poll of 5 s after the sleep before it: were it less, one poll
would make one activation of two. With a poll of 30 s no seed is like that: of the lane that polls one activation, and
what follows from it, may be missing (``MAY_MISS``).
"""

from dataclasses import dataclass

import pytest

from simulations.demo.lane import POLL, POOL, PUSH, Kind
from simulations.demo.options import POOL as WARM
from simulations.figures import Figures
from simulations.hpa import SYNC_PERIOD
from simulations.replay.fidelity import near
from tests.integration.demo.live import Lived, Step, lived
from tests.integration.demo.offline import simulated

SEED, SPEED, DURATION = 2, 5, 180.0
CALLS = 1.0  # s of the demo
STEP = 4  # pods of one step of the HPA, by its default limit
MAY_MISS = {"push": 0, "poll": 1, "pool": 0}
CLAIMS = 3  # hits, or misses, of three minutes

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one lane went through, live and simulated."""

    live: Lived
    offline: list[Step]
    figures: Figures

    def of(self, kind: str) -> tuple[list[Step], list[Step]]:
        """Return the changes of a kind while events arrived, live and simulated; not those at the very end."""
        both = (self.live.steps, self.offline)
        live, offline = ([each for each in steps if each.kind == kind and each.at < DURATION - CALLS] for steps in both)
        return live, offline


Both = dict[str, Ran]


@pytest.fixture(scope="module")
def both() -> Both:
    """Run it once."""
    found = lived("--seed", f"{SEED}", "--speed", f"{SPEED}", "--duration", f"{DURATION}", within=100.0)
    kinds = {kind.name: kind for kind in (PUSH, POLL, POOL)}
    return {name: Ran(live, *simulated(kinds[name], live, SEED, DURATION, WARM)) for name, live in found.items()}


KINDS = [pytest.param(kind, id=kind.name) for kind in (PUSH, POLL, POOL)]


def unmatched(ran: Ran, kind: str, within: float) -> int:
    """Count the changes of a kind, live or simulated, that have no counterpart within so many seconds."""
    live, offline = ran.of(kind)
    pairs = near([each.at for each in live], [each.at for each in offline])
    matched = sum(abs(before - after) <= within for before, after in pairs)
    return max(len(live), len(offline)) - matched


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_activations_at_the_same_time(both: Both, kind: Kind) -> None:
    assert len(both[kind.name].of("wakes")[0]) >= 3
    assert unmatched(both[kind.name], "wakes", CALLS) <= MAY_MISS[kind.name]


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_sleeps_a_poll_apart_at_most(both: Both, kind: Kind) -> None:
    assert len(both[kind.name].of("sleeps")[0]) >= 2
    assert unmatched(both[kind.name], "sleeps", kind.polling_interval + CALLS) <= MAY_MISS[kind.name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_steps_of_the_hpa_but_for_one(both: Both, kind: Kind) -> None:
    ran = both[kind.name]
    assert unmatched(ran, "steps", SYNC_PERIOD + CALLS) <= 1 + MAY_MISS[kind.name]
    most = [max((each.after for each in steps), default=1) for steps in ran.of("steps")]
    assert abs(most[0] - most[1]) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_cold_starts(both: Both, kind: Kind) -> None:
    """Every replica that was asked for is one, but for those that a warm pod became: they are started all the same."""
    ran = both[kind.name]
    asked = sum(max(0, each.after - each.before) for each in ran.live.steps if each.at < DURATION)
    assert asked == pytest.approx(ran.figures.started, abs=STEP * (1 + MAY_MISS[kind.name]))


def test_the_pool_is_hit_and_missed_alike(both: Both) -> None:
    figures, told = both["pool"].figures, both["pool"].live.report
    assert (told["hits"], told["misses"]) == pytest.approx((figures.hits, figures.missed), abs=CLAIMS)


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[2]])  # who polls may see the last burst after the end
def test_everything_was_served(both: Both, kind: Kind) -> None:
    assert both[kind.name].live.report["served"] == both[kind.name].figures.served
