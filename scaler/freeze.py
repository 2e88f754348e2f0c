"""Answers for triggers of which nothing was ever read: "as you are", by the scale of what they scale.

Why not an error: on KEDA 2.20 and 2.21 an error is no hold. It closes the object's cache of scalers, and a check that
meets the closed cache takes the trigger for inactive (measured: 15 of 40 busy Deployments asleep within three minutes).
So a replica that starts while a source is down, and has nothing to hold, tells KEDA what is there already.

For a ScaledJob that is silence: no new jobs, and those that run are not ended.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from structlog import get_logger

from scaler.errors import ApiRefused, ApiUnreachable, Missing, Undecidable
from scaler.keda import Reference, Target, scaled, target_of
from scaler.model import Decision, Instant, Metric, Standing, Why
from scaler.net.kube import FORBIDDEN, Kube, understood
from scaler.observe import metrics
from scaler.policy.freeze import Scale, as_it_is

log = get_logger(__name__)

WITHIN: Final = 0.8  # s that a call waits for the API; what is answered later is there for the next call
TARGET_FRESH: Final = 60.0  # s for which it is not asked again what an object scales
SCALE_FRESH: Final = 1.0  # s for which a scale is not asked again; a poll asks twice, and the HPA may ask in between
REFUSED: Final = 5.0  # s for which what was refused is not asked again
STALE: Final = 60.0  # s for which the last scale is still told while the API does not answer
AT_ONCE: Final = 32  # questions of ours that the API has to answer at the same time
TOLD: Final = 32  # reasons that are logged, once each

_NO_ACCESS: Final = (
    "the Kubernetes API cannot be read: run with a service account, or --kubeconfig, "
    "that may get scaledobjects and scaledjobs of keda.sh and the scale of their targets"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A scale, at an instant, and the target for one replica where it is not the trigger's own."""

    at: Instant
    scale: Scale
    per_replica: float | None


class Freezer:
    """Asks the API for all stand-ins, in tasks of its own; ``kube`` is ``None`` where there is none."""

    def __init__(self, tasks: asyncio.TaskGroup, kube: Kube | None, clock: Callable[[], Instant]) -> None:
        self.clock = clock
        self._tasks = tasks
        self._kube = kube
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()

    def stand_in(self, reference: Reference) -> "StandIn":
        """Return who answers for one trigger."""
        return StandIn(self, reference)

    def begin(self, stand_in: "StandIn") -> asyncio.Task[None]:
        """Ask the API for one of them; who waited for it may be gone before it has answered."""
        task = self._tasks.create_task(self._ask(stand_in), name="freeze")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def stop(self) -> None:
        """Ask no more."""
        for task in self._running:
            task.cancel()

    async def _ask(self, stand_in: "StandIn") -> None:
        async with self._turns:
            await stand_in.look(self._kube)

    def tell(self, why: str, **about: str) -> None:
        """Log, once, that something keeps us from freezing."""
        if why not in self._told and len(self._told) < TOLD:
            self._told.add(why)
            log.warning("cannot freeze", why=why, **about)


class StandIn:
    """Answers for one trigger while nothing is known of its source; ``problem`` says why it could not, last time."""

    __slots__ = (
        "_asking",
        "_freezer",
        "_reference",
        "_refused_at",
        "_seen",
        "_target",
        "_target_at",
        "decision",
        "problem",
    )

    def __init__(self, freezer: Freezer, reference: Reference) -> None:
        self.decision: Decision | None = None
        self.problem = ""
        self._freezer = freezer
        self._reference = reference
        self._asking: asyncio.Task[None] | None = None
        self._refused_at = Instant(float("-inf"))
        self._target: Target | None = None
        self._target_at = Instant(float("-inf"))
        self._seen: Seen | None = None

    async def decide(self, metric: Metric) -> Decision:
        """Return the decision that changes nothing, within :data:`WITHIN` seconds.

        Raises :class:`Undecidable` where the API may not be read, with what to grant.
        """
        if not self._known_for(SCALE_FRESH) and self._age(self._refused_at) >= REFUSED:
            self._asking = self._asking or self._freezer.begin(self)
            await asyncio.wait({self._asking}, timeout=WITHIN)
        if self._seen is None or not self._known_for(STALE if self._seen.scale.awake else SCALE_FRESH + WITHIN):
            self.decision = None
            raise Undecidable(self.problem or f"the Kubernetes API did not answer within {WITHIN:g} s")
        if self.decision is None:
            metrics.DECISIONS.labels(Why.FROZEN.name.lower()).inc()
        active, value = as_it_is(self._seen.scale, self._seen.per_replica or metric.target)
        self.decision = Decision(
            active=active, value=value, standing=Standing.FROZEN, why=Why.FROZEN, read_at=self._seen.at
        )
        return self.decision

    async def look(self, kube: Kube | None) -> None:
        """Ask the API, and remember what it says or why it does not; meanwhile the last scale goes on being told."""
        try:
            self._seen = await self._read(kube)
            self.problem = ""
        except ApiUnreachable as error:
            self._note(str(error), "the Kubernetes API does not answer")
        except (Missing, ApiRefused) as error:
            self._seen = None if isinstance(error, Missing) else self._seen
            self._refused_at = self._freezer.clock()
            denied = isinstance(error, ApiRefused) and error.status == FORBIDDEN
            self._note(f"{error}; grant it" if denied else str(error))
        finally:
            self._asking = None

    def _note(self, problem: str, reason: str = "") -> None:
        self.problem = problem
        self._freezer.tell(reason or problem, namespace=self._reference[0], name=self._reference[1])

    async def _read(self, kube: Kube | None) -> Seen:
        if kube is None:
            raise Missing(_NO_ACCESS)
        if self._age(self._target_at) >= TARGET_FRESH:
            self._target = target_of(await scaled(kube, self._reference), self._reference)
            self._target_at = self._freezer.clock()
        if self._target is None:
            return Seen(at=self._freezer.clock(), scale=Scale(replicas=0), per_replica=None)
        return await self._read_scale(kube, self._target)

    async def _read_scale(self, kube: Kube, target: Target) -> Seen:
        try:
            answer = await kube.get(target.resource, self._reference[0], target.name, "scale")
        except ValueError as error:
            raise Missing(str(error)) from error
        with understood(f"scale of {target.name}"):
            replicas = int(answer["spec"].get("replicas", 0))  # the API leaves out what is zero
        scale = Scale(replicas=replicas, idle=target.idle, averaged=target.averaged)
        return Seen(at=self._freezer.clock(), scale=scale, per_replica=target.per_replica)

    def _known_for(self, seconds: float) -> bool:
        return self._seen is not None and self._age(self._seen.at) < seconds

    def _age(self, since: Instant) -> float:
        return self._freezer.clock() - since


@asynccontextmanager
async def running_freezer(kube: Kube | None, clock: Callable[[], Instant]) -> AsyncIterator[Freezer]:
    """Run a freezer for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        freezer = Freezer(tasks, kube, clock)
        try:
            yield freezer
        finally:
            freezer.stop()
