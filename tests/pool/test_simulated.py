"""The plan in its loop, through many histories: what must hold at every instant, and that all ends well."""

import pytest

from tests.pool.model import World, rules

TROUBLED = 250  # s
REST = 260  # s in which everything must have come to rest
PER_BATCH = 15


@pytest.mark.parametrize("batch", range(6))
def test_histories(batch: int) -> None:
    claims = adopted = 0
    for seed in range(batch * PER_BATCH, (batch + 1) * PER_BATCH):
        world = World(seed, rules(seed))
        for _ in range(TROUBLED):
            world.step()
            assert not world.wrong, (seed, world.wrong)
        world.calm()
        for _ in range(REST):
            world.step()
            assert not world.wrong, (seed, world.wrong)
        assert not world.unfinished(), (seed, world.unfinished(), world)
        claims, adopted = claims + world.claims, adopted + world.adopted
    assert claims > PER_BATCH
    assert adopted > 0
