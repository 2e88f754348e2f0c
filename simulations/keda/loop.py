"""KEDA's life with one ScaledObject as a state machine: checks, pushes, streams and the HPA's queries.

``step`` takes what happened and returns what to do about it; it waits for nothing and asks nobody. A shell calls it at
``due(...)`` and whenever an RPC answers, does the actions in their order, and keeps the state. Written after keda main
of 2026-08 (2.21), scale_handler.go, external_scaler.go and fallback.go.

**The closed cache.** An error was meant to hold the replicas. On KEDA 2.20 and 2.21 it does not always: a failed query
of the HPA closes the object's cache of scalers, and a check under way that meets the closed cache takes its own failed
triggers for *inactive and not failed*. So a busy Deployment goes to zero in an outage (measured: 15 of 40 in three
minutes). Here that is a failed ``Queried`` between ``Check`` and ``Checked``; ``ScaledObject.closes_cache=False`` is
KEDA as it was meant, and as it was up to 2.16.

Not here: scalingModifiers; several metrics of one trigger; KEDA's plan (after 2.21) to stop checking where the HPA asks
anyway; the message dropped while the HPA lacks the metric. None of them is met by one trigger that answers.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import assert_never

from simulations.keda.executor import request_scale
from simulations.keda.fallback import fallback_value
from simulations.keda.model import (
    Action,
    Answer,
    Asked,
    Check,
    Checked,
    Event,
    Failed,
    OpenStream,
    Pushed,
    Queried,
    Scale,
    ScaledObject,
    Serve,
    Status,
    StreamEnded,
    Tick,
    Told,
)

FIRST_WAIT = 2.0
"""Seconds before a stream is opened again: the first time, and after each clean end."""
LONGEST_WAIT = 60.0
"""Where the doubling of that wait stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """What KEDA remembers of one trigger.

    ``failures`` in a row count towards the fallback, ``recorded`` is its answer to the last check, ``opens_at`` is when
    its stream is to be opened (``None``: it is open, or there is none), ``wait`` how long the next failed stream waits.
    """

    failures: int = 0
    recorded: Answer | None = None
    opens_at: float | None = None
    wait: float = FIRST_WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopState:
    """What KEDA remembers of one ScaledObject.

    ``check_at`` is when the next check is due; ``checking`` is true from ``Check`` to ``Checked``. In between,
    ``pushed`` says that a push waits for its end, ``closed`` that the cache was closed.
    """

    status: Status
    triggers: tuple[TriggerState, ...]
    check_at: float
    checking: bool = False
    pushed: bool = False
    closed: bool = False


Stepped = tuple[LoopState, tuple[Action, ...]]


def start(scaled: ScaledObject, status: Status, at: float) -> LoopState:
    """Begin to watch: the first check and the streams are due at once.

    KEDA releases after 2.21 delay the first check by a fixed part of the interval: use a later ``check_at`` for that.
    """
    triggers = tuple(TriggerState(opens_at=at if trigger.push else None) for trigger in scaled.triggers)
    return LoopState(status=status, triggers=triggers, check_at=at)


def due(scaled: ScaledObject, state: LoopState) -> float:
    """Return when to step with a ``Tick``; infinity while only an event can change anything."""
    if scaled.stopped:
        return inf
    streams = [trigger.opens_at for trigger in state.triggers if trigger.opens_at is not None]
    return min([inf if state.checking else state.check_at, *streams])


def cached(scaled: ScaledObject, state: LoopState, trigger: int) -> Answer | None:
    """Return what stands in for GetMetrics and IsActive when the HPA queries ``trigger``; ``None``: they are called.

    With ``useCachedMetrics`` that is the answer to the last check. GetMetricSpec is called for each query all the same.
    """
    return state.triggers[trigger].recorded if scaled.triggers[trigger].cached else None


def step(scaled: ScaledObject, state: LoopState, event: Event, at: float) -> Stepped:
    """Advance by one event at ``at`` seconds, which never goes backwards."""
    match event:
        case Tick():
            return _tick(scaled, state, at)
        case Checked():
            return _checked(scaled, state, event, at)
        case Queried():
            return _queried(scaled, state, event)
        case Pushed():
            return _pushed(scaled, state, event, at)
        case StreamEnded():
            return _stream_ended(state, event, at), ()
        case _:
            assert_never(event)


