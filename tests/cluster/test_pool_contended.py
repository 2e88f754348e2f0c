"""Contended claims on the real API server: the very contest of tests/pool/test_contended.py, with two clients."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from scaler.net.kube import PODS, Kube, running_kube
from scaler.net.mirror import Mirror
from scaler.pool.claims import Outcome
from tests.cluster.control_plane import ControlPlane
from tests.pool.contended import CLAIMERS, Contest, contend

pytestmark = pytest.mark.requires("cluster")

ATTEMPTS = 2_000


async def test_no_pod_is_claimed_twice_or_deleted_while_claimed(
    control_plane: ControlPlane, namespace: str, measured: Callable[[str], None]
) -> None:
    async with AsyncExitStack() as ends:
        kubes: dict[str, Kube] = {}
        for who in (*CLAIMERS, "setting", "audit"):
            kube = await ends.enter_async_context(running_kube(control_plane.kubeconfig))
            assert kube is not None
            kubes[who] = kube
        contest = Contest(connect=kubes.__getitem__, namespace=namespace, attempts=ATTEMPTS)
        audit = Mirror(
            kubes["audit"],
            PODS,
            namespace,
            lambda document: document,
            lambda _, before, after: contest.saw(before, after or before or {}, gone=after is None),
        )
        watching = asyncio.create_task(audit.run())
        began = asyncio.get_running_loop().time()
        await contend(contest)
        took = asyncio.get_running_loop().time() - began
        watching.cancel()
    measured(f"{contest.tried} contended claims in {took:.1f} s, {contest.lives} lives: {dict(contest.outcomes)}")
    assert (contest.twice, contest.deleted) == ([], [])
    assert contest.tried >= ATTEMPTS
    assert contest.outcomes[Outcome.DONE] > ATTEMPTS / 10
    assert contest.outcomes[Outcome.CHANGED] > ATTEMPTS / 10, "there was no contention"
