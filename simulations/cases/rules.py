"""Ask single rules of the model, as the ``unit`` rows do: each rule reads its own inputs of the row."""

from collections.abc import Callable, Mapping

from simulations.cases.schema import Unit, UnitRow, behavior, changed, recommended
from simulations.hpa.history import stabilize, stabilize_by_behavior
from simulations.hpa.model import Behavior, HpaSpec, HpaState, nanoseconds
from simulations.hpa.rates import (
    change_since,
    limit_by_behavior,
    limit_by_rules,
    log_event,
    scale_down_limit,
    scale_up_limit,
)

Answers = dict[str, object]
_NOW = nanoseconds(0.0)


def ask(row: UnitRow) -> Answers:
    """Return what the rule answers, under the names of the file."""
    return _RULES[row.unit](row)


def _convert_behavior_rate(row: UnitRow) -> Answers:
    replicas, limit = limit_by_behavior(_spec(row), _state(row), row.desired_in, row.current_replicas, _NOW)
    return {"result": replicas, "reason": limit}


def _convert_rules(row: UnitRow) -> Answers:
    replicas, limit = limit_by_rules(_spec(row), row.desired_in, row.current_replicas)
    return {"result": replicas, "reason": limit}


def _scale_up_limit(row: UnitRow) -> Answers:
    return {"result": scale_up_limit(_behavior(row).up, _state(row), row.current_replicas, _NOW)}


def _scale_down_limit(row: UnitRow) -> Answers:
    return {"result": scale_down_limit(_behavior(row).down, _state(row), row.current_replicas, _NOW)}


def _stabilize_legacy(row: UnitRow) -> Answers:
    past = recommended(row.recommendations, _NOW)
    replicas, kept = stabilize(past, row.desired_in, row.downscale_stabilization_seconds, _NOW)
    return {"result": replicas, "logLength": len(kept), "log": [one.replicas for one in kept]}


def _stabilize_behaviors(row: UnitRow) -> Answers:
    past, windows = recommended(row.recommendations, _NOW), (row.scale_up_window, row.scale_down_window)
    replicas, kept = stabilize_by_behavior(past, row.desired_in, row.current_replicas, windows, _NOW)
    return {"result": replicas, "logLength": len(kept), "log": [one.replicas for one in kept]}


def _store_scale_event(row: UnitRow) -> Answers:
    """Log a change in its direction; without any rules nothing is logged. The sum is taken before."""
    up = row.unit == "store_scale_event_up"
    before = _state(row)
    events = before.ups if up else before.downs
    if row.scale_up or row.scale_down:
        after = log_event(before, _behavior(row), row.desired_in - row.current_replicas, _NOW)
        kept = after.ups if up else after.downs
    else:
        kept = events
    return {
        "log": [event.change for event in kept],
        "outdated": [event.outdated for event in kept],
        "changeInPeriod": change_since(events, _NOW - nanoseconds(row.period_seconds)),
    }


_RULES: Mapping[Unit, Callable[[UnitRow], Answers]] = {
    "convert_behavior_rate": _convert_behavior_rate,
    "convert_rules": _convert_rules,
    "scale_up_limit": _scale_up_limit,
    "scale_down_limit": _scale_down_limit,
    "stabilize_legacy": _stabilize_legacy,
    "stabilize_behaviors": _stabilize_behaviors,
    "store_scale_event_up": _store_scale_event,
    "store_scale_event_down": _store_scale_event,
}


def _spec(row: UnitRow) -> HpaSpec:
    return HpaSpec(metrics=(), min_replicas=row.min_replicas, max_replicas=row.max_replicas, behavior=_behavior(row))


def _behavior(row: UnitRow) -> Behavior:
    return behavior(row.scale_up, row.scale_down)


def _state(row: UnitRow) -> HpaState:
    return HpaState(ups=changed(row.scale_up_events, _NOW), downs=changed(row.scale_down_events, _NOW))
