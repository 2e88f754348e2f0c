"""What was begun and is not seen yet, so that nobody does it again: a copy of the API's objects is always a little old.

A write is noted before it is made, for its answer, or the watch, may come at any moment after; and it is noted until
what it did is in the copy, or is known not to have been done. The note of a pod that is asked for counts as that pod.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from scaler.pool.view import Stage


class Expectations:
    """The writes that are under way for one function."""

    def __init__(self) -> None:
        self._creating: set[str] = set()
        self._changing: dict[str, Stage] = {}
        self._deleting: set[str] = set()

    @property
    def creating(self) -> frozenset[str]:
        """The names of pods that were asked for."""
        return frozenset(self._creating)

    @property
    def changing(self) -> Mapping[str, Stage]:
        """The stage, by uid, of each pod that is being changed, as it will be."""
        return self._changing

    @property
    def deleting(self) -> frozenset[str]:
        """The uids of pods whose deletion was asked for."""
        return frozenset(self._deleting)

    @contextmanager
    def creation(self, name: str) -> Iterator[None]:
        """Count a pod for as long as the block lasts."""
        self._creating.add(name)
        try:
            yield
        finally:
            self._creating.discard(name)

    @contextmanager
    def change(self, uid: str, stage: Stage) -> Iterator[None]:
        """Take a pod for changed for as long as the block lasts."""
        self._changing[uid] = stage
        try:
            yield
        finally:
            del self._changing[uid]

    @contextmanager
    def deletion(self, uid: str) -> Iterator[None]:
        """Take a pod for one that is leaving for as long as the block lasts."""
        self._deleting.add(uid)
        try:
            yield
        finally:
            self._deleting.discard(uid)
