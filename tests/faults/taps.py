"""What the fault proxy can be made to count on the way."""

from collections import Counter
from collections.abc import Callable


class KafkaTap:
    """Counts Kafka requests by their API key, over all connections: ``Proxy(…, tap=KafkaTap())``."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()

    def __call__(self) -> Callable[[bytes], None]:
        """Follow one more connection."""
        pending = bytearray()

        def see(data: bytes) -> None:
            pending.extend(data)
            while len(pending) >= 6 and len(pending) >= (size := 4 + int.from_bytes(pending[:4])):
                self.requests[int.from_bytes(pending[4:6])] += 1
                del pending[:size]

        return see
