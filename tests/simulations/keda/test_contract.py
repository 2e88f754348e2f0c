"""KEDA's contract with a ScaledObject, input to action: the corners of RequestScale, and what a push comes to.

The plain rows of RequestScale are in test_executor.py, scenes over time in test_loop.py, ScaledJobs in test_jobs.py.
Every row was read in keda 2.21, scale_scaledobjects.go or scale_handler.go.
"""

from dataclasses import replace

import pytest

from simulations.hpa import MetricSpec
from simulations.keda import (
    Action,
    Asked,
    Check,
    Checked,
    Fallback,
    Keep,
    LoopState,
    OpenStream,
    Pushed,
    Ready,
    Scale,
    ScaledObject,
    Status,
    StreamEnded,
    Tick,
    Told,
    TriggerSpec,
    Verdict,
    Why,
    request_scale,
    start,
    step,
)

PUSHED = TriggerSpec(metric=MetricSpec(target=5_000), push=True)
ONE = ScaledObject(triggers=(PUSHED,))
MIN_3 = replace(ONE, min_replicas=3)
IDLE_0 = replace(MIN_3, idle_replicas=0)
FALLBACK_6 = replace(ONE, fallback=Fallback(replicas=6, failure_threshold=3))
FALLBACK_0 = replace(ONE, fallback=Fallback(replicas=0, failure_threshold=3))

NOW = 1000.0
COOLING = Status(created=0.0, last_active=900.0)
COOLED = Status(created=0.0, last_active=100.0)
QUIET, BUSY = Told(value=0, active=False), Told(value=7_000, active=True)


def asked(replicas: int, words: str = "") -> Asked:
    return Asked(active="active" in words, failed="failed" in words, replicas=replicas)


# --- RequestScale: active ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scaled", "request_", "verdict", "counts"),
    [
        pytest.param(
            IDLE_0, asked(3, "active"), Keep(why=Why.ACTIVE), True, id="idle mode, at the minimum: no wake-up"
        ),
        pytest.param(
            IDLE_0,
            asked(0, "active failed"),
            Scale(replicas=3, why=Why.WOKEN),
            True,
            id="idle, active, another failed: woken all the same",
        ),
        pytest.param(
            FALLBACK_6,
            asked(2, "active failed"),
            Keep(why=Why.PARTLY_FAILED, ready=Ready.UNKNOWN),
            False,
            id="a fallback changes nothing for what is active",
        ),
        pytest.param(
            replace(ONE, scale_out_paused=True),
            asked(2, "active"),
            Keep(why=Why.ACTIVE),
            True,
            id="scale-out paused, but awake: counted as activity",
        ),
        pytest.param(
            replace(IDLE_0, scale_out_paused=True),
            asked(0, "active"),
            Keep(why=Why.SCALE_OUT_PAUSED),
            False,
            id="scale-out paused, idle: stays idle",
        ),
        pytest.param(
            replace(ONE, scale_in_paused=True),
            asked(0, "active"),
            Scale(replicas=1, why=Why.WOKEN),
            True,
            id="scale-in paused: a wake-up is no scale-in",
        ),
        pytest.param(
            replace(ONE, forced=True),
            asked(4, "failed"),
            Keep(why=Why.PARTLY_FAILED, ready=Ready.UNKNOWN),
            False,
            id="forced, and failed: nothing counted",
        ),
        pytest.param(
            replace(ONE, forced=True), asked(4), Keep(why=Why.ACTIVE), True, id="forced: never asleep, however quiet"
        ),
        pytest.param(
            replace(ONE, forced=True, paused=True), asked(0), Keep(why=Why.PAUSED), False, id="a pause outdoes force"
        ),
    ],
)
def test_what_is_active(scaled: ScaledObject, request_: Asked, verdict: Verdict, *, counts: bool) -> None:
    status = replace(COOLED, last_active=NOW) if counts else COOLED
    assert request_scale(scaled, COOLED, request_, NOW) == (status, verdict)


# --- RequestScale: not active -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scaled", "status", "request_", "verdict"),
    [
        pytest.param(
            ONE, COOLED, asked(0, "failed"), Keep(why=Why.FAILED, ready=Ready.FALSE), id="failed at zero: stays there"
        ),
        pytest.param(
            MIN_3,
            COOLED,
            asked(1, "failed"),
            Keep(why=Why.FAILED, ready=Ready.FALSE),
            id="failed below the minimum: not even brought up to it",
        ),
        pytest.param(
            FALLBACK_6,
            COOLED,
            asked(0, "failed"),
            Keep(why=Why.FALLBACK_HOLDS),
            id="a fallback wakes nothing by itself",
        ),
        pytest.param(
            FALLBACK_0,
            COOLING,
            asked(2, "failed"),
            Keep(why=Why.COOLING),
            id="a fallback of zero waits for the cooldown",
        ),
        pytest.param(FALLBACK_0, COOLED, asked(0, "failed"), Keep(why=Why.QUIET), id="a fallback of zero, at zero"),
        pytest.param(
            replace(MIN_3, fallback=FALLBACK_0.fallback),
            COOLED,
            asked(1, "failed"),
            Scale(replicas=3, why=Why.BELOW_MIN),
            id="a fallback of zero, below the minimum: up to it, as if quiet",
        ),
        pytest.param(
            FALLBACK_6, COOLED, asked(9), Scale(replicas=0, why=Why.ASLEEP), id="quiet: no matter of fallback"
        ),
        pytest.param(
            IDLE_0, COOLED, asked(2), Scale(replicas=0, why=Why.ASLEEP), id="between idle and minimum: to idle"
        ),
        pytest.param(IDLE_0, COOLING, asked(9), Keep(why=Why.COOLING), id="to idle only after the cooldown"),
        pytest.param(MIN_3, COOLING, asked(3), Keep(why=Why.QUIET), id="at the minimum: nothing to do"),
        pytest.param(
            replace(IDLE_0, scale_in_paused=True),
            COOLED,
            asked(9),
            Keep(why=Why.SCALE_IN_PAUSED),
            id="not to idle either",
        ),
        pytest.param(
            replace(MIN_3, scale_in_paused=True, scale_out_paused=True),
            COOLED,
            asked(1),
            Scale(replicas=3, why=Why.BELOW_MIN),
            id="the minimum is no matter of paused directions",
        ),
        pytest.param(
            replace(ONE, cooldown=0.0), COOLING, asked(9), Scale(replicas=0, why=Why.ASLEEP), id="no cooldown: at once"
        ),
    ],
)
def test_what_is_not_active(scaled: ScaledObject, status: Status, request_: Asked, verdict: Verdict) -> None:
    assert request_scale(scaled, status, request_, NOW) == (status, verdict)


