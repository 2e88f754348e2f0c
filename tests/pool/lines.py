"""Lines to one simulated API on which calls are late, lost, answered in vain or frozen, as a test says."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import LEASES, Body, Document, Kube
from simulations.cluster.api import SimulatedApi
from simulations.cluster.state import Request

NAMESPACE: Final = "n"
NAME: Final = "warmscaler-pool"
PATH: Final = LEASES.path(NAMESPACE, NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one call: ``there`` and ``back`` are seconds of its way, ``lost`` is its answer.

    A call lands though its caller has given up meanwhile. One that is ``frozen`` does not even notice that its time is
    up, as in a process that was stopped.
    """

    there: float = 0.0
    back: float = 0.0
    lost: bool = False
    frozen: bool = False


FINE: Final = Fate()
DEAD: Final = Fate(there=1e9)


class Line(Kube):
    """A line of one caller; each call meets the next of ``fates``, and ``then`` when there is none left."""

    def __init__(self, api: SimulatedApi, who: str, fates: Iterator[Fate] | None = None) -> None:
        super().__init__(client=None, namespace=NAMESPACE)
        self.api = api
        self.who = who
        self.fates = fates or iter(())
        self.then = FINE
        self.calls: list[tuple[str, float]] = []
        self.refusal = 0
        self._landing: set[asyncio.Task[Document]] = set()

    async def call(  # noqa: PLR0913 - as the one it stands for
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Document:
        """Do as :meth:`Kube.call` does."""
        assert patience is not None, "an elector asks with less time than it has"
        self.calls.append((method, asyncio.get_running_loop().time()))
        if self.refusal:
            raise ApiRefused("forbidden", self.refusal)
        fate = next(self.fates, self.then)
        landing = asyncio.create_task(self._land(Request(self.who, method, path, body, query or {}, content), fate))
        self._landing.add(landing)
        landing.add_done_callback(self._landed)
        limit = None if fate.frozen else patience
        done, _ = await asyncio.wait({landing}, timeout=limit)
        if not done or fate.lost:
            raise ApiUnreachable(f"no answer within {patience:g} s")
        return landing.result()

    async def _land(self, request: Request, fate: Fate) -> Document:
        await asyncio.sleep(fate.there)
        try:
            return self.api.handle(request)
        finally:
            await asyncio.sleep(fate.back)

    def _landed(self, landing: asyncio.Task[Document]) -> None:
        self._landing.discard(landing)
        if not landing.cancelled():
            landing.exception()  # looked at, or asyncio would complain where nobody has waited for it

    async def close(self) -> None:
        """Let nothing that is under way land any more."""
        for each in list(self._landing):
            each.cancel()
            with suppress(asyncio.CancelledError, ApiRefused):
                await each
