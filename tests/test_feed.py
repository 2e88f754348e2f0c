"""One source, one task: what is read when, and who hears of it."""

import asyncio
from itertools import pairwise

from structlog.testing import capture_logs

from scaler.errors import Cause, SourceUnavailable
from scaler.feed import BREATH
from scaler.model import Snapshot
from scaler.probes.base import Amount, Pace, Unwatchable
from scaler.testing.clocks import in_jumping_time, jumping_clock
from tests.stage import DOWN, FIRST, hang, nothing, raising, staged, told

# -- reading ---------------------------------------------------------------------------------------------------


@in_jumping_time
async def test_equal_queries_of_a_source_are_asked_once_and_all_in_one_batch() -> None:
    async with staged(a=1, b=2, c=3) as stage:
        followers = [stage.follow(query, interval=1.0)[0] for query in "aabbcc" * 10]
        await asyncio.sleep(10.5)
        assert len(stage.world.opens) == 1
        assert stage.reads() == [FIRST, *map(float, range(1, 11))]
        assert {queries for _, queries in stage.world.reads} == {frozenset("abc")}
        assert [told(each.readings) for each in followers[:4]] == [[1.0] * 11, [1.0] * 11, [2.0] * 11, [2.0] * 11]


@in_jumping_time
async def test_a_query_is_read_at_the_shortest_interval_anybody_wants() -> None:
    async with staged(a=1) as stage:
        stage.follow("a", interval=60.0)
        await asyncio.sleep(9.9)
        _, brief = stage.follow("a", interval=1.0)
        await asyncio.sleep(3.0)
        brief.end()
        await asyncio.sleep(200)
        assert stage.reads() == [FIRST, 9.9, 11.0, 12.0, 13.0, 60.0, 120.0, 180.0]


@in_jumping_time
async def test_queries_that_are_nearly_due_join_the_batch() -> None:
    async with staged(a=1, b=2) as stage:
        stage.follow("a", interval=2.0)
        await asyncio.sleep(0.3)
        stage.follow("b", interval=2.0)
        await asyncio.sleep(19.9)
        assert len(stage.reads()) == 12  # 2 first readings, and then always together
        assert [queries for _, queries in stage.world.reads[2:]] == [frozenset("ab")] * 10


@in_jumping_time
async def test_a_newcomer_is_told_at_once_what_is_known() -> None:
    async with staged(a=1) as stage:
        stage.follow("a", interval=60.0)
        await asyncio.sleep(1)
        assert told(stage.follow("a", interval=60.0)[0].readings) == [1.0]
        assert stage.reads() == [FIRST]


@in_jumping_time
async def test_a_newcomer_in_an_outage_is_told_what_is_held() -> None:
    async with staged(a=7) as stage:
        stage.follow("a", interval=1.0)
        await asyncio.sleep(0.5)
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(3600)
        assert told(stage.follow("a", interval=1.0)[0].readings) == [7.0, Cause.UNREACHABLE]


@in_jumping_time
async def test_the_last_follower_frees_the_source_and_the_next_opens_it_again() -> None:
    async with staged(a=1, b=2) as stage:
        _, first = stage.follow("a")
        _, second = stage.follow("b")
        await asyncio.sleep(1)
        first.end()
        await asyncio.sleep(1)
        assert stage.world.closes == 0
        second.end()
        await asyncio.sleep(1)
        assert (stage.world.closes, stage.world.watches) == (1, [])
        follower, _ = stage.follow("a")
        await follower.until("a number", lambda reading: isinstance(reading, Snapshot))
        assert len(stage.world.opens) == 2


@in_jumping_time
async def test_a_source_that_is_left_while_it_is_read_is_closed() -> None:
    async with staged(a=1) as stage:
        stage.world.on_read = hang
        _, following = stage.follow("a")
        await asyncio.sleep(1)
        following.end()
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        assert stage.world.closes == 1


# -- being told ------------------------------------------------------------------------------------------------


@in_jumping_time
async def test_a_hint_is_followed_by_a_read_at_once() -> None:
    async with staged(a=0) as stage:
        follower, _ = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(10)
        stage.world.put("a", 5)
        await asyncio.sleep(0.001)
        assert told(follower.readings)[-1] == 5.0
        assert stage.reads()[-1] == 10.0


@in_jumping_time
async def test_a_hint_while_a_read_is_on_its_way_is_not_lost() -> None:
    async with staged(a=0) as stage:
        follower, _ = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(10)

        async def look_then_answer_late() -> None:
            stage.world.on_read = nothing
            stage.world.numbers["a"] = Amount.of(0)
            stage.world.put("a", 5)  # after the server looked, before we have its answer
            stage.world.numbers["a"] = Amount.of(0)
            asyncio.get_running_loop().call_later(0.005, lambda: stage.world.numbers.update(a=Amount.of(5)))

        stage.world.on_read = look_then_answer_late
        stage.world.hint("a")
        await asyncio.sleep(2 * BREATH)
        assert told(follower.readings)[-2:] == [0.0, 5.0]


@in_jumping_time
async def test_a_flood_of_hints_costs_one_read_in_ten_milliseconds() -> None:
    async with staged(a=0) as stage:
        stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(1)
        before = len(stage.reads())
        for _ in range(10_000):
            stage.world.hint("a")
            await asyncio.sleep(0.0001)
        after = stage.reads()[before:]
        assert 95 <= len(after) <= 101
        assert min(later - sooner for sooner, later in pairwise(after)) >= BREATH - 0.001


@in_jumping_time
async def test_a_hint_for_what_is_not_quiet_costs_nothing() -> None:
    async with staged(a=3) as stage:
        stage.follow("a", interval=60.0, quiet=False)
        await asyncio.sleep(1)
        for _ in range(100):
            stage.world.hint("a")
            await asyncio.sleep(0.01)
        assert stage.reads() == [FIRST]


