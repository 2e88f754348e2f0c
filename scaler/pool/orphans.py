"""Pods of ours that have no owner, and whose workload is gone: nobody ends them.

A pod that is handed over to a ReplicaSet belongs to nobody for a moment. If its workload is deleted in that moment,
neither the garbage collector nor any controller knows of it. Nor does one of the pods of any stage of a workload that
was deleted with ``--cascade=orphan``.
"""

import asyncio
from typing import Final

from structlog import get_logger

from scaler.model import Instant
from scaler.pool.claims import Writes
from scaler.pool.manifests import STAGE, WORKLOAD, made_here
from scaler.pool.seen import PodSeen
from scaler.pool.sight import Sight

log = get_logger(__name__)

LOST_FOR: Final = 60.0  # s for which nobody has had a pod before it is deleted


class Orphans:
    """Looks for them in one namespace, and deletes them."""

    def __init__(self, sight: Sight, writes: Writes, tasks: asyncio.TaskGroup) -> None:
        self._sight = sight
        self._writes = writes
        self._tasks = tasks
        self._since: dict[str, Instant] = {}
        self._ending: set[str] = set()

    def look(self, now: Instant) -> None:
        """Begin to delete those that have been nobody's for :data:`LOST_FOR`; to be called again and again."""
        if not self._sight.synced:
            return
        lost = {pod.uid: pod for pod in self._sight.pods.objects.values() if self._is_lost(pod)}
        self._since = {uid: self._since.get(uid, now) for uid in lost}
        for uid, since in self._since.items():
            if now - since >= LOST_FOR and uid not in self._ending:
                self._ending.add(uid)
                self._tasks.create_task(self._end(lost[uid]), name="delete an orphan")

    def _is_lost(self, pod: PodSeen) -> bool:
        if STAGE not in pod.labels or pod.owners or pod.leaving:
            return False
        return self._sight.by_uid(pod.labels.get(WORKLOAD, "")) is None and made_here(pod.name, pod.labels)

    async def _end(self, pod: PodSeen) -> None:
        log.warning("deletes a pod that has no owner and whose workload is gone", pod=pod.name)
        try:
            await self._writes.delete(pod)
        finally:
            self._ending.discard(pod.uid)
