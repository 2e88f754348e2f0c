"""How fast one may go, and how fast one went: bounds, rate policies and the two event logs."""

from math import ceil

from simulations.hpa.history import put
from simulations.hpa.model import (
    Behavior,
    HpaSpec,
    HpaState,
    Limit,
    Nanoseconds,
    Policy,
    PolicyKind,
    ScaleEvent,
    ScalingRules,
    Select,
    nanoseconds,
)


def limit_by_rules(spec: HpaSpec, desired: int, replicas: int) -> tuple[int, Limit]:
    """Keep ``desired`` in bounds, and to twice the replicas (or four) in one sync. The rule without ``behavior``."""
    if desired < spec.min_replicas:
        return spec.min_replicas, Limit.TOO_FEW
    fastest = max(2 * replicas, 4)
    if desired > min(fastest, spec.max_replicas):
        return (fastest, Limit.SCALE_UP) if fastest < spec.max_replicas else (spec.max_replicas, Limit.TOO_MANY)
    return desired, Limit.NONE


def limit_by_behavior(
    spec: HpaSpec, state: HpaState, desired: int, replicas: int, now: Nanoseconds
) -> tuple[int, Limit]:
    """Keep ``desired`` in bounds and to the rates of ``behavior`` (its defaults, if the spec has none)."""
    behavior = spec.behavior or Behavior()
    if desired > replicas:
        fastest = max(replicas, scale_up_limit(behavior.up, state, replicas, now))
        if desired > min(fastest, spec.max_replicas):
            return (fastest, Limit.SCALE_UP) if fastest < spec.max_replicas else (spec.max_replicas, Limit.TOO_MANY)
    elif desired < replicas:
        fastest = min(replicas, scale_down_limit(behavior.down, state, replicas, now))
        if desired < max(fastest, spec.min_replicas):
            return (fastest, Limit.SCALE_DOWN) if fastest > spec.min_replicas else (spec.min_replicas, Limit.TOO_FEW)
    return desired, Limit.NONE


def scale_up_limit(rules: ScalingRules, state: HpaState, replicas: int, now: Nanoseconds) -> int:
    """Return the most replicas that ``rules`` allow now: below ``replicas`` when the budget is overdrawn."""
    if rules.select is Select.DISABLED:
        return replicas
    limits = [_grown(policy, _period_start(policy, state, replicas, now)) for policy in rules.policies]
    return min(limits) if rules.select is Select.MIN else max(limits)


def scale_down_limit(rules: ScalingRules, state: HpaState, replicas: int, now: Nanoseconds) -> int:
    """Return the fewest replicas that ``rules`` allow now: above ``replicas`` when the budget is overdrawn."""
    if rules.select is Select.DISABLED:
        return replicas
    limits = [_shrunk(policy, _period_start(policy, state, replicas, now)) for policy in rules.policies]
    return max(limits) if rules.select is Select.MIN else min(limits)


def _grown(policy: Policy, start: int) -> int:
    if policy.kind is PolicyKind.PODS:
        return start + policy.value
    return ceil(start * (1.0 + policy.value / 100.0))


def _shrunk(policy: Policy, start: int) -> int:
    if policy.kind is PolicyKind.PODS:
        return start - policy.value
    return int(start * (1.0 - policy.value / 100.0))


def _period_start(policy: Policy, state: HpaState, replicas: int, now: Nanoseconds) -> int:
    """Return what ``replicas`` were a period ago, had only the HPA changed them: both logs are wound back."""
    cutoff = now - nanoseconds(policy.period)
    return replicas - change_since(state.ups, cutoff) + change_since(state.downs, cutoff)


def change_since(events: tuple[ScaleEvent, ...], cutoff: int) -> int:
    """Sum the changes after ``cutoff`` nanoseconds; a slot marked as outdated counts as long as its instant does."""
    return sum([event.change for event in events if event.at > cutoff])


def log_event(state: HpaState, behavior: Behavior, change: int, now: Nanoseconds) -> HpaState:
    """Remember a change (above zero: up; below: down) in its own direction's log.

    Entries older than the longest period of that direction are marked, and the last marked slot is overwritten. The
    others stay, and still count for the longer periods of the other direction.
    """
    rules, events = (behavior.up, state.ups) if change > 0 else (behavior.down, state.downs)
    cutoff = now - nanoseconds(max(policy.period for policy in rules.policies))
    marked = tuple(
        ScaleEvent(at=event.at, change=event.change, outdated=True) if event.at < cutoff else event for event in events
    )
    reusable = max((slot for slot, event in enumerate(marked) if event.outdated), default=None)
    logged = put(marked, reusable, ScaleEvent(at=now, change=abs(change)))
    if change > 0:
        return HpaState(recommendations=state.recommendations, ups=logged, downs=state.downs)
    return HpaState(recommendations=state.recommendations, ups=state.ups, downs=logged)
