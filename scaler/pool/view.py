"""What is known of one function's pool at an instant: values only, from which :mod:`scaler.pool.plan` concludes.

Instants are on a monotonic clock of the process that looks: when *it* first saw something. A successor's clocks begin
anew, so it waits longer than it must and never shorter.
"""

from dataclasses import dataclass
from enum import StrEnum

from scaler.model import Instant


class Stage(StrEnum):
    """Where a pod of ours stands between its creation and the day it is somebody else's."""

    WARMING = "warming"  # not Ready, or its own check has not passed
    AVAILABLE = "available"
    FAILED = "failed"  # it ended, or could not start in its time
    BRIDGED = "bridged"  # serves, beside its ReplicaSet
    DRAINING = "draining"  # no longer selected by a Service; what it holds may finish
    ADOPTED = "adopted"  # given to the ReplicaSet


UNCLAIMED = frozenset({Stage.WARMING, Stage.AVAILABLE, Stage.FAILED})


class Handoff(StrEnum):
    """What may become of a bridged pod in the end."""

    ADOPT = "adopt"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmPod:
    """One pod of ours. ``version`` is the resourceVersion that was read; every write names it.

    ``stage`` is what it will be once the writes under way are done. ``busy``: one is. ``ready``: as Kubernetes says.
    ``owned``: its controller is the ReplicaSet. ``leaving``: it is being deleted. ``since``: when its stage, or a loss
    of readiness, was first seen; ``born``: when it was created.
    """

    name: str
    uid: str
    version: str
    stage: Stage
    template: str
    ready: bool
    since: Instant
    born: Instant
    busy: bool = False
    owned: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """The workload's own replicas.

    ``asked`` is its ``spec.replicas``. ``ready`` are Ready now, and ``settled`` have been for long enough that every
    client must have found them. ``handoff`` says whether bridged pods may be adopted at all, ``why`` if not.

    Adoption counts on the ReplicaSet of the current template: ``wants`` is its ``spec.replicas``, and ``observed``
    tells whether its controller has acted on that number (``status.observedGeneration``); ``covered`` are its pods
    that are Ready, and those handed to it that it has not taken yet.
    """

    asked: int = 0
    ready: int = 0
    settled: int = 0
    handoff: Handoff = Handoff.BRIDGE
    why: str = ""
    wants: int = 0
    observed: bool = False
    covered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """The pool of one function.

    ``template`` is the hash of the template that is current. ``creating`` pods were asked for and are not seen yet.
    ``wanted`` replicas are what the scaler's word amounts to, ``None`` while that is unknown. ``tokens`` pods may be
    created now; ``hold`` says why none may be, whatever the tokens.
    """

    now: Instant
    template: str
    pods: tuple[WarmPod, ...] = ()
    creating: int = 0
    wanted: int | None = None
    replicas: Replicas = Replicas()
    tokens: int = 0
    hold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the pool is to be kept; times in seconds.

    ``size`` warm pods, ``surge`` more while old ones are replaced. A warm pod older than ``max_age`` is replaced, one
    that has not become available in ``start_within`` has failed. A bridge stays ``linger`` at least, since the HPA,
    which looks every 15 s, may be about to ask for as many replicas. A drained pod is left alone for ``drain``: until
    nobody's DNS names it any more, and what it holds is finished. What is handed over and not taken in ``take_within``
    is taken back; ``guard`` is how long an adopted pod is preferred to others when replicas are removed.
    """

    size: int = 1
    surge: int = 1
    max_age: float = 86_400.0
    start_within: float = 600.0
    linger: float = 15.0
    drain: float = 30.0
    take_within: float = 30.0
    guard: float = 30.0
