"""The smallest probe keeps the contract."""

import pytest

from scaler.config.document import Config
from scaler.errors import ConfigError
from scaler.probes.memory import SHELF, Memory
from scaler.probes.registry import AnyProbe
from scaler.testing import World, check_probe
from scaler.triggers.metadata import understand


async def test_keeps_the_contract() -> None:
    async def put(value: float) -> None:
        SHELF.put("jobs", value)

    async def reach(*, reachable: bool) -> None:
        SHELF.reachable = reachable

    world = World(
        fill=put,
        drain=lambda: put(0),
        cut=lambda: reach(reachable=False),
        mend=lambda: reach(reachable=True),
    )
    await check_probe(Memory(), {"kind": "memory", "key": "jobs", "interval": "100ms"}, world)


@pytest.mark.parametrize("target", ["0", "-1", "x"])
def test_a_target_that_is_no_positive_number_is_refused(target: str) -> None:
    kinds: dict[str, AnyProbe] = {"memory": Memory()}
    with pytest.raises(ConfigError, match="target"):
        understand("n", "o", {"kind": "memory", "key": "k", "target": target}, kinds, Config().defaults)
