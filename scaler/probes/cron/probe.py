"""The probe: windows of the calendar, read off the wall clock; the next edge of any of them is the push."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final, NoReturn

from pydantic import Field

from scaler.model import Ask, Metric
from scaler.probes.base import Amount, Found, Pace, Surroundings, Watching
from scaler.triggers.metadata import metric_name
from scaler.triggers.params import Params
from scaler.triggers.schedule import Schedule, schedule, time_zone
from scaler.triggers.values import Whole

RECHECK: Final = 60.0  # s: the wall clock may be set while nobody looks
SLICE: Final = 200  # windows that may be computed at a stretch, some 20 ms
_KEPT: Final = 20_000  # windows whose edges are remembered

_IN_NAMES: Final = str.maketrans({" ": "", "*": "x", "/": "Sl", "?": "Qm", ",": "Cm"})


class CronParams(Params):
    """A number of replicas from each time that `start` names to the next that `end` names, else none.

    The window is open unless the next start comes before the next end, as it is natively. It follows that of several
    starts before an end only the last one opens it, also when the clocks go back and a start comes twice; and that
    where a start is skipped, because the clocks go forward over it, the window stays open from the end before.
    """

    timezone: Annotated[str, Field(description="The zone of both, such as `Europe/Berlin`.")]
    start: Annotated[
        str, Field(description="Cron expression of five fields: when the window opens, such as `0 8 * * Mon-Fri`.")
    ]
    end: Annotated[str, Field(description="Cron expression of five fields: when it closes.")]
    desired_replicas: Annotated[Whole, Field(ge=1, description="How many replicas while it is open.")]

    def problems(self) -> Iterator[str]:
        """Check the zone, both expressions, and that they differ."""
        try:
            zone = time_zone(self.timezone).key if self.timezone else "UTC"
        except ValueError as error:
            yield f"'timezone': {error}"
            zone = "UTC"
        for key, text in (("start", self.start), ("end", self.end)):
            try:
                schedule(text, zone)
            except ValueError as error:
                if text:
                    yield f"'{key}': {text[:60]!r} {error}"
        if self.start and self.start == self.end:
            yield "'start' and 'end' must differ"


@dataclass(frozen=True, slots=True)
class WallClock:
    """The source: there is one in the world."""

    def __str__(self) -> str:
        """Name it, for an operator."""
        return "the wall clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The query: whether it is open, and the ``replicas`` it asks for then."""

    start: Schedule
    end: Schedule
    replicas: int

    def __str__(self) -> str:
        """Name the window, for an operator."""
        return f"{self.replicas} replicas from {self.start} to {self.end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """When a window opens and closes next, as seen at ``seen``; ``None`` means never again."""

    seen: datetime
    opens: datetime | None
    closes: datetime | None

    @property
    def next(self) -> datetime:
        """When one of them is reached, and this is out of date."""
        return min(
            (edge for edge in (self.opens, self.closes) if edge is not None), default=self.seen + timedelta(days=1)
        )

    @property
    def open(self) -> bool:
        """Whether the window is open until then.

        As natively, one that never opens again is open, and one that never closes again is not.
        """
        return self.closes is not None and (self.opens is None or self.opens >= self.closes)


def edges(window: Window, now: datetime) -> Edges:
    """Look ahead from ``now``."""
    return Edges(seen=now, opens=window.start.after(now), closes=window.end.after(now))


class CronSource:
    """The wall clock, and the edges that lie ahead of each window."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._edges: dict[Window, Edges] = {}

    async def read(self, queries: Collection[Window]) -> Mapping[Window, Found]:
        """Tell which windows are open now."""
        ahead = await self._ahead(queries, self._wall())
        return {window: _amount(window, is_open=each.open) for window, each in ahead.items()}

    async def watch(self, watching: Watching[Window]) -> NoReturn:
        """Hint at every edge of a wanted window, and at all when the wall clock was set back."""
        version = -1
        while True:
            wanted = watching.wanted.value
            if version != watching.wanted.version:
                version = watching.wanted.version
                watching.covers(wanted)
            now = self._wall()
            ahead = await self._ahead(wanted, now)
            soonest = min((each.next for each in ahead.values()), default=now + timedelta(seconds=RECHECK))
            await _until(watching, version, (soonest - now).total_seconds())
            later = self._wall()
            if reached := {window for window, each in ahead.items() if later < now or later >= each.next}:
                watching.hint(reached)

    async def close(self) -> None:
        """Nothing is held."""

    async def _ahead(self, windows: Collection[Window], now: datetime) -> dict[Window, Edges]:
        """Return the edges ahead; computed only where one was reached or the clock was set back."""
        if len(self._edges) > _KEPT:
            self._edges.clear()
        stale = [window for window in windows if not self._holds(window, now)]
        for number, window in enumerate(stale, start=1):
            self._edges[window] = edges(window, now)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return {window: self._edges[window] for window in windows}

    def _holds(self, window: Window, now: datetime) -> bool:
        known = self._edges.get(window)
        return known is not None and known.seen <= now < known.next


def _amount(window: Window, *, is_open: bool) -> Amount:
    return Amount(value=window.replicas if is_open else 0, activity=int(is_open))


async def _until(watching: Watching[Window], version: int, delay: float) -> None:
    """Sleep ``delay`` seconds, a minute at most, or until something else is wanted."""
    try:
        async with asyncio.timeout(min(delay, RECHECK)):
            await watching.wanted.changed(version)
    except TimeoutError:
        pass


class Cron:
    """Windows of the calendar. Nothing is connected to."""

    kind: ClassVar[str] = "cron"
    params = CronParams
    pace = Pace(timeout=5.0)

    def ask(self, params: CronParams) -> Ask:
        """Ask whether a window is open; an open one is active whatever it asks for."""
        parts = (params.timezone, params.start.translate(_IN_NAMES), params.end.translate(_IN_NAMES))
        window = Window(
            start=schedule(params.start, params.timezone),
            end=schedule(params.end, params.timezone),
            replicas=params.desired_replicas,
        )
        return Ask(source=WallClock(), query=window, metric=Metric(name=metric_name("cron", *parts), target=1))

    async def open(self, source: WallClock, surroundings: Surroundings) -> CronSource:
        """Look at the clock, which is always possible."""
        del source
        return CronSource(surroundings.wall)
