"""The autoscaler of the simulator, beside the real one: every sync of both, with the same metrics at the same instants.

The real controller runs alone, without KEDA. What it saw of the world (the pods that exist, those that are ready, what
others wrote) is given to the simulated one, whose replicas are its own: where it errs it goes its own way, and then its
pods are its own, too.

When the controller decided is known to some milliseconds, on a busy machine to some tenths of a second. Where a rule
turns in that time, such as a window that ends, both outcomes are right, and the simulated autoscaler goes on with the
real one's; that must be rare. For the same reason one sync may lie between a step of the one and of the other.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from simulations.hpa import HpaState, Outcome, Recommendation, Seen, Why, reconcile
from simulations.hpa.model import nanoseconds
from simulations.hpa.rates import log_event
from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, PODS, Api, Document
from tests.cluster.control_plane import ControlPlane
from tests.cluster.pools import ready
from tests.cluster.truth.autoscalers import autoscaler, metric
from tests.cluster.truth.metrics import Told, serving
from tests.cluster.truth.scenarios import FLAGS, SCENARIOS, SYNCS, Scenario
from tests.cluster.truth.syncs import Pods, ScaleAudit, Sync, pods, syncs
from tests.cluster.truth.timelines import counted, distance, told
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(400)]

PLACE = "truth"
LIKELIEST_FIRST = (1, 0, 2)
LAG = 0.5  # s by which the controller, on a busy machine, may hear of a pod later than it could
WITHIN = 240.0  # s for all of it; alone on its machine it takes 80
SETTLED = frozenset({Why.DISABLED, Why.ABOVE_MAX, Why.BELOW_MIN})

State = tuple[int, str, str, bool]
"""Replicas after a sync, the reasons of AbleToScale and ScalingLimited, and whether it asked the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What one scenario came to, sync by sync, on either side; ``unsure`` syncs could have gone either way."""

    real: Sequence[State]
    simulated: Sequence[State]
    unsure: int


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lived]]:
    """Run all scenarios at the same time on a control plane of their own, with shortened time."""
    home = tmp_path_factory.mktemp("truth")
    plane = ControlPlane(home, hpa=FLAGS)
    audit = ScaleAudit(home / "kube-apiserver")
    plane.api_server.audit = audit
    with plane:
        yield _run(plane, audit)


@pytest.mark.parametrize("name", [each.name for each in SCENARIOS])
def test_the_simulated_autoscaler_scales_as_the_real_one(lived: dict[str, Lived], name: str) -> None:
    real, simulated = (counted(state[0] for state in side) for side in (lived[name].real, lived[name].simulated))
    found = distance(real, simulated)
    assert found.most is not None, told(name, real, simulated)
    assert found.most <= 1.0, told(name, real, simulated)


@pytest.mark.parametrize("name", [each.name for each in SCENARIOS])
def test_the_simulated_autoscaler_gives_the_same_reasons(lived: dict[str, Lived], name: str) -> None:
    real, simulated = counted(lived[name].real), counted(lived[name].simulated)
    found = distance(real, simulated)
    assert found.most is not None, told(name, real, simulated)
    assert found.most <= 1.0, told(name, real, simulated)


def test_every_scenario_was_worth_it(lived: dict[str, Lived], measured: Callable[[str], None]) -> None:
    """A scenario in which nothing happens compares nothing, and neither do syncs that could go either way."""
    unequal = sum(
        real != simulated for one in lived.values() for real, simulated in zip(one.real, one.simulated, strict=True)
    )
    compared, unsure = sum(len(one.real) for one in lived.values()), sum(one.unsure for one in lived.values())
    steps = {name: len(counted(state[0] for state in one.real)) for name, one in lived.items()}
    measured(
        f"{len(lived)} HPAs, {compared} syncs of the real autoscaler, {sum(steps.values())} steps: "
        f"{unequal} syncs unequal, {unsure} unsure"
    )
    assert all(len(one.real) >= SYNCS for one in lived.values())
    assert min(steps.values()) >= 4, steps
    assert max(unequal, unsure) <= compared / 50


def _run(plane: ControlPlane, audit: ScaleAudit) -> dict[str, Lived]:
    plane.api.apply(manifests.namespace(PLACE))
    scripts = {
        metric(each.name, number): each.script(number) for each in SCENARIOS for number in range(len(each.values))
    }
    with serving(plane, scripts) as metrics:
        _deploy(plane.api)
        _write(plane.api, metrics.begin())
        wait_until(
            lambda: min(audit.looks()[each.name] for each in SCENARIOS) >= SYNCS + 2,  # the last of all is not counted
            within=WITHIN,
            what=f"{SYNCS} syncs of each",
            every=2.0,
        )
        events = audit.events()
        return {each.name: _lived(each, events, metrics.told) for each in SCENARIOS}


def _deploy(api: Api) -> None:
    """Deploy all, wait until their pods are ready, and only then let the autoscaler know of them."""
    for each in SCENARIOS:
        api.apply(manifests.deployment(PLACE, each.name, replicas=each.replicas, cold_start=each.cold_start))
    wanted = sum(each.replicas for each in SCENARIOS)
    wait_until(lambda: sum(map(ready, api.all(PODS, PLACE))) == wanted, within=60.0, what="all pods ready")
    for each in SCENARIOS:
        api.apply(autoscaler(PLACE, each.name, each.spec))


def _write(api: Api, begun: float) -> None:
    """Write what others than the autoscaler write, each at its time."""
    writes = sorted((at, each.name, replicas) for each in SCENARIOS for at, replicas in each.writes)
    for at, name, replicas in writes:
        time.sleep(max(0.0, begun + at - time.time()))  # the script's own time, not a wait for anything
        api.patch(DEPLOYMENTS, name, PLACE, {"spec": {"replicas": replicas}})


def _lived(each: Scenario, events: Sequence[Document], answers: Sequence[Told]) -> Lived:
    names = {metric(each.name, number) for number in range(len(each.values))}
    real = syncs(each.name, events, [answer for answer in answers if answer.metric in names])
    simulated = Simulated(each, pods(each.name, events), real[0])
    states = [simulated.sync(sync) for sync in real]
    return Lived(real=[_state(sync) for sync in real], simulated=states, unsure=simulated.unsure)


def _state(sync: Sync) -> State:
    return sync.replicas, sync.able, sync.limit, sync.series is not None


class Simulated:
    """The simulated autoscaler; its replicas are those of its own sync before, unless somebody else has written.

    It has three memories: one that dates everything as early as may be, one as is likeliest, and one as late.
    """

    def __init__(self, scenario: Scenario, counted_pods: Pods, first: Sync) -> None:
        self.scenario = scenario
        self.pods = counted_pods
        self.unsure = 0
        self._real = self._replicas = scenario.replicas
        self._limit = ""
        there = Recommendation(at=nanoseconds(first.began), replicas=first.before)
        self._memories = [HpaState(recommendations=(there,))] * 3

    def sync(self, sync: Sync) -> State:
        """Go through one sync in every way in which it may have been, and take the real one's part if it can be."""
        ways = list(self._ways(sync))
        states = [self._told(outcome) for outcome, _ in ways]
        self.unsure += len(set(states)) > 1
        taken = states.index(_state(sync)) if _state(sync) in states else 0
        self._remember(sync, *ways[taken])
        self._real, self._replicas, self._limit = sync.replicas, ways[taken][0].replicas, states[taken][2]
        return states[taken]

    def _ways(self, sync: Sync) -> Iterator[tuple[Outcome, Seen]]:
        """Yield what follows at each instant, the likeliest first, from each memory and number of ready pods."""
        own = self._replicas if sync.before == self._real else sync.before
        together = own == sync.before
        for number in LIKELIEST_FIRST:
            instant = sync.instants[number]
            for up in self.pods.between(sync.instants[0] - LAG, instant) if together else [own]:
                seen = Seen(
                    replicas=own,
                    pods=sync.pods if together else own,
                    ready=up,
                    series=sync.series or (None,) * len(self.scenario.values),
                )
                for memory in (self._memories[each] for each in LIKELIEST_FIRST):
                    yield reconcile(self.scenario.spec, memory, seen, instant)[1], seen

    def _remember(self, sync: Sync, outcome: Outcome, seen: Seen) -> None:
        """Note what was proposed at its decision, and a change only when the API server has answered, as it does."""
        decided, wrote = sync.instants, sync.wrote or sync.instants
        self._memories = [
            self._noted(memory, outcome, seen, times)
            for memory, times in zip(self._memories, zip(decided, wrote, strict=True), strict=True)
        ]

    def _noted(self, memory: HpaState, outcome: Outcome, seen: Seen, times: tuple[float, float]) -> HpaState:
        spec, (decided, wrote) = self.scenario.spec, times
        after, own = reconcile(spec, memory, seen, decided)
        if own.replicas == outcome.replicas:
            return _dated(after, decided, wrote)
        after = replace(memory, recommendations=after.recommendations)
        change = outcome.replicas - outcome.before
        return log_event(after, spec.behavior, change, nanoseconds(wrote)) if change and spec.behavior else after

    def _told(self, outcome: Outcome) -> State:
        """Say an outcome as the HPA's status does, whose conditions keep what a sync does not set."""
        able = "SucceededGetScale" if outcome.able is None else outcome.able.value
        limit = self._limit if outcome.limit is None else outcome.limit.value
        return outcome.replicas, "SucceededRescale" if outcome.rescaled else able, limit, outcome.why not in SETTLED


def _dated(state: HpaState, decided: float, wrote: float) -> HpaState:
    """Give a change that was noted just now the time of its write."""
    ups, downs = (
        tuple(replace(event, at=nanoseconds(wrote)) if event.at == nanoseconds(decided) else event for event in events)
        for events in (state.ups, state.downs)
    )
    return replace(state, ups=ups, downs=downs)
