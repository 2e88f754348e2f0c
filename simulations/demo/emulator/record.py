"""What an emulated KEDA went through, and what its replicas must be by that. Pure.

The record holds what came from outside, when it came: the scaler's answers, pushes, ends of streams, and the instants
of checks and syncs. It holds no replicas: :func:`replayed` starts at zero and takes every step of the executor and of
the HPA again, on the replicas that follow from its own steps. So a run that lost, doubled or reordered a write, or
acted on other replicas than it wrote, ends with a number that differs from this one.
"""

from dataclasses import dataclass, field, replace
from typing import assert_never

from simulations.hpa import HpaState, Outcome, Seen, Series, reconcile
from simulations.keda import (
    Checked,
    Event,
    LoopState,
    Pushed,
    Queried,
    Scale,
    ScaledObject,
    Serve,
    Status,
    StreamEnded,
    Tick,
    hpa_spec,
    start,
    step,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something happened to KEDA's loop; the replicas that its event names are not believed."""

    at: float
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The HPA did a sync, with what the query before it was served."""

    at: float


Entry = Happened | Synced


@dataclass(slots=True, kw_only=True)
class Record:
    """All that happened to one ScaledObject since ``begun``."""

    scaled: ScaledObject
    begun: float
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Replay:
    """A world of nothing but numbers."""

    scaled: ScaledObject
    loop: LoopState
    hpa: HpaState
    replicas: int = 0
    served: Series | None = None

    def happen(self, event: Event, at: float) -> None:
        self.loop, actions = step(self.scaled, self.loop, seen_by(event, self.replicas, self.replicas), at)
        for action in actions:
            if isinstance(action, Scale):
                self.replicas = action.replicas
            elif isinstance(action, Serve):
                self.served = action.series

    def sync(self, at: float) -> None:
        self.hpa, outcome = synced(self.scaled, self.hpa, (self.replicas, self.replicas, 0), self.served, at)
        self.replicas, self.served = outcome.replicas, None


def replayed(record: Record) -> int:
    """Return the replicas that the pure models arrive at."""
    status = Status(created=record.begun)
    world = _Replay(scaled=record.scaled, loop=start(record.scaled, status, record.begun), hpa=HpaState())
    for entry in record.entries:
        match entry:
            case Happened(at=at, event=event):
                world.happen(event, at)
            case Synced(at=at):
                world.sync(at)
            case _:
                assert_never(entry)
    return world.replicas


def seen_by(event: Event, replicas: int, ready: int) -> Event:
    """Fill in the cluster as an event met it."""
    match event:
        case Checked() | Queried():
            return replace(event, replicas=replicas, ready=ready)
        case Pushed():
            return replace(event, replicas=replicas)
        case Tick() | StreamEnded():
            return event
        case _:
            assert_never(event)


def synced(
    scaled: ScaledObject, state: HpaState, pods: tuple[int, int, int], served: Series | None, at: float
) -> tuple[HpaState, Outcome]:
    """Do one sync of the HPA that KEDA made; ``pods`` are those that are asked for, that exist, that are ready."""
    replicas, existing, ready = pods
    seen = Seen(replicas=replicas, pods=existing, ready=ready, series=(served,))
    return reconcile(hpa_spec(scaled), state, seen, at)
