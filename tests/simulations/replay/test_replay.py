"""A recording played back: as it was, beside what was recorded, and under other policies."""

import json
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ConfigError
from simulations.recording import read
from simulations.replay import Asked, as_it_was, lines, otherwise, replay
from simulations.replay.fidelity import replicas_of
from simulations.replay.objects import understood
from simulations.run import Engine, simulate
from simulations.scenario.document import FunctionSection
from tests.simulations.recording.written import (
    decision,
    end,
    header,
    pool,
    replicas,
    scaled_object,
    trigger,
    wrote,
)

S = 1_000_000
BACKLOG = [(0, 0.0), (40, 3.0), (50, 31.0), (70, 62.0), (100, 20.0), (130, 5.0), (150, 0.0)]
LAST = 600.0
ONE = Asked(seeds=(1,), engine=Engine.REFERENCE)


def told(**spec: Any) -> list[dict[str, Any]]:
    """Write what the service would have of one burst."""
    said = scaled_object(pollingInterval=10, cooldownPeriod=60, maxReplicaCount=8, **spec)
    return [header(), trigger(), said, *(decision(at, value) for at, value in BACKLOG)]


def as_simulated(folder: Path, seed: int) -> list[dict[str, Any]]:
    """Write the replicas that KEDA and the HPA come to with the phases of a seed."""
    recording = read(wrote(folder, [*told(), end(LAST)]))
    (figures,) = simulate(as_it_was(recording, understood(recording, ONE), ONE, seed), Engine.REFERENCE).figures
    steps = replicas_of(figures, 0)
    return [replicas(at / S, count) for at, count in zip(steps.times.tolist(), steps.values.tolist(), strict=True)]


def test_with_the_same_phases_the_replicas_are_the_same(tmp_path: Path) -> None:
    wrote(tmp_path, [*told(), *as_simulated(tmp_path, 1), end(LAST)])
    (found,) = replay(tmp_path, asked=ONE).fidelity
    assert found.error == pytest.approx(0.0, abs=0.01)  # instants of a recording are whole milliseconds
    assert len(found.recorded.wakes) == len(found.recorded.sleeps) == 1
    assert found.recorded.ups
    assert found.typical.wakes == pytest.approx(found.recorded.wakes, abs=0.001)
    assert found.apart("ups")[0] == len(found.recorded.ups)


def test_with_other_phases_they_differ_by_no_more_than_a_look(tmp_path: Path) -> None:
    wrote(tmp_path, [*told(), *as_simulated(tmp_path, 1), end(LAST)])
    (found,) = replay(tmp_path, asked=Asked(seeds=(2, 3, 4), engine=Engine.REFERENCE)).fidelity
    assert 0 < found.error < 25.0
    assert found.apart("wakes")[1] == pytest.approx(0.0, abs=0.2)  # it is pushed, so no phase delays it
    assert found.apart("sleeps")[1] <= 20.0


def test_replicas_that_the_model_does_not_explain_show(tmp_path: Path) -> None:
    wrote(tmp_path, [*told(), replicas(0, 5), end(LAST)])
    (found,) = replay(tmp_path, asked=ONE).fidelity
    assert found.error > 50.0
    assert (found.recorded.wakes, len(found.typical.sleeps)) == ((), 2)


def test_policies_are_compared_by_the_arrivals_that_there_must_have_been(tmp_path: Path) -> None:
    wrote(tmp_path, [*told(), end(LAST)])
    asked = Asked(
        seeds=(1, 2), engine=Engine.REFERENCE, function=FunctionSection.model_validate({"name": "x", "service": "2s"})
    )
    study = replay(tmp_path, {"keda-poll": {}, "pool-fixed": {"size": 3}}, asked).study
    assert study is not None
    assert [case.policy for case in study.cases] == ["as recorded", "keda-poll", "pool-fixed"]
    assert {case.seeds[0].arrived for case in study.cases} == {62}
    present, poll, warm = (case.mean("wait_mean") for case in study.cases)
    assert warm < present < poll


def test_without_arrivals_there_is_nothing_to_compare(tmp_path: Path) -> None:
    found = replay(wrote(tmp_path, [header(), trigger(), decision(0, 0.0), end(60)]), asked=ONE)
    assert found.study is None
    assert any("its ScaledObject was not recorded" in line for line in lines(found))
    assert any("no replicas were recorded" in line for line in lines(found))


def test_a_pool_is_as_large_as_it_was(tmp_path: Path) -> None:
    recording = read(wrote(tmp_path, [*told(), pool(1, 0, 0, size=3), end(LAST)]))
    world = otherwise(recording, understood(recording, ONE), ONE, 1)
    (name,) = world.pools
    assert (world.functions[0].pool, world.pools[name].section.size.fixed) == (name, 3)