# --- external-push ----------------------------------------------------------------------------------------------------


def followed(scaled: ScaledObject, status: Status = COOLED) -> LoopState:
    """Return the state between two checks, with its streams open."""
    state = replace(start(scaled, status, NOW), check_at=NOW + 30.0)
    return step(scaled, state, Tick(), NOW)[0]


@pytest.mark.parametrize(
    ("scaled", "replicas", "action"),
    [
        pytest.param(ONE, 0, Scale(replicas=1, why=Why.WOKEN), id="at zero: to one, whatever the metric would ask for"),
        pytest.param(MIN_3, 0, Scale(replicas=3, why=Why.WOKEN), id="at zero: to the minimum"),
        pytest.param(IDLE_0, 1, Scale(replicas=3, why=Why.WOKEN), id="idle mode, below the minimum: to it"),
        pytest.param(MIN_3, 1, Keep(why=Why.ACTIVE), id="below the minimum without idle mode: not KEDA's matter"),
        pytest.param(ONE, 9, Keep(why=Why.ACTIVE), id="awake: only the cooldown begins anew"),
        pytest.param(replace(ONE, scale_out_paused=True), 0, Keep(why=Why.SCALE_OUT_PAUSED), id="scale-out is paused"),
        pytest.param(replace(ONE, paused=True), 0, Keep(why=Why.PAUSED), id="paused after the message was sent"),
        pytest.param(
            replace(ONE, paused_replicas=4), 0, Scale(replicas=4, why=Why.PAUSED), id="paused at a number of replicas"
        ),
    ],
)
def test_a_push_of_true(scaled: ScaledObject, replicas: int, action: Action) -> None:
    _, actions = step(scaled, followed(scaled), Pushed(trigger=0, active=True, replicas=replicas), NOW + 1.0)
    assert actions == (action,)


@pytest.mark.parametrize("pushes", [[NOW + 5.0], [NOW + 5.0, NOW + 15.0, NOW + 25.0]])
def test_pushes_keep_awake_what_the_checks_find_quiet(pushes: list[float]) -> None:
    """After a push the polls decide: asleep at the first of them that is later than the last push and the cooldown."""
    scaled = replace(ONE, cooldown=20.0, polling_interval=10.0)
    state = followed(scaled)
    for at in pushes:
        state, _ = step(scaled, state, Pushed(trigger=0, active=True, replicas=5), at)
    checks = [NOW + 30.5 + 10.0 * number for number in range(3)]
    asleep = []
    for at in checks:
        state, actions = step(scaled, state, Tick(), at)
        assert Check() in actions
        state, actions = step(scaled, state, Checked(answers=(QUIET,), replicas=5, ready=5), at)
        asleep += [at] if actions == (Scale(replicas=0, why=Why.ASLEEP),) else []
    assert asleep[0] == next(at for at in checks if at > pushes[-1] + 20.0)


def test_there_is_no_polling_in_the_place_of_a_stream_that_broke_but_the_checks_go_on() -> None:
    state, _ = step(ONE, followed(ONE), StreamEnded(trigger=0, clean=False), NOW + 1.0)
    state, actions = step(ONE, state, Tick(), NOW + 3.0)
    assert actions == (OpenStream(trigger=0),)
    state, actions = step(ONE, state, Tick(), NOW + 30.0)
    assert actions == (Check(),)
    _, actions = step(ONE, state, Checked(answers=(BUSY,), replicas=0, ready=0), NOW + 30.0)
    assert actions == (Scale(replicas=1, why=Why.WOKEN),)


def test_every_later_reconnect_costs_a_minute_after_five_failures_however_far_apart() -> None:
    state, at = followed(ONE), NOW
    for _ in range(5):
        state, _ = step(ONE, state, StreamEnded(trigger=0, clean=False), at)
        at += 86_400.0
        state = replace(state, check_at=at + 1e6)
        state, actions = step(ONE, state, Tick(), at)
        assert actions == (OpenStream(trigger=0),)
    state, _ = step(ONE, state, StreamEnded(trigger=0, clean=False), at)
    assert state.triggers[0].opens_at == at + 60.0


def test_one_stream_that_pushes_wakes_for_all_triggers() -> None:
    two = replace(ONE, triggers=(replace(PUSHED, push=False), PUSHED))
    state = followed(two)
    assert [trigger.opens_at for trigger in state.triggers] == [None, None]
    _, actions = step(two, state, Pushed(trigger=1, active=True, replicas=0), NOW + 1.0)
    assert actions == (Scale(replicas=1, why=Why.WOKEN),)
