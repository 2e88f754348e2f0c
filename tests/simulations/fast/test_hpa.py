"""The HPA over arrays is the reference's, at every sync of any life, and the controller's at every recorded one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from simulations.cases.reading import read
from simulations.cases.schema import ReconcileRow, TimelineRow
from simulations.fast import hpa as fast
from simulations.fast.arrays import Floats, Ints
from simulations.fast.compiling import compiled
from simulations.fast.packing import hpa_of
from simulations.hpa import HpaSpec, HpaState, Seen, Why, reconcile
from simulations.hpa.model import nanoseconds
from tests.simulations.hpa.test_sync import Life, lived, lives

Row = ReconcileRow | TimelineRow
Syncs = list[tuple[float, Seen]]
CASES = [
    pytest.param(case.row, id=case.label)
    for case in read(Path(__file__).parent.parent / "hpa_cases.json")
    if isinstance(case.row, ReconcileRow | TimelineRow)
]
COMPILED = compiled(fast.sync)


def answers(spec: HpaSpec, state: HpaState, syncs: Syncs, *, jit: bool) -> list[tuple[int, Why]]:
    """Do every sync over arrays, from what ``state`` remembers on."""
    sync = COMPILED if jit else fast.sync
    past = [past.at // 1000 for past in state.recommendations or ()]
    past += [event.at // 1000 for event in (*state.ups, *state.downs)]
    instants = np.array(sorted([*past, *(round(at * 1e6) for at, _ in syncs)]), dtype=np.int64)
    hpa, tolerances = hpa_of(spec, instants, compiled=jit)
    remember(hpa, state)
    return [one(sync, hpa, tolerances, *moment) for moment in syncs]


def one(sync: object, hpa: Ints, tolerances: Floats, at: float, look: Seen) -> tuple[int, Why]:
    assert callable(sync)
    for metric, series in enumerate(look.series):
        hpa[hpa[fast.METRICS_FROM] + 3 * metric + 2] = sum(series) if series else fast.MISSING
    replicas, why = sync(hpa, tolerances, (look.replicas, look.pods, look.ready), nanoseconds(at))
    return replicas, fast.WHYS[why]


def remember(hpa: Ints, state: HpaState) -> None:
    """Let the HPA over arrays remember what the reference does."""
    hpa[fast.SEEDED] = int(state.recommendations is not None)
    logs: list[tuple[int, int, Sequence[tuple[int, int]]]] = [
        (fast.RECOMMENDED, fast.RECOMMENDED_FROM, [(past.at, past.replicas) for past in state.recommendations or ()]),
        (fast.UPS, fast.UPS_FROM, [(event.at, event.change) for event in state.ups]),
        (fast.DOWNS, fast.DOWNS_FROM, [(event.at, event.change) for event in state.downs]),
    ]
    for length, log, entries in logs:
        hpa[length] = len(entries)
        for slot, (at, number) in enumerate(entries):
            fast.put(hpa, log, slot, number, at)


def looks(life: Life) -> tuple[Syncs, list[tuple[int, Why]]]:
    """Return what each sync of a life sees, and how the reference answers."""
    _, moments = life
    at, replicas, syncs, past = 0.0, 5, [], []
    for moment, (_, outcome) in zip(moments, lived(life), strict=True):
        at, replicas = at + moment.pause, replicas if moment.wrote is None else moment.wrote
        syncs.append((at, moment.look(replicas)))
        replicas = outcome.replicas
        past.append((replicas, outcome.why))
    return syncs, past


@pytest.mark.parametrize("jit", [pytest.param(False, id="twin"), pytest.param(True, id="compiled")])
@settings(max_examples=300)
@given(lives())
def test_every_sync_of_any_life_is_the_references(jit: bool, life: Life) -> None:
    syncs, expected = looks(life)
    assert answers(life[0], HpaState(), syncs, jit=jit) == expected


@pytest.mark.parametrize("jit", [pytest.param(False, id="twin"), pytest.param(True, id="compiled")])
@pytest.mark.parametrize("row", CASES)
def test_every_recorded_sync_is_the_controllers(row: Row, jit: bool) -> None:
    spec, state, replicas = row.config.record(), row.history.record(row.steps[0].t), row.spec_replicas
    remembered, syncs, expected = state, [], []
    for step in row.steps:
        look = step.record(replicas if step.set_spec_replicas is None else step.set_spec_replicas)
        remembered, outcome = reconcile(spec, remembered, look, step.t)
        replicas = outcome.replicas
        syncs.append((step.t, look))
        expected.append((replicas, outcome.why))
    assert answers(spec, state, syncs, jit=jit) == expected
