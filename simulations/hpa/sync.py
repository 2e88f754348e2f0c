"""One sync of the HPA: the order of its rules, and the reason it gives.

A sync settles what needs no metric, asks the metrics (``proposal``), holds their answer back by what was proposed
lately (``history``) and by how fast one may go (``rates``), and remembers what it changed.
"""

from simulations.hpa.history import stabilize, stabilize_by_behavior
from simulations.hpa.model import (
    AbleToScale,
    Behavior,
    HpaSpec,
    HpaState,
    Limit,
    Nanoseconds,
    Outcome,
    Recommendation,
    Seen,
    Why,
    nanoseconds,
)
from simulations.hpa.proposal import propose
from simulations.hpa.rates import limit_by_behavior, limit_by_rules, log_event

SYNC_PERIOD = 15.0
"""Seconds from the end of one sync to the start of the next (the controller's default): real spacing is a little more.

Simulate it with a few milliseconds of drift. With exact multiples, recommendations of exactly 300 s decide, which never
happens in a cluster.
"""


def reconcile(spec: HpaSpec, state: HpaState, seen: Seen, at: float) -> tuple[HpaState, Outcome]:
    """Do one sync at ``at`` seconds, which never goes backwards.

    The caller writes ``Outcome.replicas`` to the scale target. A count outside the bounds, and zero, are settled
    without a look at the metrics; a failed look changes nothing and is not remembered.
    """
    now = nanoseconds(at)
    state = _seeded(state, seen.replicas, now)
    settled = _settled(spec, seen.replicas)
    if settled is not None:
        return _written(spec, state, settled, now)
    proposal = propose(spec, seen)
    if proposal is None:
        return state, Outcome(before=seen.replicas, replicas=seen.replicas, why=Why.NO_METRIC)
    state, outcome = _ruled(spec, state, proposal, seen.replicas, now)
    return _written(spec, state, outcome, now)


def _seeded(state: HpaState, replicas: int, now: Nanoseconds) -> HpaState:
    """Give an HPA that the controller meets for the first time its first recommendation: what is there."""
    if state.recommendations is not None:
        return state
    return HpaState(recommendations=(Recommendation(at=now, replicas=replicas),), ups=state.ups, downs=state.downs)


def _windows(spec: HpaSpec, behavior: Behavior) -> tuple[float, float]:
    """Return the stabilisation upwards and downwards, in seconds."""
    down = behavior.down.window
    return behavior.up.window or 0.0, spec.downscale_window if down is None else down


def _settled(spec: HpaSpec, replicas: int) -> Outcome | None:
    if replicas == 0 and spec.min_replicas != 0:
        return Outcome(before=0, replicas=0, why=Why.DISABLED)
    if replicas > spec.max_replicas:
        return Outcome(before=replicas, replicas=spec.max_replicas, why=Why.ABOVE_MAX)
    if replicas < spec.min_replicas:
        return Outcome(before=replicas, replicas=spec.min_replicas, why=Why.BELOW_MIN)
    return None


def _ruled(spec: HpaSpec, state: HpaState, proposal: int, replicas: int, now: Nanoseconds) -> tuple[HpaState, Outcome]:
    """Hold ``proposal`` back by the rules of the HPA: first stabilisation, then limits."""
    raw = max(proposal, 0)
    recommendations = state.recommendations or ()
    if spec.behavior is None:
        stable, recommendations = stabilize(recommendations, raw, spec.downscale_window, now)
        desired, limit = limit_by_rules(spec, stable, replicas)
    else:
        windows = _windows(spec, spec.behavior)
        stable, recommendations = stabilize_by_behavior(recommendations, raw, replicas, windows, now)
        desired, limit = limit_by_behavior(spec, state, stable, replicas, now)
    able = _able(spec, raw, stable, replicas)
    why = _why(desired, replicas, able, limit)
    state = HpaState(recommendations=recommendations, ups=state.ups, downs=state.downs)
    return state, Outcome(before=replicas, replicas=desired, why=why, proposal=proposal, able=able, limit=limit)


def _written(spec: HpaSpec, state: HpaState, outcome: Outcome, now: Nanoseconds) -> tuple[HpaState, Outcome]:
    """Remember a change of ``spec.replicas``, also one that no metric asked for."""
    if outcome.rescaled and spec.behavior is not None:
        state = log_event(state, spec.behavior, outcome.replicas - outcome.before, now)
    return state, outcome


def _able(spec: HpaSpec, raw: int, stable: int, replicas: int) -> AbleToScale:
    if stable == raw:
        return AbleToScale.READY
    if spec.behavior is not None and raw >= replicas:
        return AbleToScale.UP_STABILIZED
    return AbleToScale.DOWN_STABILIZED


_WHY_LIMITED = {
    Limit.TOO_MANY: Why.TOO_MANY,
    Limit.TOO_FEW: Why.TOO_FEW,
    Limit.SCALE_UP: Why.SCALE_UP_LIMIT,
    Limit.SCALE_DOWN: Why.SCALE_DOWN_LIMIT,
}
_WHY_STABILIZED = {
    AbleToScale.UP_STABILIZED: Why.UP_STABILIZED,
    AbleToScale.DOWN_STABILIZED: Why.DOWN_STABILIZED,
}


def _why(desired: int, replicas: int, able: AbleToScale, limit: Limit) -> Why:
    if limit is not Limit.NONE:
        return _WHY_LIMITED[limit]
    if able is not AbleToScale.READY:
        return _WHY_STABILIZED[able]
    if desired == replicas:
        return Why.SETTLED
    return Why.MORE if desired > replicas else Why.FEWER
