"""Looks at scaled objects and their replicas, as often as the API can bear, and writes down what has changed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from structlog import get_logger

from scaler.errors import ApiRefused, ApiUnreachable, Missing, ScalerError
from scaler.keda import Target, scaled, target_of, trigger_of
from scaler.net.kube import Document, Kube, understood
from scaler.recording.format import What
from scaler.recording.journal import Journal, Line
from scaler.recording.recorder import Recorder, Track

log = get_logger(__name__)

EVERY: Final = 2.0  # s between two looks at one object, at least: what the times of its replicas are worth
LOOKS: Final = 10.0  # a second at all objects, at most: with 1,000 of them each is looked at every 100 s
OBJECT_EVERY: Final = 60.0  # s between two looks at the scaled object itself, which changes when a person changes it
PAUSE: Final = 10.0  # s in which an API that does not answer is left alone
PAUSED: Final = "autoscaling.keda.sh/paused"
TOLD: Final = 32  # reasons that are logged, once each

NUMBERS: Final = (
    "minReplicaCount",
    "maxReplicaCount",
    "idleReplicaCount",
    "pollingInterval",
    "cooldownPeriod",
    "initialCooldownPeriod",
    "fallback",
    "scalingStrategy",
)
"""Of a spec; none of them can hold what is secret."""

OF_A_TRIGGER: Final = ("type", "name", "metricType", "useCachedMetrics")


@dataclass(slots=True)
class Followed:
    """One scaled object, what it scales, and what was last written of both."""

    target: Target | None = None
    looked_at: float = float("-inf")
    wrote: dict[What, Mapping[str, Any]] = field(default_factory=dict)


class Scales:
    """Looks at the objects of a recorder's triggers."""

    def __init__(self, kube: Kube, recorder: Recorder, journal: Journal, at: Callable[[], float]) -> None:
        self._kube = kube
        self._recorder = recorder
        self._journal = journal
        self._at = at
        self._followed: dict[tuple[str, str], Followed] = {}
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look, round after round, until cancelled."""
        while True:
            began = self._at()
            for name, tracks in self._named().items():
                await self._look(name, tracks, every=max(EVERY, len(self._followed) / LOOKS))
                await asyncio.sleep(1.0 / LOOKS)
            await asyncio.sleep(max(0.0, began + EVERY - self._at()) or 1.0 / LOOKS)

    def _named(self) -> dict[tuple[str, str], list[Track]]:
        """Return the triggers by their objects, and let go of objects without any."""
        found: dict[tuple[str, str], list[Track]] = {}
        for track in self._recorder:
            found.setdefault(track.live.reference[:2], []).append(track)
        for name in self._followed.keys() - found.keys():
            del self._followed[name]
            self._journal.put(Line(What.GONE, self._at(), dict(zip(("namespace", "name"), name, strict=True)), name))
        for name in found.keys() - self._followed.keys():
            self._followed[name] = Followed()
        return found

    async def _look(self, name: tuple[str, str], tracks: list[Track], every: float) -> None:
        followed = self._followed[name]
        try:
            if self._at() - followed.looked_at >= OBJECT_EVERY:
                followed.target = await self._object(name, followed, tracks)
                followed.looked_at = self._at()
            if followed.target is not None:
                await self._replicas(name, followed, followed.target, every)
        except ApiUnreachable as error:
            self._complain("the Kubernetes API does not answer", error)
            await asyncio.sleep(PAUSE)
        except (ApiRefused, Missing) as error:
            followed.target, followed.looked_at = None, self._at()
            self._complain(str(error), error)

    async def _object(self, name: tuple[str, str], followed: Followed, tracks: list[Track]) -> Target | None:
        reference = tracks[0].live.reference
        document = await scaled(self._kube, reference)
        with understood("/".join(name)):
            self._write(What.OBJECT, name, followed, told(document, tracks))
        return target_of(document, reference)

    async def _replicas(self, name: tuple[str, str], followed: Followed, target: Target, every: float) -> None:
        try:
            scale = await self._kube.get(target.resource, name[0], target.name, "scale")
        except ValueError as error:
            raise Missing(str(error)) from error
        with understood(f"scale of {target.name}"):
            # The API leaves out what is zero.
            asked, there = (int((scale.get(part) or {}).get("replicas", 0)) for part in ("spec", "status"))
        self._write(What.REPLICAS, name, followed, {"asked": asked, "there": there}, every=every)

    def _write(
        self, what: What, name: tuple[str, str], followed: Followed, facts: dict[str, Any], **more: float
    ) -> None:
        if followed.wrote.get(what) != facts:
            followed.wrote[what] = facts
            named = {"namespace": name[0], "name": name[1], **facts, **more}
            self._journal.put(Line(what, self._at(), named, name, what))

    def _complain(self, why: str, error: ScalerError) -> None:
        if why not in self._told and len(self._told) < TOLD:
            self._told.add(why)
            log.warning("replicas are not recorded", why=str(error))


def told(document: Document, tracks: Iterable[Track]) -> dict[str, Any]:
    """Return what may be written of a scaled object: the numbers that decide, and which trigger is which."""
    spec = document["spec"]
    known = {key: spec[key] for key in NUMBERS if key in spec}
    numbers = [(trigger_of(document, track.live.reference), track.number) for track in tracks]
    triggers = [_trigger(each, numbers) for each in spec.get("triggers") or ()]
    annotations = document["metadata"].get("annotations") or {}
    return {
        "kind": document["kind"],
        "target": str((spec.get("scaleTargetRef") or {}).get("name", "")),
        "paused": {key: str(value) for key, value in annotations.items() if key.startswith(PAUSED)},
        "spec": {**known, **_advanced(spec), **_jobs(spec), "triggers": triggers},
    }


def _trigger(trigger: Document, numbers: list[tuple[Document | None, int]]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: trigger[key] for key in OF_A_TRIGGER if key in trigger}
    found = [number for ours, number in numbers if ours == trigger]
    return {**kept, "n": found[0]} if found else kept


def _advanced(spec: Document) -> dict[str, Any]:
    advanced = spec.get("advanced") or {}
    kept: dict[str, Any] = {}
    if behavior := (advanced.get("horizontalPodAutoscalerConfig") or {}).get("behavior"):
        kept["horizontalPodAutoscalerConfig"] = {"behavior": behavior}
    if modifiers := advanced.get("scalingModifiers"):
        kept["scalingModifiers"] = modifiers
    return {"advanced": kept} if kept else {}


def _jobs(spec: Document) -> dict[str, Any]:
    target = spec.get("jobTargetRef") or {}
    kept = {key: target[key] for key in ("parallelism", "completions") if key in target}
    return {"jobTargetRef": kept} if kept else {}
