"""The own check of one function's waiting pods, as the configuration describes it at the time."""

import asyncio
from collections.abc import Callable, Mapping

from scaler.config.pools import CheckSection
from scaler.model import Instant
from scaler.pool.checks import Check, Fitness


class Examiner:
    """Checks pods; without a section every pod is fit. ``on_change`` is told that one's fitness is another."""

    def __init__(
        self,
        made: Callable[[CheckSection], Check],
        clock: Callable[[], Instant],
        tasks: asyncio.TaskGroup,
        on_change: Callable[[], None],
    ) -> None:
        self._made = made
        self._clock = clock
        self._tasks = tasks
        self._on_change = on_change
        self._section: CheckSection | None = None
        self._fitness: Fitness | None = None
        self._running: asyncio.Task[None] | None = None

    def update(self, section: CheckSection | None) -> None:
        """Check in another way from now on: nobody has passed that yet."""
        if section != self._section:
            self.end()
            self._section = section
            if section is not None:
                self._fitness = Fitness(self._made(section), section.interval, self._clock, lambda _: self._on_change())
                self._running = self._tasks.create_task(self._fitness.run(), name="checks")

    def end(self) -> None:
        """Check nothing any more."""
        if self._running is not None:
            self._running.cancel()
        self._section = self._fitness = self._running = None

    def watch(self, pods: Mapping[str, str]) -> None:
        """Check these pods, by uid with their address, and no others."""
        if self._fitness is not None:
            self._fitness.watch(pods)

    def fit(self, uid: str) -> bool:
        """Tell whether a pod may serve as far as its own check is concerned."""
        return self._fitness is None or self._fitness.fit(uid)

    def problem(self, uid: str) -> str:
        """Say why it may not, empty if it may."""
        return self._fitness.problem(uid) if self._fitness is not None else ""
