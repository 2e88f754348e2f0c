"""What is said where the cluster's DNS hides claimed pods, and how long a change may be hidden."""

import asyncio
from contextlib import suppress

import pytest

from scaler.net.kube import Document
from scaler.observe.metrics import REGISTRY
from scaler.pool.dns import Caching
from scaler.pool.preflight import CACHED, CACHED_AT_MOST, Preflight
from scaler.testing.clocks import in_jumping_time

CACHES = Caching(positive=True, negative=True, bound=30.0, why="answers are cached", fix="disable the cache")
FRESH = Caching(positive=False, negative=False, bound=0.0, why="nothing is cached", fix="")
WORKLOAD: Document = {"kind": "Deployment", "metadata": {"namespace": "shop", "name": "orders", "uid": "u"}}


class Asked:
    """Answers as a test says; ``said`` is what people were told."""

    def __init__(self, *answers: Caching) -> None:
        self.answers = list(answers)
        self.said: list[tuple[Document, str, str]] = []
        self.preflight = Preflight(self._ask)
        self.preflight.said = lambda *words: self.said.append(words)

    async def _ask(self) -> Caching:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def run(self, seconds: float) -> None:
        """Run it so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.preflight.run()


@in_jumping_time
async def test_nobody_is_asked_before_it_matters() -> None:
    asked = Asked(CACHES)
    await asked.run(5.0)
    assert (asked.preflight.told(), asked.preflight.bound) == (None, CACHED_AT_MOST)


@in_jumping_time
async def test_what_hides_pods_is_said_with_the_fix_once() -> None:
    asked = Asked(CACHES)
    asked.preflight.concern(WORKLOAD)
    await asked.run(3_000.0)
    ((regarding, reason, message),) = asked.said
    assert (regarding, reason) == (WORKLOAD, CACHED)
    assert "hidden for 30 s" in message
    assert CACHES.fix in message
    told = asked.preflight.told()
    assert told is not None
    assert (told["cached"], told["hidden_for"], told["fix"]) == (True, 30.0, CACHES.fix)
    assert REGISTRY.get_sample_value("warmscaler_pool_dns_cached_seconds") == 30.0


@in_jumping_time
@pytest.mark.parametrize("answers", [[FRESH], [CACHES, FRESH]], ids=["fresh", "mended"])
async def test_a_cluster_that_caches_nothing_hides_nothing(answers: list[Caching]) -> None:
    asked = Asked(*answers)
    asked.preflight.concern(WORKLOAD)
    await asked.run(3_000.0)
    assert asked.preflight.bound == 0.0
    assert len(asked.said) == len(answers) - 1
    assert REGISTRY.get_sample_value("warmscaler_pool_dns_cached_seconds") == 0.0
