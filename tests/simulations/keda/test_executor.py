"""The table of KEDA's RequestScale, row by row, and what the HPA of a ScaledObject looks like."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.hpa import Behavior, HpaState, MetricSpec, Seen, Select, reconcile
from simulations.hpa import Why as HpaWhy
from simulations.keda import (
    Asked,
    Fallback,
    Keep,
    Ready,
    Scale,
    ScaledObject,
    Status,
    TriggerSpec,
    Verdict,
    Why,
    hpa_spec,
    request_scale,
)

PLAIN = ScaledObject(triggers=(TriggerSpec(metric=MetricSpec(target=5_000)),))
MIN_3 = replace(PLAIN, min_replicas=3)
IDLE = replace(PLAIN, min_replicas=3, idle_replicas=0)
FALLBACK_6 = replace(PLAIN, fallback=Fallback(replicas=6, failure_threshold=3))
FALLBACK_0 = replace(PLAIN, fallback=Fallback(replicas=0, failure_threshold=3))

NEVER = Status(created=0.0)
RECENT = Status(created=0.0, last_active=900.0)
LONG_AGO = Status(created=0.0, last_active=100.0)
NOW = 1000.0


def active(replicas: int, *, failed: bool = False) -> Asked:
    return Asked(active=True, failed=failed, replicas=replicas)


def quiet(replicas: int, *, failed: bool = False) -> Asked:
    return Asked(active=False, failed=failed, replicas=replicas)


@pytest.mark.parametrize(
    ("scaled", "status", "asked", "verdict", "seen_active"),
    [
        pytest.param(PLAIN, NEVER, active(0), Scale(replicas=1, why=Why.WOKEN), True, id="active at zero: to one"),
        pytest.param(
            MIN_3, NEVER, active(0), Scale(replicas=3, why=Why.WOKEN), True, id="active at zero: to the minimum"
        ),
        pytest.param(
            IDLE, NEVER, active(2), Scale(replicas=3, why=Why.WOKEN), True, id="active, idle mode, below the minimum"
        ),
        pytest.param(
            MIN_3, NEVER, active(2), Keep(why=Why.ACTIVE), True, id="active, below the minimum: the HPA's matter"
        ),
        pytest.param(
            PLAIN,
            NEVER,
            active(0, failed=True),
            Scale(replicas=1, why=Why.WOKEN),
            True,
            id="active at zero, another failed",
        ),
        pytest.param(
            PLAIN,
            RECENT,
            active(2, failed=True),
            Keep(why=Why.PARTLY_FAILED, ready=Ready.UNKNOWN),
            False,
            id="active, another failed: nothing scaled, not counted as activity",
        ),
        pytest.param(PLAIN, RECENT, active(2), Keep(why=Why.ACTIVE), True, id="active: the cooldown starts again"),
        pytest.param(
            FALLBACK_6,
            LONG_AGO,
            quiet(2, failed=True),
            Keep(why=Why.FALLBACK_HOLDS),
            False,
            id="failed, with a fallback",
        ),
        pytest.param(
            PLAIN,
            LONG_AGO,
            quiet(2, failed=True),
            Keep(why=Why.FAILED, ready=Ready.FALSE),
            False,
            id="failed, without a fallback: held",
        ),
        pytest.param(
            FALLBACK_0,
            LONG_AGO,
            quiet(2, failed=True),
            Scale(replicas=0, why=Why.ASLEEP),
            False,
            id="failed, with a fallback of zero: as good as quiet",
        ),
        pytest.param(PLAIN, RECENT, quiet(9), Keep(why=Why.COOLING), False, id="quiet, within the cooldown"),
        pytest.param(
            PLAIN, LONG_AGO, quiet(9), Scale(replicas=0, why=Why.ASLEEP), False, id="quiet: to zero from any number"
        ),
        pytest.param(
            IDLE, LONG_AGO, quiet(9), Scale(replicas=0, why=Why.ASLEEP), False, id="quiet, idle mode: to idle"
        ),
        pytest.param(
            replace(IDLE, idle_replicas=1),
            LONG_AGO,
            quiet(9),
            Scale(replicas=1, why=Why.ASLEEP),
            False,
            id="quiet: to idle one",
        ),
        pytest.param(IDLE, LONG_AGO, quiet(0), Keep(why=Why.QUIET), False, id="quiet, idle mode, idle already"),
        pytest.param(
            MIN_3, LONG_AGO, quiet(9), Keep(why=Why.QUIET), False, id="quiet, with a minimum: the HPA's matter"
        ),
        pytest.param(
            MIN_3,
            RECENT,
            quiet(2),
            Scale(replicas=3, why=Why.BELOW_MIN),
            False,
            id="quiet, below the minimum: up to it",
        ),
        pytest.param(PLAIN, LONG_AGO, quiet(0), Keep(why=Why.QUIET), False, id="quiet at zero"),
        pytest.param(
            replace(PLAIN, paused=True), LONG_AGO, quiet(9), Keep(why=Why.PAUSED), False, id="paused, quiet for long"
        ),
        pytest.param(
            replace(PLAIN, paused=True), NEVER, active(0), Keep(why=Why.PAUSED), False, id="paused, active at zero"
        ),
        pytest.param(
            replace(PLAIN, paused_replicas=4),
            NEVER,
            active(9),
            Scale(replicas=4, why=Why.PAUSED),
            False,
            id="paused at four",
        ),
        pytest.param(
            replace(PLAIN, paused_replicas=4),
            NEVER,
            active(4),
            Keep(why=Why.PAUSED),
            False,
            id="paused at four, is four",
        ),
        pytest.param(
            replace(PLAIN, scale_in_paused=True),
            LONG_AGO,
            quiet(9),
            Keep(why=Why.SCALE_IN_PAUSED),
            False,
            id="scale-in paused: not to zero",
        ),
        pytest.param(
            replace(PLAIN, scale_out_paused=True),
            NEVER,
            active(0),
            Keep(why=Why.SCALE_OUT_PAUSED),
            False,
            id="scale-out paused: stays at zero, not counted as activity",
        ),
        pytest.param(
            replace(PLAIN, forced=True),
            NEVER,
            quiet(0),
            Scale(replicas=1, why=Why.WOKEN),
            True,
            id="activation is forced",
        ),
    ],
)
def test_request_scale(
    scaled: ScaledObject, status: Status, asked: Asked, verdict: Verdict, *, seen_active: bool
) -> None:
    expected = replace(status, last_active=NOW) if seen_active else status
    assert request_scale(scaled, status, asked, NOW) == (expected, verdict)


@pytest.mark.parametrize(
    ("scaled", "status", "sleeps_after"),
    [
        pytest.param(PLAIN, Status(created=0.0, last_active=50.0), 350.0, id="the cooldown since the last activity"),
        pytest.param(PLAIN, Status(created=50.0), 50.0, id="never active: at once"),
        pytest.param(
            replace(PLAIN, initial_cooldown=120.0), Status(created=50.0), 170.0, id="never active: the initial cooldown"
        ),
        pytest.param(
            replace(PLAIN, initial_cooldown=1e6),
            Status(created=50.0, last_active=50.0),
            350.0,
            id="once active: the initial cooldown is forgotten",
        ),
    ],
)
def test_a_cooldown_still_runs_at_its_very_end(scaled: ScaledObject, status: Status, sleeps_after: float) -> None:
    assert request_scale(scaled, status, quiet(5), sleeps_after)[1] == Keep(why=Why.COOLING)
    assert request_scale(scaled, status, quiet(5), sleeps_after + 0.001)[1] == Scale(replicas=0, why=Why.ASLEEP)


@pytest.mark.parametrize(("active_at", "sleeps_at"), [(10.3, 310.3), (10.999, 310.3), (10.0, 310.3), (11.0, 340.3)])
def test_the_last_activity_is_kept_in_whole_seconds(active_at: float, sleeps_at: float) -> None:
    """A cooldown of ten polling intervals is over at the tenth check, unless the activity was noted a second later."""
    status, _ = request_scale(PLAIN, NEVER, active(5), active_at)
    checks = [280.3, 310.3, 340.3]
    asleep = [at for at in checks if request_scale(PLAIN, status, quiet(5), at)[1] == Scale(replicas=0, why=Why.ASLEEP)]
    assert asleep[0] == sleeps_at


@given(replicas=st.integers(0, 50), at=st.floats(0, 1e6), is_active=st.booleans())
def test_a_failure_without_fallback_never_scales_down(replicas: int, at: float, *, is_active: bool) -> None:
    asked = Asked(active=is_active, failed=True, replicas=replicas)
    _, verdict = request_scale(PLAIN, LONG_AGO, asked, at)
    assert not (isinstance(verdict, Scale) and verdict.replicas < replicas)


@pytest.mark.parametrize(
    ("scaled", "lowest"),
    [
        pytest.param(PLAIN, 1, id="zero is not the HPA's"),
        pytest.param(MIN_3, 3, id="the minimum is"),
    ],
)
def test_the_hpa_has_bounds_of_its_own(scaled: ScaledObject, lowest: int) -> None:
    spec = hpa_spec(scaled)
    assert (spec.min_replicas, spec.max_replicas, spec.behavior) == (lowest, 100, None)


def test_the_hpa_is_inert_at_zero() -> None:
    seen = Seen(replicas=0, pods=0, ready=0, series=((1_000_000,),))
    _, outcome = reconcile(hpa_spec(PLAIN), HpaState(), seen, 0.0)
    assert (outcome.replicas, outcome.why) == (0, HpaWhy.DISABLED)


def test_a_paused_direction_is_a_disabled_policy_of_the_hpa() -> None:
    assert hpa_spec(replace(PLAIN, scale_in_paused=True)).behavior == Behavior(
        down=replace(Behavior().down, select=Select.DISABLED)
    )
    assert hpa_spec(replace(PLAIN, scale_out_paused=True)).behavior == Behavior(
        up=replace(Behavior().up, select=Select.DISABLED)
    )
