"""Watches the pool from outside, at every change of a pod: what no controller may do, whatever happens to it."""

from collections.abc import Callable

from scaler.net.kube import Document
from scaler.pool.manifests import BRIDGED, STAGE, WARM


class Audit:
    """Notes what is ``broken``, in words, and says so; ``most`` tells how many unclaimed pods there may be now."""

    def __init__(self, most: Callable[[], int], say: Callable[[str], None]) -> None:
        self.broken: list[str] = []
        self._most = most
        self._say = say
        self._warm: set[str] = set()

    def see(self, before: Document | None, now: Document | None) -> None:
        """Look at one change: ``None`` is no pod yet, or none any more."""
        name = (now or before or {})["metadata"]["name"]
        if now is None or stage_of(now) != WARM:
            self._warm.discard(name)
        elif name not in self._warm:
            self._warm.add(name)
            self._count()
        if now is not None and stage_of(now) == BRIDGED and _is_leaving(now) and not _is_leaving(before):
            self._note(f"{name} was deleted while it served")

    def _count(self) -> None:
        most = self._most()
        if len(self._warm) > most:
            self._note(f"{len(self._warm)} warm pods where {most} may be")

    def _note(self, text: str) -> None:
        self.broken.append(text)
        self._say(text)


def stage_of(pod: Document | None) -> str:
    """Return the stage that a pod of the pool's is in, empty for any other."""
    return str((pod["metadata"].get("labels") or {}).get(STAGE, "")) if pod is not None else ""


def _is_leaving(pod: Document | None) -> bool:
    return pod is not None and "deletionTimestamp" in pod["metadata"]
