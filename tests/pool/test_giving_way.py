"""Creations wait for claims, but not for ever."""

import asyncio
from collections.abc import Mapping

from scaler.net.kube import Body, Document, Kube
from scaler.pool.claims import GIVE_WAY, Writes
from scaler.pool.elector import Leadership
from scaler.testing.clocks import in_jumping_time
from tests.pool.seeing import NAMESPACE, pod, sight_of

CLAIMED = pod("warm-0", {})
CREATED = pod("warm-1", {})


class Slow(Kube):
    """An API that answers a PATCH after some seconds and everything else at once; ``calls`` is what was begun, when."""

    def __init__(self, seconds: float) -> None:
        super().__init__(client=None, namespace=NAMESPACE)
        self.calls: list[tuple[float, str]] = []
        self._seconds = seconds

    async def call(  # noqa: PLR0913 - as it is
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Document:
        """Take a call."""
        del path, body, query, content, patience
        self.calls.append((asyncio.get_running_loop().time(), method))
        await asyncio.sleep(self._seconds if method == "PATCH" else 0.0)
        return CLAIMED if method == "PATCH" else CREATED


async def claim_and_create(api: Slow) -> list[tuple[float, str]]:
    """Claim a pod and create another in the same moment; return what was begun, and how long after that."""
    sight = sight_of(CLAIMED, CREATED)
    writes = Writes(api, sight, Leadership(lambda: 0.0, until=1.0, term=1))
    begun = asyncio.get_running_loop().time()
    claim = writes.claim(sight.pods.objects["warm-0"], [], None)
    await asyncio.gather(claim, writes.create(CREATED))
    return [(at - begun, method) for at, method in api.calls]


@in_jumping_time
async def test_a_creation_begins_when_nothing_is_being_claimed_any_more() -> None:
    assert await claim_and_create(Slow(0.5)) == [(0.0, "PATCH"), (0.5, "POST")]


@in_jumping_time
async def test_a_claim_that_takes_long_does_not_hold_creations_up_for_ever() -> None:
    assert await claim_and_create(Slow(60.0)) == [(0.0, "PATCH"), (GIVE_WAY, "POST")]
