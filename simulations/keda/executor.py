"""KEDA's executor: what happens to the replicas when a ScaledObject is found active, inactive or failing.

It alone moves between zero (or idle) and one (or the minimum); everything between one and the maximum is the HPA's.
Written after keda main of 2026-08 (2.21), scale_scaledobjects.go: ``request_scale`` is its RequestScale. The writes are
taken to succeed; a shell whose write failed goes back to the status it had.
"""

from dataclasses import replace
from math import floor

from simulations.hpa import Behavior, HpaSpec, Select
from simulations.keda.model import Asked, Keep, Ready, Scale, ScaledObject, Status, Verdict, Why


def request_scale(scaled: ScaledObject, status: Status, asked: Asked, at: float) -> tuple[Status, Verdict]:
    """Decide what to do with ``asked.replicas`` at ``at``.

    The time of the last activity is kept as in the object's status: whole seconds, the rest cut off. So a cooldown ends
    up to a second early, and one that is a multiple of the polling interval at that check, not at the one after it.
    """
    if scaled.stopped:
        return status, _paused(scaled, asked.replicas)
    if asked.active or scaled.forced:
        return _active(scaled, status, asked, at)
    return status, _inactive(scaled, status, asked, at)


def _paused(scaled: ScaledObject, replicas: int) -> Verdict:
    if scaled.paused_replicas is None or scaled.paused_replicas == replicas:
        return Keep(why=Why.PAUSED)
    return Scale(replicas=scaled.paused_replicas, why=Why.PAUSED)


def _active(scaled: ScaledObject, status: Status, asked: Asked, at: float) -> tuple[Status, Verdict]:
    if _is_down(scaled, asked.replicas):
        if scaled.scale_out_paused:
            return status, Keep(why=Why.SCALE_OUT_PAUSED)
        return replace(status, last_active=float(floor(at))), Scale(replicas=max(scaled.min_replicas, 1), why=Why.WOKEN)
    if asked.failed:
        return status, Keep(why=Why.PARTLY_FAILED, ready=Ready.UNKNOWN)
    return replace(status, last_active=float(floor(at))), Keep(why=Why.ACTIVE)


def _is_down(scaled: ScaledObject, replicas: int) -> bool:
    return replicas == 0 or (scaled.idle_replicas is not None and replicas < scaled.min_replicas)


def _inactive(scaled: ScaledObject, status: Status, asked: Asked, at: float) -> Verdict:
    """Hold on failure; but with a fallback of zero replicas a failure is as good as silence."""
    if asked.failed and scaled.fallback is None:
        return Keep(why=Why.FAILED, ready=Ready.FALSE)
    if asked.failed and scaled.fallback is not None and scaled.fallback.replicas != 0:
        return Keep(why=Why.FALLBACK_HOLDS)
    if _is_up(scaled, asked.replicas):
        return _to_sleep(scaled, status, at)
    if scaled.idle_replicas is None and asked.replicas < scaled.min_replicas:
        return Scale(replicas=scaled.min_replicas, why=Why.BELOW_MIN)
    return Keep(why=Why.QUIET)


def _is_up(scaled: ScaledObject, replicas: int) -> bool:
    above_idle = scaled.idle_replicas is not None and replicas > scaled.idle_replicas
    return above_idle or (replicas > 0 and scaled.min_replicas == 0)


def _to_sleep(scaled: ScaledObject, status: Status, at: float) -> Verdict:
    """Go down in one step from any number of replicas, once the cooldown is over."""
    if scaled.scale_in_paused:
        return Keep(why=Why.SCALE_IN_PAUSED)
    if not _cooled_down(scaled, status, at):
        return Keep(why=Why.COOLING)
    down = scaled.min_replicas if scaled.idle_replicas is None else scaled.idle_replicas
    return Scale(replicas=down, why=Why.ASLEEP)


def _cooled_down(scaled: ScaledObject, status: Status, at: float) -> bool:
    """Tell whether the cooldown is *past*: at its very end it still runs."""
    if status.last_active is None:
        return status.created + scaled.initial_cooldown < at
    return status.last_active + scaled.cooldown < at


def hpa_spec(scaled: ScaledObject) -> HpaSpec:
    """Return the HPA that KEDA keeps for this object; while it is paused there is none.

    The HPA never goes below one replica, and at zero it is off. A paused direction is an HPA policy, and with it the
    whole HPA follows the rules of ``behavior``. The controller's flags are left at their defaults.
    """
    behavior = scaled.behavior
    if scaled.scale_in_paused or scaled.scale_out_paused:
        behavior = behavior or Behavior()
        up = replace(behavior.up, select=Select.DISABLED) if scaled.scale_out_paused else behavior.up
        down = replace(behavior.down, select=Select.DISABLED) if scaled.scale_in_paused else behavior.down
        behavior = Behavior(up=up, down=down)
    return HpaSpec(
        metrics=tuple(trigger.metric for trigger in scaled.triggers),
        min_replicas=max(1, scaled.min_replicas),
        max_replicas=scaled.max_replicas,
        behavior=behavior,
    )