def _tick(scaled: ScaledObject, state: LoopState, at: float) -> Stepped:
    """Start what is due. The interval counts from the start of a check; one that overruns is followed at once."""
    if scaled.stopped:
        return state, ()
    actions: list[Action] = []
    if at >= state.check_at and not state.checking:
        state = replace(state, checking=True, check_at=at + scaled.polling_interval)
        actions.append(Check())
    for number, trigger in enumerate(state.triggers):
        if trigger.opens_at is not None and at >= trigger.opens_at:
            state = _with_trigger(state, number, replace(trigger, opens_at=None))
            actions.append(OpenStream(trigger=number))
    return state, tuple(actions)


def _checked(scaled: ScaledObject, state: LoopState, event: Checked, at: float) -> Stepped:
    """Take the answers of a check to the executor, and then a push that had to wait for it."""
    active, failed = False, False
    for number, answer in enumerate(event.answers):
        state, value = _heard(scaled, state, number, answer, event)
        active = active or (answer.active if isinstance(answer, Told) else value is not None)
        failed = failed or (value is None and not (state.closed and scaled.closes_cache))
        state = _with_trigger(state, number, replace(state.triggers[number], recorded=answer))
    asked = Asked(active=active, failed=failed, replicas=event.replicas)
    status, verdict = request_scale(scaled, state.status, asked, at)
    waiting, state = state.pushed, replace(state, status=status, checking=False, pushed=False, closed=False)
    if not waiting:
        return state, (verdict,)
    replicas = verdict.replicas if isinstance(verdict, Scale) else event.replicas
    state, actions = _woken(scaled, state, replicas, at)
    return state, (verdict, *actions)


def _pushed(scaled: ScaledObject, state: LoopState, event: Pushed, at: float) -> Stepped:
    """Treat ``true`` as a check that found the object active; a ``false`` is ignored (KEDA 2.18 and later)."""
    if not event.active:
        return state, ()
    if state.checking:
        return replace(state, pushed=True), ()
    return _woken(scaled, state, event.replicas, at)


def _woken(scaled: ScaledObject, state: LoopState, replicas: int, at: float) -> Stepped:
    status, verdict = request_scale(scaled, state.status, Asked(active=True, replicas=replicas), at)
    return replace(state, status=status), (verdict,)


def _queried(scaled: ScaledObject, state: LoopState, event: Queried) -> Stepped:
    """Answer the HPA. A trigger without specs fails every metric of the object, and counts towards no fallback."""
    answer, unspecified = event.answers[event.trigger], any(map(_unspecified, event.answers))
    if state.checking and (unspecified or isinstance(answer, Failed)):
        state = replace(state, closed=True)
    if unspecified:
        return state, (Serve(trigger=event.trigger, series=None),)
    state, value = _heard(scaled, state, event.trigger, answer, event)
    return state, (Serve(trigger=event.trigger, series=None if value is None else (value,)),)


def _heard(
    scaled: ScaledObject, state: LoopState, number: int, answer: Answer, event: Checked | Queried
) -> tuple[LoopState, int | None]:
    """Count an answer, and return the value that it, or the fallback, gives; ``None`` is an error."""
    trigger = state.triggers[number]
    if isinstance(answer, Told):
        return _with_trigger(state, number, replace(trigger, failures=0)), answer.value
    if _unspecified(answer) or scaled.fallback is None:
        return state, None
    state = _with_trigger(state, number, replace(trigger, failures=trigger.failures + 1))
    if trigger.failures + 1 <= scaled.fallback.failure_threshold:
        return state, None
    metric = scaled.triggers[number].metric
    return state, fallback_value(scaled.fallback, metric, event.replicas, event.ready)


def _unspecified(answer: Answer) -> bool:
    return isinstance(answer, Failed) and answer.unspecified


def _stream_ended(state: LoopState, event: StreamEnded, at: float) -> LoopState:
    """Wait, each time twice as long. Only a clean end makes the wait short again; hours of health do not."""
    trigger = state.triggers[event.trigger]
    wait = FIRST_WAIT if event.clean else trigger.wait
    reopening = replace(trigger, opens_at=at + wait, wait=min(2.0 * wait, LONGEST_WAIT))
    return _with_trigger(state, event.trigger, reopening)


def _with_trigger(state: LoopState, number: int, trigger: TriggerState) -> LoopState:
    return replace(state, triggers=(*state.triggers[:number], trigger, *state.triggers[number + 1 :]))
