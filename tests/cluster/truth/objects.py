"""What KEDA lives through: ScaledObjects over lists of Redis whose lengths a script sets, all at the same time.

Quicker than in production: a check every 2 s, or 6 s, a sync of the autoscaler every 1.3 s, and 10 s of stabilisation,
which, as all windows and periods here, is no whole number of syncs. What KEDA does and what the autoscaler does are
seconds apart, so that their order does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from typing import Any

from simulations.hpa import Behavior, MetricSpec, Policy, PolicyKind, ScalingRules
from simulations.keda import ScaledObject, TriggerSpec
from tests.cluster import manifests
from tests.cluster.api import Document
from tests.cluster.truth.autoscalers import manifest

END = 80.0
"""Seconds of the script; nothing happens in the last ten."""
POLL, SYNC, WINDOW = 2.0, 1.3, 10.0
FLAGS = {"sync-period": f"{SYNC * 1000:.0f}ms", "downscale-stabilization": f"{WINDOW:.0f}s"}
TARGET = 5
MOST = 20

Script = tuple[tuple[float, int], ...]
"""From each second on: how long a list is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One ScaledObject with a list for each of its triggers; ``paused`` is from when until when an annotation holds it.

    ``replicas`` are there before anything waits.
    """

    name: str
    scaled: ScaledObject
    lists: tuple[Script, ...]
    activation: int = 0
    paused: tuple[float, float] | None = None
    replicas: int = 0

    def queue(self, number: int) -> str:
        """Return the name of a trigger's list."""
        return f"{self.name}-{number}"


POLLED = TriggerSpec(metric=MetricSpec(target=1_000 * TARGET))
PUSHED = TriggerSpec(metric=MetricSpec(target=1_000 * TARGET), push=True)
CACHED = TriggerSpec(metric=MetricSpec(target=1_000 * TARGET), cached=True)
DAY: Script = ((2.0, 7), (8.0, 65), (22.0, 3), (41.0, 0), (53.0, 12), (62.0, 0))
QUICKER = Behavior(
    up=ScalingRules(policies=(Policy(kind=PolicyKind.PODS, value=3, period=2.0),)),
    down=ScalingRules(policies=(Policy(kind=PolicyKind.PERCENT, value=50, period=3.0),), window=2.0),
)


def _scaled(*triggers: TriggerSpec, **fields: Any) -> ScaledObject:
    """Return one whose cooldown is a few polls, as in production, unless ``fields`` say otherwise."""
    usual = {"polling_interval": POLL, "cooldown": 3 * POLL, "max_replicas": MOST}
    return ScaledObject(triggers=triggers, **{**usual, **fields})


CASES = (
    Case(name="polled", scaled=_scaled(POLLED), lists=(DAY,)),
    Case(name="pushed", scaled=_scaled(PUSHED), lists=(DAY,)),
    Case(name="cached", scaled=_scaled(CACHED, polling_interval=3 * POLL), lists=(DAY,)),
    Case(name="cooled-between-checks", scaled=_scaled(POLLED, cooldown=5.0), lists=(DAY,)),
    Case(name="with-behavior", scaled=_scaled(PUSHED, cooldown=8.0, behavior=QUICKER), lists=(DAY,)),
    Case(name="idle", scaled=_scaled(PUSHED, min_replicas=2, idle_replicas=0), lists=(DAY,)),
    Case(name="minimum", scaled=_scaled(POLLED, min_replicas=2), lists=(DAY,), replicas=2),
    Case(name="paused", scaled=_scaled(PUSHED), lists=(DAY,), paused=(17.0, 25.0)),
    Case(name="never-down", scaled=_scaled(PUSHED, scale_in_paused=True, behavior=QUICKER), lists=(DAY,)),
    Case(
        name="activated",
        scaled=_scaled(PUSHED),
        lists=(((2.0, 6), (9.0, 30), (22.0, 6), (40.0, 12), (54.0, 10)),),
        activation=10,
    ),
    Case(
        name="two-triggers",
        scaled=_scaled(POLLED, PUSHED),
        lists=(((2.0, 7), (22.0, 0), (52.0, 12), (60.0, 0)), ((10.0, 40), (34.0, 0))),
    ),
    Case(
        name="woken-again",
        scaled=_scaled(PUSHED, cooldown=1.0),
        lists=(((2.0, 40), (14.0, 0), (17.5, 3), (40.0, 0), (50.0, 30), (60.0, 0)),),
    ),
)


def scaled_object(namespace: str, case: Case, scaler: str, redis: str) -> Document:
    """Return a case's ScaledObject, answered by the ``scaler`` from lists of ``redis`` (both host:port)."""
    scaled = case.scaled
    behavior = scaled.behavior and {"horizontalPodAutoscalerConfig": {"behavior": manifest(scaled.behavior)}}
    spec = {
        "pollingInterval": round(scaled.polling_interval),
        "cooldownPeriod": round(scaled.cooldown),
        "minReplicaCount": scaled.min_replicas,
        "maxReplicaCount": scaled.max_replicas,
        "idleReplicaCount": scaled.idle_replicas,
        "advanced": behavior,
    }
    notes = {"autoscaling.keda.sh/paused-scale-in": "true"} if scaled.scale_in_paused else {}
    triggers = [_trigger(case, number, scaler, redis) for number in range(len(scaled.triggers))]
    said = {key: value for key, value in spec.items() if value is not None}
    return manifests.scaled_object(namespace, case.name, triggers, annotations=notes, **said)


def _trigger(case: Case, number: int, scaler: str, redis: str) -> Document:
    words = {
        "address": redis,
        "listName": case.queue(number),
        "listLength": f"{TARGET}",
        "activationListLength": f"{case.activation}",
        "interval": "200ms",
    }
    spec = case.scaled.triggers[number]
    cached = {"useCachedMetrics": True} if spec.cached else {}
    return {**manifests.trigger(scaler, "redis", words, push=spec.push), **cached}
