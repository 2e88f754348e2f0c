"""Answers for triggers of which nothing was ever read: "as you are", by the scale of what they scale.

Why not an error: on KEDA 2.20 and 2.21 an error is no hold. It closes the object's cache of scalers, and a check that
meets the closed cache takes the trigger for inactive (measured: 15 of 40 busy Deployments asleep within three minutes).
So a replica that starts while a source is down, and has nothing to hold, tells KEDA what is there already.

For a ScaledJob that is silence: no new jobs, and those that run are not ended.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from structlog import get_logger

from scaler.errors import ApiRefused, ApiUnreachable, Missing, Undecidable
from scaler.keda import Reference, scaled, trigger_of
from scaler.model import Decision, Instant, Metric, Standing, Why
from scaler.net.kube import FORBIDDEN, Document, Kube, Resource
from scaler.observe import metrics
from scaler.policy.freeze import Scale, as_it_is

log = get_logger(__name__)

WITHIN: Final = 0.8  # s that a call waits for the API
OBJECT_FRESH: Final = 10.0  # s for which what a ScaledObject says is not asked again
SCALE_FRESH: Final = 1.0  # s for which a scale is not asked again; a poll asks twice, and the HPA may ask in between
STALE: Final = 60.0  # s for which the last scale is still told while the API does not answer
AT_ONCE: Final = 32  # calls of ours that the API has to answer at the same time

_NO_ACCESS: Final = (
    "the Kubernetes API cannot be read: run with a service account, or --kubeconfig, "
    "that may get scaledobjects and scaledjobs of keda.sh and the scale of their targets"
)
_KNOWN: Final = {"Deployment": Resource(api="apps/v1", plural="deployments")}
_KNOWN["StatefulSet"] = Resource(api="apps/v1", plural="statefulsets")


class Freezer:
    """Makes the stand-ins, and is their way to the API; ``kube`` is ``None`` where there is none."""

    def __init__(self, kube: Kube | None, clock: Callable[[], Instant]) -> None:
        self.clock = clock
        self._kube = kube
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._told: set[str] = set()

    def stand_in(self, reference: Reference) -> "StandIn":
        """Return who answers for one trigger."""
        return StandIn(self, reference)

    async def scaled(self, reference: Reference) -> Document:
        """Return the ScaledObject or ScaledJob of a trigger. Raises :class:`Missing`, also without access."""
        async with self._turns:
            return await scaled(self._reachable(), reference)

    async def scale(self, resource: Resource, namespace: str, name: str) -> Document:
        """Return the scale of a target. Raises :class:`Missing` without access."""
        async with self._turns:
            return await self._reachable().get(resource, namespace, name, "scale")

    def tell(self, why: str, **about: str) -> None:
        """Log, once, that something keeps us from freezing."""
        if why not in self._told and len(self._told) < AT_ONCE:
            self._told.add(why)
            log.warning("cannot freeze", why=why, **about)

    def _reachable(self) -> Kube:
        if self._kube is None:
            raise Missing(_NO_ACCESS)
        return self._kube


class StandIn:
    """Answers for one trigger while nothing is known of its source; ``problem`` says why it could not, last time."""

    __slots__ = ("_freezer", "_object", "_object_at", "_reference", "_scale", "_turn", "decision", "problem")

    def __init__(self, freezer: Freezer, reference: Reference) -> None:
        self.decision: Decision | None = None
        self.problem = ""
        self._freezer = freezer
        self._reference = reference
        self._object: Document | None = None
        self._object_at = Instant(0.0)
        self._scale: tuple[Scale, Instant] | None = None
        self._turn = asyncio.Lock()

    async def decide(self, metric: Metric) -> Decision:
        """Return the decision that changes nothing, within :data:`WITHIN` seconds.

        Raises :class:`Undecidable` where the API may not be read, with what to grant.
        """
        scale, read_at = await self._fresh()
        active, value = as_it_is(scale, metric.target)
        if self.decision is None:
            metrics.DECISIONS.labels(Why.FROZEN.name.lower()).inc()
        self.problem = ""
        self.decision = Decision(active=active, value=value, standing=Standing.FROZEN, why=Why.FROZEN, read_at=read_at)
        return self.decision

    async def _fresh(self) -> tuple[Scale, Instant]:
        """Return a scale as fresh as the API allows; whoever asks at the same time shares one answer."""
        try:
            async with asyncio.timeout(WITHIN), self._turn:
                if self._scale is None or self._age(self._scale[1]) >= SCALE_FRESH:
                    self._scale = await self._read(), self._freezer.clock()
                return self._scale
        except (TimeoutError, ApiUnreachable) as error:
            if self._scale is not None and self._age(self._scale[1]) < STALE:
                return self._scale
            return self._refuse(str(error) or f"the Kubernetes API did not answer within {WITHIN:g} s")
        except Missing as error:
            return self._refuse(str(error))
        except ApiRefused as error:
            return self._refuse(f"{error}; grant it" if error.status == FORBIDDEN else str(error))

    def _refuse(self, why: str) -> tuple[Scale, Instant]:
        self.decision, self.problem = None, why
        self._freezer.tell(why, namespace=self._reference[0], name=self._reference[1])
        raise Undecidable(why)

    async def _read(self) -> Scale:
        document = await self._scaled_object()
        if document["kind"] != "ScaledObject":
            return Scale(replicas=0)
        target = document["spec"]["scaleTargetRef"]
        answer = await self._freezer.scale(_resource(document), self._reference[0], target["name"])
        trigger = trigger_of(document, self._reference) or {}
        return Scale(
            replicas=int(answer["spec"].get("replicas", 0)),  # the API leaves out what is zero
            idle=int(document["spec"].get("idleReplicaCount", 0)),
            averaged=trigger.get("metricType", "AverageValue") != "Value",
        )

    async def _scaled_object(self) -> Document:
        if self._object is None or self._age(self._object_at) >= OBJECT_FRESH:
            self._object = await self._freezer.scaled(self._reference)
            self._object_at = self._freezer.clock()
        return self._object

    def _age(self, since: Instant) -> float:
        return self._freezer.clock() - since


def _resource(document: Document) -> Resource:
    """Name the resource of the target as KEDA has found it, or as everybody knows it.

    Raises :class:`Missing` for a kind that KEDA has not looked up yet.
    """
    found = document.get("status", {}).get("scaleTargetGVKR")
    if found:
        api = f"{found['group']}/{found['version']}" if found.get("group") else found["version"]
        return Resource(api=api, plural=found["resource"])
    kind = document["spec"]["scaleTargetRef"].get("kind") or "Deployment"
    if kind not in _KNOWN:
        raise Missing(f"KEDA has not looked up yet what a {kind} is")
    return _KNOWN[kind]
