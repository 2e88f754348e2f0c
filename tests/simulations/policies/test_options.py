"""Options are numbers, and where something is counted whole ones."""

import pytest

from scaler.errors import ConfigError
from simulations.policies.options import read
from simulations.policies.overlays import laid
from simulations.policies.pools import AutoRules
from tests.simulations.policies.worlds import function, world

ONE = world(function([30.0]))


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ("fixed-replicas", "replicas"),
        ("pool-fixed", "size"),
        ("pool-scheduled", "otherwise"),
        ("pool-auto", "floor"),
        ("pool-auto", "ceiling"),
        ("openwhisk-reactive", "minCount"),
        ("openwhisk-reactive", "maxCount"),
        ("histogram", "bins"),
        ("pool-seasonal", "periods"),
    ],
)
def test_a_count_is_no_fraction(policy: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{policy}: '{key}' is 2.5, it must be a whole number"):
        laid(policy, ONE, {key: 2.5})
    assert laid(policy, ONE, {key: 2.0}).functions


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read(AutoRules, {"floor": 0.5, "missRatio": -1, "ceilin": 3, "ceiling": float("inf")}, "pool-auto")
    assert caught.value.problems == (
        "unknown option 'ceilin', did you mean 'ceiling'?",
        "'floor' is 0.5, it must be a whole number",
        "'missRatio' is -1, it must be a number of at least 0",
        "'ceiling' is inf, it must be a number of at least 0",
    )
