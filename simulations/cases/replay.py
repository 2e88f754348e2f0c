"""Run the model on a recorded row, and say where it answers otherwise than the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from simulations.cases.rules import ask
from simulations.cases.schema import ReconcileRow, Row, TimelineRow, UnitRow
from simulations.hpa.model import HpaState, Limit, Outcome, Why
from simulations.hpa.sync import reconcile

Answers = dict[str, object]
"""What was answered, under the names of the file."""

NOTES = {
    Why.DISABLED: "ScalingDisabled",
    Why.BELOW_MIN: "below min",
    Why.ABOVE_MAX: "above max",
    Why.NO_METRIC: "FailedGetExternalMetric",
}
"""What a recording notes of a sync that set no condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An answer that is not the recorded one: in a series the first of ``count``, at sync ``step`` (from 0)."""

    what: str
    expected: object
    came: object
    step: int | None = None
    t: float | None = None
    count: int = 1


def differences(row: Row) -> list[Difference]:
    """Run the model on ``row`` and list what differs; an empty list means that all that is recorded agrees."""
    expected = row.expected.model_dump(by_alias=True, exclude_unset=True)
    match row:
        case UnitRow():
            return _compared(expected, ask(row))
        case ReconcileRow():
            state, [outcome] = _run(row)
            return _compared(_without_foreign_note(expected), {**_answers(outcome), **_remembered(state)})
        case TimelineRow():
            return _compared_series(row, expected)
        case _:
            assert_never(row)


def _run(row: ReconcileRow | TimelineRow) -> tuple[HpaState, list[Outcome]]:
    spec, state, replicas = row.config.record(), row.history.record(row.steps[0].t), row.spec_replicas
    outcomes = []
    for step in row.steps:
        replicas = replicas if step.set_spec_replicas is None else step.set_spec_replicas
        state, outcome = reconcile(spec, state, step.record(replicas), step.t)
        replicas = outcome.replicas
        outcomes.append(outcome)
    return state, outcomes


def _answers(outcome: Outcome) -> Answers:
    return {
        "currentReplicas": outcome.before,
        "proposal": outcome.proposal,
        "desiredReplicas": outcome.replicas,
        "rescaled": outcome.rescaled,
        "ableToScale": None if outcome.able is None else f"True:{outcome.able}",
        "scalingLimited": None if outcome.limit is None else f"{outcome.limit is not Limit.NONE}:{outcome.limit}",
        "note": NOTES.get(outcome.why),
    }


def _remembered(state: HpaState) -> Answers:
    return {"recommendationsAfter": sorted(past.replicas for past in state.recommendations or ())}


def _without_foreign_note(expected: Answers) -> Answers:
    """Leave out a note that no sync makes: it is the recorder's remark."""
    return {name: value for name, value in expected.items() if name != "note" or value in NOTES.values()}


def _compared(expected: Answers, came: Answers) -> list[Difference]:
    return [
        Difference(what=name, expected=value, came=came.get(name))
        for name, value in expected.items()
        if value != came.get(name)
    ]


def _compared_series(row: TimelineRow, expected: Answers) -> list[Difference]:
    state, outcomes = _run(row)
    answers = [_answers(outcome) for outcome in outcomes]
    came = {name: [answer[name] for answer in answers] for name in answers[0]}
    came["desired"] = came["desiredReplicas"]
    found = []
    for name, recorded in expected.items():
        if name in came and isinstance(recorded, list):
            found += _first_difference(row, name, recorded, came[name])
        elif recorded is not None:
            found += _compared({name: recorded}, _remembered(state))
    return found


def _first_difference(
    row: TimelineRow, name: str, recorded: Sequence[object], came: Sequence[object]
) -> list[Difference]:
    wrong = [step for step, (want, have) in enumerate(zip(recorded, came, strict=True)) if want != have]
    if not wrong:
        return []
    step = wrong[0]
    return [
        Difference(
            what=name, expected=recorded[step], came=came[step], step=step, t=row.steps[step].t, count=len(wrong)
        )
    ]
