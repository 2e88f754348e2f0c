"""What a watcher sees, as values: taken from the world in one instant, drawn by ``screen`` whenever it likes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from simulations.demo.cluster import ClusterDeployment
from simulations.demo.emulator.keda import Heard
from simulations.demo.history import Sample
from simulations.demo.journal import Line
from simulations.demo.lane import Lane, Scaled
from simulations.demo.latency import Latencies
from simulations.demo.pods import Phase
from simulations.demo.pool import Pool
from simulations.demo.scaler import Condition
from simulations.demo.world import World
from simulations.keda import Failed, Told

LINES = 40
RATE_OVER = 3  # s over which the rate of arrivals is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """The warm pods: ``size`` is how many there are to be, ``warm`` wait, ``starting`` are on their way."""

    size: int
    warm: int
    starting: int
    hits: int
    misses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """One lane.

    ``latencies`` are those to KEDA's asking for a replica, ``readied`` those to a Ready pod. ``pending`` is how long
    the first event after zero has been waiting, ``last`` how long the one before waited. ``ready`` pods take events.
    ``told`` is KEDA's last answer and when it came; ``standing`` and ``why`` are the scaler's words now.
    """

    title: str
    subtitle: str
    samples: Sequence[Sample]
    waiting: int
    replicas: int
    ready: int
    phases: Sequence[Phase]
    latencies: Latencies
    readied: Latencies
    pending: float | None
    last: str
    told: str
    standing: str
    why: str
    pool: PoolView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything; ``down`` says of each second whether the broker was down, as ``arrivals`` how many events came."""

    at: float
    speed: float
    seed: int
    broker: str
    outage: float | None
    outages: float
    scale_downs: int
    foreseen: int
    scaler: Condition
    scaler_address: str
    events: int
    rate: float
    arrivals: Sequence[int]
    down: Sequence[bool]
    lanes: Sequence[LaneView]
    lines: Sequence[Line]


def seen(world: World) -> View:
    """Look at the world."""
    now, history, outage = world.clock.now(), world.history, world.outage
    status = world.scaler.status()
    recent = list(history.arrivals)[-RATE_OVER:]
    return View(
        at=now,
        speed=world.clock.speed,
        seed=world.options.seed,
        broker=world.broker.title,
        outage=None if outage is None else now - outage.start,
        outages=sum((each.end or now) - each.start for each in world.outages),
        scale_downs=sum(lane.ledger.scale_downs for lane in world.lanes),
        foreseen=sum(lane.ledger.foreseen for lane in world.lanes),
        scaler=world.scaler.condition.value,
        scaler_address=world.scaler.address,
        events=world.events,
        rate=sum(recent) / len(recent) if recent else 0.0,
        arrivals=tuple(history.arrivals),
        down=tuple(history.down),
        lanes=[
            _lane(lane, history.lanes.get(lane.kind.name, ()), status.get(lane.name, {}), world) for lane in world.lanes
        ],
        lines=list(world.journal.lines)[-LINES:],
    )


def _lane(lane: Lane, samples: Sequence[Sample], said: Mapping[str, Any], world: World) -> LaneView:
    ledger, kind, now, speed = lane.ledger, lane.kind, world.clock.now(), world.clock.speed
    last = ledger.asked.activations[-1] if ledger.asked.activations else None
    pool = _pool(lane.deployment, world.pool)
    pending = lane.wait.pending
    return LaneView(
        title=kind.title,
        subtitle=f"{kind.type}, polls {kind.polling_interval:g} s" if pool is None else _sized(pool.size),
        samples=tuple(samples),
        waiting=ledger.waiting + lane.producer.held,
        replicas=lane.deployment.replicas,
        ready=lane.deployment.serving,
        phases=tuple(lane.deployment.phases),
        latencies=ledger.asked.latencies(),
        readied=ledger.ready.latencies(),
        pending=None if pending is None else now - pending.since.at,
        last="" if last is None else f"{spoken(last.waited)} by {last.cause}",
        told=_told(lane.keda.heard, now),
        standing=_standing(said, speed),
        why=str(said.get("why", "")),
        pool=pool,
    )


def _pool(deployment: Scaled, pool: Pool | None) -> PoolView | None:
    if pool is None or not isinstance(deployment, ClusterDeployment):
        return None
    figures = pool.figures()
    return PoolView(
        size=pool.wanted,
        warm=deployment.warm,
        starting=deployment.warming,
        hits=figures.hits,
        misses=figures.misses,
    )


def _sized(size: int) -> str:
    """Say how many warm pods there are to be."""
    return f"{size or 'no'} warm pod{'' if size == 1 else 's'}"


def _told(heard: Heard | None, now: float) -> str:
    if heard is None:
        return "nothing yet"
    ago = f"{now - heard.at:.0f} s ago"
    match heard.answer:
        case Told(value=value, active=active):
            return f"{value / 1000:g}, {'active' if active else 'inactive'}, {ago}"
        case Failed():
            return f"nothing: no answer, {ago}"
        case bool():
            return f"active, pushed {ago}"
        case _:
            assert_never(heard.answer)


def _standing(said: Mapping[str, Any], speed: float) -> str:
    """Say how much the scaler's present decision is worth, and how old it is if it is held, in the demo's time."""
    if said.get("state") == "held" and said.get("age") is not None:
        return f"held for {speed * said['age']:.0f} s"
    return str(said.get("state", ""))


def spoken(seconds: float | None) -> str:
    """Say a latency as people do."""
    if seconds is None:
        return "-"
    if seconds < 1.0:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s"