def test_of_several_triggers_the_busiest_counts_requests_and_the_others_say_what_they_said(tmp_path: Path) -> None:
    both = [{"type": "external-push", "n": 0}, {"type": "external", "n": 1}]
    more = [trigger(1, metric="other", kind="kafka"), decision(20, 500.0, 1), scaled_object(triggers=both)]
    recording = read(wrote(tmp_path, [*told(), *more, end(LAST)]))
    first, second = otherwise(recording, understood(recording, ONE), ONE, 1).functions[0].triggers
    assert (type(first.source).__name__, type(second.source).__name__) == ("Series", "Backlog")


MANIFEST = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: orders}
spec:
  scaleTargetRef: {name: orders}
  cooldownPeriod: 20
  triggers:
  - type: external
    metadata: {kind: redis, listName: jobs, listLength: "2", scalerAddress: "x:6000"}
"""


def test_a_manifest_takes_the_place_of_what_was_recorded(tmp_path: Path) -> None:
    wrote(tmp_path, [*told(), end(LAST)])
    mine = tmp_path / "mine.yaml"
    mine.write_text(MANIFEST)
    (found,) = understood(read(tmp_path), Asked(manifests=mine))
    assert (found.scaled.cooldown, found.scaled.triggers[0].metric.target) == (20.0, 2000)
    assert not found.scaled.triggers[0].push


def test_an_object_that_no_manifest_is_of_is_told(tmp_path: Path) -> None:
    more = [trigger(1, name="other", metric="other"), decision(20, 5.0, 1)]
    wrote(tmp_path, [*told(), *more, end(LAST)])
    mine = tmp_path / "mine.yaml"
    mine.write_text(MANIFEST)
    orders, other = understood(read(tmp_path), Asked(manifests=mine))
    assert orders.remarks == ()
    assert "no manifest is of it, so it is as it was recorded; there is orders" in other.remarks


def test_what_is_said_of_the_function_takes_effect(tmp_path: Path) -> None:
    recording = read(wrote(tmp_path, [*told(), end(LAST)]))
    said = {"name": "x", "memory": "1Gi", "concurrency": 7, "target": 2.5}
    asked = Asked(seeds=(1,), function=FunctionSection.model_validate(said))
    (function,) = otherwise(recording, understood(recording, asked), asked, 1).functions
    assert (function.memory, function.concurrency) == (2**30, 7)
    assert function.scaled.triggers[0].metric.target == 2500


ONE_MORE = "triggers:\n  - type: external\n    metadata: {kind: redis}"


@pytest.mark.parametrize(
    ("was", "text", "said"),
    [
        pytest.param(MANIFEST, "a: 1", "has no ScaledObject", id="no object"),
        pytest.param(
            "{name: orders}\nspec", "{name: other}\nspec", "has other, and none of .* shop/orders", id="a name"
        ),
        pytest.param(
            "{name: orders}\nspec",
            "{name: orders, namespace: depot}\nspec",
            "has depot/orders, and none of .* shop/orders",
            id="a namespace",
        ),
        pytest.param("cooldown", "coolDown", "did you mean 'cooldownPeriod'", id="a wrong key"),
        pytest.param("triggers:", ONE_MORE, "2 external triggers are said, and 1 were recorded", id="one more trigger"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, was: str, text: str, said: str) -> None:
    wrote(tmp_path, [*told(), end(LAST)])
    mine = tmp_path / "mine.yaml"
    mine.write_text(MANIFEST.replace(was, text))
    with pytest.raises(ConfigError, match=said):
        understood(read(tmp_path), Asked(manifests=mine))


def test_what_kind_of_object_is_left_out_is_told(tmp_path: Path) -> None:
    triggers = [{"type": "external-push", "n": 0}, {"type": "cpu"}, {"type": "external"}]
    modifiers = {"scalingModifiers": {"formula": "a + b", "target": "1"}}
    wrote(tmp_path, [*told(triggers=triggers, advanced=modifiers), end(LAST)])
    (found,) = understood(read(tmp_path), ONE)
    assert [each.split(":")[0] for each in found.remarks] == [
        "its scalingModifiers are not simulated",
        "a trigger that never was asked for, or of another scaler, is left out",
        "triggers that KEDA asks itself are not recorded, and left out",
    ]


def test_the_first_part_is_lines_for_people(tmp_path: Path) -> None:
    wrote(tmp_path, [*told(), *as_simulated(tmp_path, 1), end(LAST)], [json.dumps("x")])
    said = "\n".join(lines(replay(tmp_path, asked=ONE)))
    assert "shop/orders: replicas differ by 0.0 %" in said
    assert "wakes  1 recorded, 1 simulated, 1 of them near" in said
    assert "1 lines are left out" in said