@in_jumping_time
async def test_a_hint_for_what_nobody_follows_costs_nothing() -> None:
    async with staged(a=0) as stage:
        stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(1)
        before = stage.reads()
        stage.world.hint("unheard of")
        await asyncio.sleep(1)
        assert stage.reads() == before


@in_jumping_time
async def test_what_has_come_under_watch_is_read_once_more() -> None:
    async with staged(a=0) as stage:
        watched = asyncio.Event()
        stage.world.on_watch = watched.wait
        follower, _ = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(1)
        assert stage.reads() == [FIRST]
        stage.world.numbers["a"] = Amount.of(4)  # before anybody watched: nobody hints
        watched.set()
        await asyncio.sleep(1)
        assert stage.reads() == [FIRST, 1.0]
        assert told(follower.readings) == [0.0, 4.0]


@in_jumping_time
async def test_quiet_queries_that_no_watch_covers_are_read_at_the_probes_own_pace() -> None:
    async with staged(Pace(uncovered=0.25), a=0) as stage:
        stage.world.covering = False
        _, following = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(1.1)
        assert stage.reads() == [FIRST, 0.25, 0.5, 0.75, 1.0]
        following.set_quiet(False)
        await asyncio.sleep(50)
        assert len(stage.reads()) <= 6


@in_jumping_time
async def test_quiet_queries_under_watch_are_read_at_their_interval() -> None:
    async with staged(Pace(uncovered=0.25), a=0) as stage:
        stage.follow("a", interval=10.0, quiet=True)
        await asyncio.sleep(25)
        assert stage.reads() == [FIRST, 10.0, 20.0]


@in_jumping_time
async def test_quiet_queries_that_a_watch_no_longer_covers_are_read_at_the_probes_own_pace_again() -> None:
    async with staged(Pace(uncovered=0.25), a=0) as stage:
        stage.follow("a", interval=600.0, quiet=True)
        await asyncio.sleep(3)
        before = len(stage.reads())
        stage.world.watches[0].covers(frozenset())
        await asyncio.sleep(10)
        assert len(stage.reads()) - before >= 39


@in_jumping_time
async def test_what_was_hinted_while_it_was_active_is_looked_at_when_it_falls_quiet() -> None:
    async with staged(a=3) as stage:
        stage.world.covering = False
        _, following = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(1)
        (watching,) = stage.world.watches
        watching.covers(frozenset("a"))  # a watch that covers everything, wanted or not
        await asyncio.sleep(1)
        following.set_quiet(False)
        await asyncio.sleep(1)
        before = len(stage.reads())
        stage.world.hint("a")
        following.set_quiet(True)
        await asyncio.sleep(1)
        assert len(stage.reads()) == before + 1


@in_jumping_time
async def test_the_watch_is_told_once_what_falls_quiet_together() -> None:
    async with staged() as stage:
        stage.world.numbers.update({f"q{number}": Amount.of(0) for number in range(100)})
        followings = [stage.follow(f"q{number}")[1] for number in range(100)]
        await asyncio.sleep(1)
        (watching,) = stage.world.watches
        assert watching.wanted.value == frozenset()
        version = watching.wanted.version
        for following in followings:
            following.set_quiet(True)
        await asyncio.sleep(1)
        assert watching.wanted.value == frozenset(f"q{number}" for number in range(100))
        assert watching.wanted.version == version + 1


@in_jumping_time
async def test_a_watch_that_is_lost_is_begun_again_ever_later_and_reading_goes_on() -> None:
    async with staged(Pace(uncovered=1.0), a=0) as stage:
        begun: list[float] = []

        async def lose() -> None:
            begun.append(jumping_clock())
            raise SourceUnavailable(Cause.UNREACHABLE, "gone")

        stage.world.on_watch = lose
        follower, _ = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(10.5)
        assert stage.since(begun) == [0.0, 0.2, 0.6, 1.4, 3.0, 6.0, 9.0]
        assert stage.reads() == [FIRST, *map(float, range(1, 11))]
        assert set(told(follower.readings)) == {0.0}


@in_jumping_time
async def test_a_watch_that_lasted_is_begun_again_soon() -> None:
    async with staged(a=0) as stage:
        begun: list[float] = []

        async def last() -> None:
            begun.append(jumping_clock())
            await asyncio.sleep(60)
            raise SourceUnavailable(Cause.UNREACHABLE, "gone")

        stage.world.on_watch = last
        stage.follow("a", quiet=True)
        await asyncio.sleep(200)
        assert stage.since(begun) == [0.0, 60.2, 120.4, 180.6]


@in_jumping_time
async def test_a_source_that_cannot_tell_has_a_say_in_how_often_it_is_read() -> None:
    async with staged(Pace(uncovered=0.25), a=0) as stage:
        stage.world.on_watch = raising(Unwatchable("too dear", uncovered=1.0))
        stage.follow("a", interval=60.0, quiet=True)
        stage.follow("a", interval=30.0)
        await asyncio.sleep(10.5)
        assert stage.reads() == [FIRST, *map(float, range(1, 11))]


@in_jumping_time
async def test_a_source_that_cannot_tell_is_not_asked_again() -> None:
    async with staged(Pace(uncovered=1.0), a=0) as stage:
        stage.world.on_watch = raising(Unwatchable("notifications are off"))
        stage.follow("a", interval=60.0, quiet=True)
        with capture_logs() as logs:
            await asyncio.sleep(10.5)
        assert [log["reason"] for log in logs] == ["notifications are off"]
        assert len(stage.reads()) == 11
