"""When consumers are looked at after a message, on a connection made up, in time that does not pass by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.aio.subscription import Subscription

from scaler.net.egress import Egress
from scaler.probes.base import Watching
from scaler.probes.nats_jetstream.connection import Connection, Tap
from scaler.probes.nats_jetstream.push import LATE_LOOKS, LONG_PAUSE, LOOKS, Push
from scaler.probes.nats_jetstream.records import Consumer
from scaler.probes.nats_jetstream.subjects import Reach
from scaler.testing.clocks import in_jumping_time, jumping_clock

CONSUMER = Consumer("S", "A")


class Untapped(Tap):
    """A subscription that no server knows of."""

    async def end(self) -> None:
        self.heard.cancel()


class Line(Connection):
    """A connection without a server: a test says when a message comes."""

    def __init__(self) -> None:
        super().__init__(Egress(), secure=False)
        self.listening: asyncio.Future[None] | None = None
        self.taps: list[float] = []

    async def tap(self, subject: str, heard: Callable[[], None]) -> Tap:
        self.taps.append(jumping_clock())
        self.listening = asyncio.get_running_loop().create_future()
        self.listening.add_done_callback(lambda _: heard())
        return Untapped(subject, Subscription(Client(), 1, subject), asyncio.get_running_loop().create_future())

    async def round_trip(self, patience: float) -> None:
        del patience

    def publish(self) -> None:
        """Let a message come; it is missed if nobody listens just now."""
        if self.listening is not None and not self.listening.done():
            self.listening.set_result(None)


class Looks:
    """Notes when it is hinted."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.at: list[float] = []

    def note(self, _: Collection[Consumer]) -> None:
        self.at.append(jumping_clock())

    def since(self, began: float) -> list[float]:
        """Tell how long after ``began`` it was hinted, and forget."""
        found, self.at = [round(at - began, 3) for at in self.at if at > began], []
        return found


async def explore(consumers: Collection[Consumer]) -> Mapping[Consumer, Reach]:
    return {each: Reach(frozenset({"S.>"}), whole=True) for each in consumers}


@asynccontextmanager
async def pushing() -> AsyncIterator[Looks]:
    looks = Looks(Line())
    watching = Watching(frozenset({CONSUMER}), looks.note, lambda: None)
    task = asyncio.create_task(Push(looks.line, watching, explore).run())
    try:
        yield looks
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@in_jumping_time
async def test_a_message_that_is_stored_seconds_later_is_seen() -> None:
    async with pushing() as looks:
        await asyncio.sleep(20)
        began = jumping_clock()
        looks.line.publish()
        await asyncio.sleep(20)
        renewed = looks.line.taps[-1] - began
        told = looks.since(began)
        assert set(LOOKS) < set(told)
        assert told[-2:] == [round(renewed + late, 3) for late in LATE_LOOKS]


@in_jumping_time
async def test_a_message_that_is_missed_while_nobody_listens_and_stored_seconds_later_is_seen() -> None:
    async with pushing() as looks:
        await asyncio.sleep(3)
        (began,) = looks.line.taps
        assert looks.since(began) == [1.0]
        await asyncio.sleep(17)
        assert looks.since(began) == [4.0]


@in_jumping_time
async def test_a_flood_plans_no_late_looks_but_the_last_ones() -> None:
    async with pushing() as looks:
        began = jumping_clock()
        while jumping_clock() < began + 10:
            looks.line.publish()
            await asyncio.sleep(0.005)
        assert len(looks.since(began)) < 10 / LONG_PAUSE * (len(LOOKS) + 2)
        await asyncio.sleep(20)
        assert [at for at in looks.since(looks.line.taps[-1]) if at >= LATE_LOOKS[0]] == [*LATE_LOOKS]


@in_jumping_time
async def test_nothing_is_looked_at_after_the_end() -> None:
    async with pushing() as looks:
        await asyncio.sleep(20)
        looks.line.publish()
    ended = jumping_clock()
    await asyncio.sleep(20)
    assert looks.since(ended) == []
