"""Metadata that is wrong or changes, as a user of KEDA sees it.

KEDA (2.16 to 2.21) keeps an external scaler's words to its log; its own condition only says that something is wrong.
What is wrong stands in a condition of ours beside it, and in an Event.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.api import EVENTS, HPAS, SCALED_OBJECTS, Document
from tests.cluster.control_plane import condition
from tests.cluster.functions import Function, Stage
from tests.cluster.keda import Keda
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

KEDAS = {  # which of them shows depends on whether KEDA reconciled or polled last
    "ScaledObjectCheckFailed": "no metric specs returned from scalers",
    "TriggerError": "Triggers defined in ScaledObject are not working correctly",
}
MISTAKE = {"laggThreshold": "5"}
OURS = "TriggersUnderstood"


def test_wrong_metadata_is_told_by_a_condition_an_event_and_the_operators_log(stage: Stage, keda: Keda) -> None:
    wrong = stage.each(words=MISTAKE)
    wrong.wait_told("Ready", "False", within=30.0)
    for each in wrong:
        seen = _told_of(each)
        assert KEDAS[condition(seen, "Ready", "reason")] in condition(seen, "Ready", "message"), each.name
        assert condition(seen, OURS) == "False", each.name
        assert condition(seen, OURS, "reason") == "InvalidMetadata", each.name
        said = condition(seen, OURS, "message")
        assert f"{each.name} trigger of {stage.namespace}/{each.name}: unknown key 'laggThreshold'" in said
        assert said in keda.operator.log.read_text(), each.name
        assert said in _events(each), each.name


def _told_of(function: Function) -> Document:
    """Return its ScaledObject as soon as our condition stands there beside KEDA's.

    KEDA writes the whole list, now and then from a copy of before; what it takes away is written again in seconds.
    """
    with function.api.watch(SCALED_OBJECTS, function.namespace) as watch:
        seen = function.api.get(SCALED_OBJECTS, function.name, function.namespace)
        if condition(seen, OURS):
            return seen
        return watch.until(lambda each: each["metadata"]["name"] == function.name and bool(condition(each, OURS)))


def _events(function: Function) -> list[str]:
    """Return what warnings about its ScaledObject say."""
    about = f"involvedObject.kind=ScaledObject,involvedObject.name={function.name},reason=InvalidMetadata"
    told = function.api.all(EVENTS, function.namespace, fieldSelector=about)
    return [each["message"] for each in told if each["type"] == "Warning"]


def test_corrected_metadata_makes_it_ready(stage: Stage) -> None:
    functions = stage.each(words=MISTAKE)
    functions.wait_told(OURS, "False", within=30.0)
    for each in functions:
        stage.follow(each.name, source=each.name)
    functions.wait_told("Ready", "True", within=30.0)
    wait_until(lambda: all(each.told(OURS) != "False" for each in functions), within=30.0, what="taken back")
    functions.push()
    functions.wait_replicas(1, within=10.0)


def test_a_mistaken_edit_and_its_correction_put_nobody_to_sleep(stage: Stage) -> None:
    # Within the cooldown. Beyond it KEDA 2.21 may take the moment of the correction for silence: it looks while it is
    # replacing the scaler, and nothing was active for longer than the cooldown. The push wakes it again at once.
    functions = stage.wait_followed(stage.each(cooldownPeriod=60))
    stage.fill(functions)
    for each in functions:
        stage.follow(each.name, source=each.name, words=MISTAKE, cooldownPeriod=60)
    functions.wait_told("Ready", "False", within=20.0)
    assert set(stage.fewest(8.0).values()) == {2}
    for each in functions:
        stage.follow(each.name, source=each.name, cooldownPeriod=60)
    functions.wait_told("Ready", "True", within=60.0)
    assert set(stage.replicas().values()) == {2}


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[tuple[Warmscaler, Path]]:
    """Yield a service and the file that it follows."""
    config = tmp_path / "config.yaml"
    config.write_text(_defaults(target=50))
    with Warmscaler(tmp_path / "scaler", flags=[f"--config={config}"]) as scaler:
        yield scaler, config


def test_new_defaults_reach_the_autoscaler_without_a_touch_of_the_object(
    stage: Stage, keda: Keda, configured: tuple[Warmscaler, Path]
) -> None:
    if keda.release < (2, 21):
        pytest.skip("KEDA follows an external scaler's targets since 2.21")
    scaler, config = configured
    own = replace(stage, scaler=scaler)
    own.each(words={"target": None}, pollingInterval=60)
    wait_until(
        lambda: _targets(own) == dict.fromkeys(own.sources, "50"), within=30.0, what="the old targets in the HPAs"
    )
    wait_until(lambda: scaler.streams("StreamMetricSpec") == len(own.sources), within=30.0, what="specs followed")
    generations = _generations(own)
    config.write_text(_defaults(target=7))
    wait_until(
        lambda: _targets(own) == dict.fromkeys(own.sources, "7"), within=20.0, what="the new targets in the HPAs"
    )
    assert _generations(own) == generations


def _defaults(*, target: int) -> str:
    kinds = {"redis": "listLength", "nats-jetstream": "lagThreshold", "kafka": "lagThreshold"}
    lines = "".join(f"    {kind}: {{{word}: {target}}}\n" for kind, word in kinds.items())
    return f"version: 1\ndefaults:\n  kinds:\n{lines}"


def _targets(stage: Stage) -> dict[str, str]:
    """Return what each autoscaler aims at, by the function's name."""
    return {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["metrics"][0]["external"]["target"]["averageValue"]
        for each in stage.api.all(HPAS, stage.namespace)
    }


def _generations(stage: Stage) -> list[int]:
    return [each["metadata"]["generation"] for each in stage.api.all(SCALED_OBJECTS, stage.namespace)]
