"""KEDA and the autoscaler of the simulator, beside the real ones with the real service, over the same demand.

Both sides must take the same steps in the same order, made by the same one of the two. What KEDA does must lie within a
poll of the real thing, and the time that a check takes on a busy machine: its checks are dated by what it wrote. What
the autoscaler does may be one of its looks apart: the simulated one looks at the same instants, but what it then hears
may be some tenths of a second older or younger. Where the real one waits longer than that, nothing is compared.
"""

import os
from collections.abc import Callable, Mapping

import pytest

from tests.cluster.truth.objects import CASES, Case
from tests.cluster.truth.play import Played
from tests.cluster.truth.replayed import Recorded, Timeline, by, looks_apart, simulated
from tests.cluster.truth.timelines import distance, told

pytestmark = [pytest.mark.requires("cluster", "redis"), pytest.mark.timeout(400)]

WRITE = 1.0  # s for a check and what it writes, on a busy machine: half a poll
BUSY = 0.6  # s: about half a sync
SAME = {"KEDA": WRITE, "HPA": 0.0}
UNITS = {"KEDA": "s", "HPA": "syncs"}


@pytest.fixture
def recorded(played: Played) -> Mapping[str, Recorded]:
    """Return what the real controllers did with each case; skip (with ``CI=true`` fail) where that was too slowly."""
    reason = f"the autoscaler waited {played.slow:.2f} s for its metrics: too busy a machine to compare times"
    if played.slow > BUSY:
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return played.objects


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_simulated_controllers_scale_as_the_real_ones(recorded: Mapping[str, Recorded], case: Case) -> None:
    real, model = recorded[case.name].changes, simulated(case, recorded[case.name])
    assert distance(real, model).apart is not None, told(case.name, real, model)
    for who, apart in _apart(recorded[case.name], real, model).items():
        assert apart is not None
        most = SAME[who] + (case.scaled.polling_interval if who == "KEDA" else 1.0)
        assert max(apart, default=0.0) <= most, told(case.name, real, model)


@pytest.mark.parametrize("who", ["KEDA", "HPA"])
def test_nearly_all_steps_are_at_the_same_instant(
    recorded: Mapping[str, Recorded], measured: Callable[[str], None], who: str
) -> None:
    """A poll or a look lies between them only where something changed at the very instant of one."""
    apart = [
        each
        for case in CASES
        for each in _apart(recorded[case.name], recorded[case.name].changes, simulated(case, recorded[case.name]))[who]
        or ()
    ]
    late = sum(each > SAME[who] for each in apart)
    measured(
        f"{len(CASES)} ScaledObjects: {len(apart)} steps of {who}, {late} of them not at the same instant, "
        f"{max(apart):.2f} {UNITS[who]} apart at most, {sorted(apart)[len(apart) // 2]:.2f} in the middle"
    )
    assert len(apart) >= 2 * len(CASES)
    assert late <= len(apart) / 5


def _apart(one: Recorded, real: Timeline, model: Timeline) -> dict[str, tuple[float, ...] | None]:
    """Say how far apart the two sides are: KEDA's steps in seconds, the autoscaler's in looks."""
    return {
        "KEDA": distance(by("KEDA", real), by("KEDA", model)).apart,
        "HPA": looks_apart(one.looks, real, model),
    }
