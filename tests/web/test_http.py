"""What is told of all triggers: in slices, and the same to all who ask within a second."""

import asyncio
import json

from scaler.model import Instant
from scaler.web.http import AT_ONCE, SHARED, Listing
from tests.stage import Deciding, deciding


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> Instant:
        return Instant(self.now)


async def names(listing: Listing) -> list[str]:
    return [each["name"] for each in json.loads(b"[" + await listing.text() + b"]")]


def admit(stage: Deciding, first: int, last: int) -> list[str]:
    return [stage.ask(f"name{number}").trigger.name for number in range(first, last)]


async def test_others_have_their_turn_while_all_triggers_are_told() -> None:
    async with deciding(jobs=7) as stage:
        admitted = admit(stage, 0, 5 * AT_ONCE + 1)
        telling = asyncio.create_task(names(Listing(stage.decisions, Hand())))
        turns = 0
        while not telling.done():
            await asyncio.sleep(0)
            turns += 1
        assert await telling == admitted
        assert turns > 5


async def test_who_asks_within_a_second_is_told_the_same() -> None:
    async with deciding(jobs=7) as stage:
        clock = Hand()
        listing = Listing(stage.decisions, clock)
        assert await names(listing) == []
        admitted = admit(stage, 0, 2)
        clock.now += SHARED * 0.99
        assert await names(listing) == []
        clock.now += SHARED * 0.01
        assert await names(listing) == admitted


async def test_who_asks_while_it_is_written_waits_for_the_same() -> None:
    async with deciding(jobs=7) as stage:
        admit(stage, 0, 3 * AT_ONCE)
        listing = Listing(stage.decisions, Hand())
        first, second = await asyncio.gather(listing.text(), listing.text())
        assert first is second


async def test_who_leaves_while_it_is_written_takes_nothing_from_the_next() -> None:
    async with deciding(jobs=7) as stage:
        admitted = admit(stage, 0, 3 * AT_ONCE)
        listing = Listing(stage.decisions, Hand())
        leaving = asyncio.create_task(listing.text())
        await asyncio.sleep(0)
        leaving.cancel()
        assert await names(listing) == admitted
        assert leaving.cancelled()
