"""Whether the cluster's DNS would hide a claimed pod: asked once in a while, and said where somebody can mend it.

Only headless Services are concerned: their clients find pods by DNS, and a cached answer names none that came since.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from structlog import get_logger

from scaler.net.kube import Document
from scaler.observe import metrics
from scaler.pool.dns import Caching

log = get_logger(__name__)

CACHED: Final = "DnsCached"
AGAIN: Final = 600.0  # s
CACHED_AT_MOST: Final = 30.0  # s: the ttl of CoreDNS's kubernetes plugin, and of its cache as kubeadm sets it up


class Preflight:
    """Asks once somebody is concerned, by ``ask``; ``said`` is told what people should mend, and of which workload.

    The question is about a Service that every cluster has: those of functions may have no address while they sleep.

    As long as nothing is known, changes may be hidden for the longest that is usual.
    """

    def __init__(self, ask: Callable[[], Awaitable[Caching]]) -> None:
        self._ask = ask
        self.said: Callable[[Document, str, str], None] = lambda _regarding, _reason, _message: None
        self._workload: Document = {}
        self._concerned = asyncio.Event()
        self._found: Caching | None = None

    @property
    def bound(self) -> float:
        """For how long a change may be hidden, in seconds."""
        return self._found.bound if self._found is not None else CACHED_AT_MOST

    def concern(self, workload: Document) -> None:
        """Note a workload whose clients go by DNS."""
        self._workload = workload
        self._concerned.set()

    async def run(self) -> None:
        """Ask as soon as it matters, and again now and then, until cancelled."""
        await self._concerned.wait()
        while True:
            found = await self._ask()
            if found != self._found:
                self._tell(found)
            self._found = found
            metrics.POOL_DNS_CACHED.set(found.bound)
            await asyncio.sleep(AGAIN)

    def _tell(self, found: Caching) -> None:
        hides = bool(found.positive or found.negative)
        (log.warning if hides else log.info)("DNS preflight", why=found.why, fix=found.fix)
        if hides:
            self.said(
                self._workload, CACHED, f"a claimed pod may be hidden for {found.bound:g} s: {found.why}; {found.fix}"
            )

    def told(self) -> dict[str, Any] | None:
        """Tell what was found, for ``/status``; ``None`` while nothing was asked."""
        if self._found is None:
            return None
        found = self._found
        return {
            "cached": found.positive,
            "negatives_cached": found.negative,
            "hidden_for": found.bound,
            "why": found.why,
            "fix": found.fix or None,
        }
