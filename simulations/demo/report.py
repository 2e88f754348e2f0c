"""What a run comes to: one record, as JSON, as YAML and as a table.

``replicas.final`` counts the pods that exist in the simulated cluster when KEDA and the HPA have been stopped.
``replicas.expected`` is computed afterwards and apart from it: the pure executor and the pure HPA take all their steps
again from zero, over the answers that KEDA was given and the instants it got them, on replicas of their own (see
``emulator.record``). The two are equal only if every write was made, once and in order, and nobody else wrote.

``latency_ms`` is the time from the publication of the first event after zero to KEDA's setting one replica or more,
simulated waiting in the demo's time plus real work in the wall's (see ``clock``). An event that its producer had to
keep while the broker was down is left out; how long the first of those waited after their late publication is
``outage.recovery_ms``.

``ready_ms`` is the time from the same event to the first Ready pod that the Service leads to, cold start included. In
the lane with a pool this is ``latency_ms``, too. KEDA's own first word there is as fast as in ``push``.

``outage.scale_downs`` counts every time replicas went down while the broker was down, other than to what the backlog of
before the outage had asked for anyway; those are ``outage.foreseen``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypedDict

from simulations.demo.emulator.calls import RPCS
from simulations.demo.emulator.record import replayed
from simulations.demo.lane import Lane
from simulations.demo.latency import Cause, Latencies
from simulations.demo.pool import Figures
from simulations.demo.world import World

Milliseconds = float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Latencies in milliseconds; ``None`` where there is none."""

    p50: Milliseconds
    p95: Milliseconds
    max: Milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Pods at the end, those that there have to be, and the most that were asked for at any time."""

    final: int
    expected: int
    max: int


class _Figures(TypedDict):
    activations: int
    by_push: int
    latency_ms: Quantiles
    ready_ms: Quantiles
    replicas: Replicas
    served: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneReport:
    """One lane: ``by_push`` is how often KEDA was woken by a push, ``served`` events were acknowledged."""

    activations: int
    by_push: int
    latency_ms: Quantiles
    ready_ms: Quantiles
    replicas: Replicas
    served: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport(LaneReport):
    """The lane with warm pods: replicas that found one and that did not, and the demo's seconds that pods waited.

    ``broken`` is what the pool must never do and did: more pods than its size and surge, or a serving one deleted.
    """

    hits: int
    misses: int
    idle_pod_seconds: float
    broken: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageReport:
    """All outages together; the counts are of all lanes."""

    seconds: float
    scale_downs: int
    foreseen: int
    events_kept: int
    recovery_ms: Mapping[str, Milliseconds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run."""

    seed: int
    duration_s: float
    speed: float
    source: str
    events: int
    push: LaneReport
    poll: LaneReport | None
    pool: PoolReport | None
    outage: OutageReport
    replicas: Replicas
    keda_calls: Mapping[str, int]

    @property
    def sound(self) -> bool:
        """Whether what must hold in every run held."""
        exact = all(lane.replicas.final == lane.replicas.expected for lane in (self.push, self.poll, self.pool) if lane)
        return exact and self.outage.scale_downs == 0 and not (self.pool is not None and self.pool.broken)

    def document(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


def report(world: World) -> Report:
    """Sum up a run that is over, while its cluster still stands."""
    lanes = {lane.kind.name: LaneReport(**_lane(lane)) for lane in world.lanes if not lane.kind.pool}
    pooled = next((lane for lane in world.lanes if lane.kind.pool), None)
    return Report(
        seed=world.options.seed,
        duration_s=round(world.options.duration or world.clock.now(), 3),
        speed=world.clock.speed,
        source=world.broker.kind,
        events=world.events,
        push=lanes["push"],
        poll=lanes.get("poll"),
        pool=_pool(pooled, world.pool.figures(), world.broken)
        if pooled is not None and world.pool is not None
        else None,
        outage=_outage(world),
        replicas=lanes["push"].replicas,
        keda_calls={rpc: world.calls[rpc] for rpc in RPCS},
    )


def _pool(lane: Lane, figures: Figures, broken: Sequence[str]) -> PoolReport:
    return PoolReport(
        **_lane(lane),
        hits=figures.hits,
        misses=figures.misses,
        idle_pod_seconds=round(figures.idle_pod_seconds, 1),
        broken=list(broken),
    )


def _lane(lane: Lane) -> _Figures:
    counted = [each for each in lane.ledger.asked.activations if not each.kept]
    return _Figures(
        activations=lane.wait.latencies().count,
        by_push=sum(each.cause is Cause.PUSH for each in counted),
        latency_ms=_quantiles(lane.wait.latencies()),
        ready_ms=_quantiles(lane.ledger.ready.latencies()),
        replicas=Replicas(
            final=lane.deployment.existing, expected=replayed(lane.keda.record), max=lane.ledger.most_replicas
        ),
        served=lane.ledger.served,
    )


def _outage(world: World) -> OutageReport:
    ledgers = [lane.ledger for lane in world.lanes]
    now = world.clock.now()
    return OutageReport(
        seconds=round(sum([(each.end or now) - each.start for each in world.outages], 0.0), 3),
        scale_downs=sum(ledger.scale_downs for ledger in ledgers),
        foreseen=sum(ledger.foreseen for ledger in ledgers),
        events_kept=_most(lane.producer.kept for lane in world.lanes),
        recovery_ms={lane.kind.name: _milliseconds(lane.wait.recovery()) for lane in world.lanes},
    )


def _most(numbers: Iterable[int]) -> int:
    return max(numbers, default=0)


def _quantiles(found: Latencies) -> Quantiles:
    return Quantiles(p50=_milliseconds(found.p50), p95=_milliseconds(found.p95), max=_milliseconds(found.max))


def _milliseconds(seconds: float | None) -> Milliseconds:
    return None if seconds is None else round(1000.0 * seconds, 1)
