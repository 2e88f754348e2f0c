"""Metadata that is wrong or changes, as a user of KEDA sees it.

KEDA (2.16 to 2.21) keeps an external scaler's words to its log; its condition only says that something is wrong.
"""

import pytest

from tests.cluster.api import SCALED_OBJECTS
from tests.cluster.control_plane import condition
from tests.cluster.functions import Stage
from tests.cluster.keda import Keda
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis")

MISTAKE = {"listLenght": "5"}
CONDITIONS = {  # which of them shows depends on whether KEDA reconciled or polled last
    "ScaledObjectCheckFailed": "no metric specs returned from scalers",
    "TriggerError": "Triggers defined in ScaledObject are not working correctly",
}
SAID = "unknown key 'listLenght', did you mean 'listLength'?"


def test_wrong_metadata_shows_as_a_condition_and_in_full_in_the_operator_log(stage: Stage, keda: Keda) -> None:
    function = stage.function("wrong", words=MISTAKE)
    wait_until(lambda: function.told("Ready") == "False", within=20.0, what="not ready")
    seen = stage.api.get(SCALED_OBJECTS, function.name, stage.namespace)
    assert CONDITIONS[condition(seen, "Ready", "reason")] in condition(seen, "Ready", "message")
    assert f"redis trigger of {stage.namespace}/wrong: {SAID}" in keda.operator.log.read_text()


def test_corrected_metadata_makes_it_ready(stage: Stage) -> None:
    function = stage.function("wrong", words=MISTAKE)
    wait_until(lambda: function.told("Ready") == "False", within=20.0, what="not ready")
    stage.follow("wrong")
    wait_until(lambda: function.told("Ready") == "True", within=20.0, what="ready")
    function.push()
    function.wait_replicas(1, within=10.0)


def test_a_mistaken_edit_and_its_correction_put_nobody_to_sleep(stage: Stage) -> None:
    # Within the cooldown. Beyond it KEDA 2.21 may take the moment of the correction for silence: it looks while it is
    # replacing the scaler, and nothing was active for longer than the cooldown. The push wakes it again at once.
    functions = stage.pushed(5, cooldownPeriod=60)
    stage.fill(functions)
    for function in functions:
        stage.follow(function.name, words=MISTAKE, cooldownPeriod=60)
    wait_until(lambda: all(each.told("Ready") == "False" for each in functions), within=20.0, what="none ready")
    assert set(stage.fewest(20.0).values()) == {2}
    for function in functions:
        stage.follow(function.name, cooldownPeriod=60)
    wait_until(lambda: all(each.told("Ready") == "True" for each in functions), within=60.0, what="all ready")
    assert set(stage.replicas().values()) == {2}


def test_another_target_counts_at_once(stage: Stage) -> None:
    (function,) = stage.pushed(1, words={"listLength": "50"})
    function.push(50)
    function.wait_replicas(1, within=10.0)
    stage.follow(function.name, words={"listLength": "10"})
    function.wait_replicas(5, within=60.0)
    stage.wait_streams(1, within=10.0)
