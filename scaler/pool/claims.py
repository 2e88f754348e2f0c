"""The pool's writes, each one call: conditional on the very state that was planned from, and a leader's alone.

Whatever the answer, the copy of the API's objects is right afterwards: what the server returned is entered at once, and
what was refused, or has no answer, is read again before anything else is done with the pod.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from structlog import get_logger

from scaler.aio import delays
from scaler.errors import ApiRefused, ApiUnreachable
from scaler.model import Instant
from scaler.net.kube import CONFLICT, FORBIDDEN, JSON_PATCH, NOT_FOUND, PODS, Document, Kube
from scaler.observe import metrics
from scaler.pool.elector import Leadership
from scaler.pool.manifests import Patch
from scaler.pool.seen import PodSeen
from scaler.pool.sight import Sight

log = get_logger(__name__)

PATIENCE: Final = 2.5  # s for a write: one that was begun in time ends before another can lead (lease - renew_deadline)
AT_ONCE: Final = 16  # claims at once; more only wait in the API server
REST_AT_ONCE: Final = 8  # of everything else, so that a refill never stands in a claim's way
GIVE_WAY: Final = 2.0  # s that a creation waits at most while there are claims


class Outcome(StrEnum):
    """What became of a write."""

    DONE = "done"
    REFUSED = "refused"  # it was not done, and will not be in this way
    CHANGED = "changed"  # the pod was changed meanwhile: what is to do must be planned anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a write, and what the server said if it was not done."""

    outcome: Outcome
    said: str = ""


class Writes:
    """Makes the pool's calls in one namespace, as long as ``leadership`` lasts.

    Raises :class:`LeadershipLost` before a write that another leader may be making already.
    """

    def __init__(self, kube: Kube, sight: Sight, leadership: Leadership) -> None:
        self._kube = kube
        self._sight = sight
        self._leadership = leadership
        self._claims = asyncio.Semaphore(AT_ONCE)
        self._rest = asyncio.Semaphore(REST_AT_ONCE)
        self._claiming = 0
        self._unclaimed = asyncio.Event()  # set while nothing is being claimed
        self._unclaimed.set()

    async def claim(self, pod: PodSeen, patch: Patch, word_at: Instant | None) -> Answer:
        """Give a pod to its function; ``word_at`` is when the scaler spoke, on the monotonic clock."""
        with self._preferred():
            async with self._claims:
                begun = time.monotonic()
                if word_at is not None:
                    metrics.POOL_DECIDED_SECONDS.observe(begun - word_at)
                answer = await self._changed(pod, "PATCH", patch)
                metrics.POOL_CLAIM_SECONDS.observe(time.monotonic() - begun)
                return answer

    async def patch(self, pod: PodSeen, patch: Patch) -> Answer:
        """Change a pod."""
        async with self._rest:
            return await self._changed(pod, "PATCH", patch)

    async def delete(self, pod: PodSeen) -> Answer:
        """Delete a pod, if it is still as it was read."""
        conditions = {"uid": pod.uid, "resourceVersion": pod.marks.version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        async with self._rest:
            return await self._changed(pod, "DELETE", body)

    async def create(self, document: Document) -> Answer:
        """Create a pod; one of that name that is there already is the one."""
        about = document["metadata"]
        await self._give_way()
        async with self._rest:
            self._leadership.check()
            try:
                created = await self._kube.call("POST", PODS.path(about["namespace"]), document, patience=PATIENCE)
            except ApiRefused as error:
                if error.status != CONFLICT:
                    return Answer(outcome=Outcome.REFUSED, said=str(error))
            except ApiUnreachable as error:
                log.warning("a pod's creation has no answer", pod=about["name"], why=str(error))
            else:
                self._sight.pods.heard(created)
                return Answer(outcome=Outcome.DONE)
            return await self._reread(about["name"], "")

    @contextmanager
    def _preferred(self) -> Iterator[None]:
        """Let creations wait for the block's end."""
        self._claiming += 1
        self._unclaimed.clear()
        try:
            yield
        finally:
            self._claiming -= 1
            if not self._claiming:
                self._unclaimed.set()

    async def _give_way(self) -> None:
        """Wait until nothing is being claimed; a stream of claims that never ends is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_WAY):
                await self._unclaimed.wait()

    async def _changed(self, pod: PodSeen, method: str, body: Patch | Document) -> Answer:
        path = PODS.path(self._sight.namespace, pod.name)
        content = JSON_PATCH if method == "PATCH" else "application/json"
        self._leadership.check()
        try:
            document = await self._kube.call(method, path, body, content=content, patience=PATIENCE)
        except ApiRefused as error:
            if error.status == FORBIDDEN:
                return Answer(outcome=Outcome.REFUSED, said=str(error))
            await self._reread(pod.name, pod.uid)
            return Answer(outcome=Outcome.CHANGED, said=str(error))
        except ApiUnreachable as error:
            log.warning("a write has no answer", pod=pod.name, why=str(error))
            return await self._reread(pod.name, pod.uid)
        self._enter(method, pod, document)
        return Answer(outcome=Outcome.DONE)

    def _enter(self, method: str, pod: PodSeen, document: Document) -> None:
        """Enter what the server returned; of a pod that is gone at once it says so only by its status or its state."""
        deleted = method == "DELETE" and "deletionTimestamp" not in (document.get("metadata") or {})
        if deleted or document.get("kind") == "Status":
            self._sight.pods.gone(pod.name, pod.uid)
        else:
            self._sight.pods.heard(document)

    async def _reread(self, name: str, uid: str) -> Answer:
        """Read a pod until the API says what is true of it; the leader's work may end before."""
        for delay in delays(first=0.1, cap=5.0):
            try:
                self._sight.pods.heard(await self._kube.get(PODS, self._sight.namespace, name))
            except ApiRefused as error:
                if error.status == NOT_FOUND:
                    self._sight.pods.gone(name, uid)
                return Answer(outcome=Outcome.CHANGED, said=str(error))
            except ApiUnreachable:
                await asyncio.sleep(delay)
            else:
                return Answer(outcome=Outcome.CHANGED)
        raise AssertionError("delays never end")
