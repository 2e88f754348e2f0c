"""Views of a pool, made of little, for tests of what is planned from them."""

from dataclasses import replace
from typing import Any, Final

from scaler.model import Instant
from scaler.pool.plan import Action, Adopt, Claim, Create, Delete, Drain, Plan, Reclaim, Recycle, Settle
from scaler.pool.view import UNCLAIMED, Handoff, PoolView, Replicas, Stage, WarmPod

NOW: Final = Instant(1000.0)
LONG: Final = Instant(500.0)  # long enough ago for every time of the rules but maxAge
CURRENT: Final = "current"
OLD: Final = "old"


def pod(name: str = "a", stage: Stage = Stage.AVAILABLE, **said: Any) -> WarmPod:
    """Return a pod that has been in its stage for a long time and is well."""
    about: dict[str, Any] = {
        "uid": f"uid of {name}",
        "version": "1",
        "template": CURRENT,
        "ready": stage not in {Stage.WARMING, Stage.FAILED},
        "since": LONG,
        "born": LONG,
    }
    return WarmPod(name=name, stage=stage, **{**about, **said})


def view(*pods: WarmPod, tokens: int = 100, **said: Any) -> PoolView:
    """Return a view at :data:`NOW` in which everything may be done."""
    about: dict[str, Any] = {"now": NOW, "template": CURRENT, "wanted": 0}
    return PoolView(pods=pods, tokens=tokens, **{**about, **said})


def adopting(**said: Any) -> Replicas:
    """Return replicas of a workload that takes pods."""
    return Replicas(**{"handoff": Handoff.ADOPT, "observed": True, **said})


def told(plan: Plan) -> list[str]:
    """Return the actions of a plan in words, such as ``claim a``."""
    return [_told(each) for each in plan.actions]


def _told(action: Action) -> str:
    name = type(action).__name__.lower()
    return name if isinstance(action, Create) else f"{name} {action.pod.name}"


def live(view: PoolView) -> int:
    """Count what occupies a place of the stock: all phases, and what was asked for."""
    return sum(each.stage in UNCLAIMED for each in view.pods) + view.creating


BECOMES: Final = {
    Claim: Stage.BRIDGED,
    Reclaim: Stage.BRIDGED,
    Adopt: Stage.ADOPTED,
    Drain: Stage.DRAINING,
    Recycle: Stage.AVAILABLE,
}


def carried_out(view: PoolView, plan: Plan) -> PoolView:
    """Return the view after every action of a plan was done; a pod that was deleted is leaving."""
    pods = {each.uid: each for each in view.pods}
    for action in plan.actions:
        if isinstance(action, Delete):
            pods[action.pod.uid] = replace(action.pod, leaving=True)
        elif isinstance(action, Settle):
            del pods[action.pod.uid]
        elif not isinstance(action, Create):
            pods[action.pod.uid] = replace(action.pod, stage=BECOMES[type(action)], since=view.now)
    created = sum(isinstance(each, Create) for each in plan.actions)
    covered = sum(isinstance(each, Adopt) - isinstance(each, Reclaim) for each in plan.actions)
    return replace(
        view,
        pods=tuple(pods.values()),
        creating=view.creating + created,
        tokens=view.tokens - created,
        replicas=replace(view.replicas, covered=max(0, view.replicas.covered + covered)),
    )
