"""A mapping that forgets what nobody has touched for a while, since nobody says when a trigger is gone."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from scaler.model import Instant

K = TypeVar("K")
V = TypeVar("V")

KEPT: Final = 1800.0  # s: three times the longest interval at which a query may be read


class Recent(Generic[K, V]):
    """Values by key, each kept for :data:`KEPT` seconds after it was last put or got."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self._clock = clock
        self._values: dict[K, tuple[Instant, V]] = {}
        self._swept_at = clock()

    def __len__(self) -> int:
        return len(self._values)

    def put(self, key: K, value: V) -> None:
        """Store a value."""
        self._values[key] = (self._clock(), value)
        self._sweep()

    def get(self, key: K) -> V | None:
        """Return a value if it is there."""
        if key not in self._values:
            return None
        _, value = self._values[key]
        self._values[key] = (self._clock(), value)
        return value

    def drop(self, key: K) -> None:
        """Forget a value, if it is there."""
        self._values.pop(key, None)

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept_at < KEPT:
            return
        self._swept_at = now
        self._values = {key: each for key, each in self._values.items() if now - each[0] < KEPT}
