"""A connection changes under triggers that are followed: nobody is put to sleep by it, and nobody else gains by it."""

import asyncio
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from scaler.config.document import Limits
from scaler.errors import Cause, ConfigError, Undecidable
from scaler.live import Live
from scaler.model import Outage, Unresolved
from scaler.probes.base import Amount
from scaler.testing.clocks import in_jumping_time
from scaler.triggers.connections import Connection, Lack
from scaler.triggers.metadata import Defaults
from tests.stage import DOWN, Deciding, deciding, judged, nothing, raising

MISSING: Final = Lack(cause=Cause.MISSING, said="Secret warmscaler/jobs: not found")


async def configure(stage: Deciding, *, place: str = "here", word: str | None = "one", shop: bool = True) -> None:
    """Offer a connection by the name ``c``; without a ``word``, its password is not known."""
    connection = Connection(
        kind="fake",
        namespaces=("shop",) if shop else ("other",),
        parameters={"place": place},
        credentials={"password": word} if word else {},
        lacking={} if word else {"password": MISSING},
    )
    await stage.decisions.configure(Defaults(connections={"c": connection}), Limits())


async def busy(stage: Deciding, **metadata: str) -> Live:
    """Return a trigger that has read seven."""
    await configure(stage)
    live = stage.ask(connection="c", **metadata)
    assert (await live.measured()).value == 7
    return live


@in_jumping_time
async def test_a_rotated_password_opens_the_source_anew_and_what_was_read_is_held_meanwhile() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage)
        rises = live.rises.version
        stage.world.on_open = raising(DOWN)
        await configure(stage, word="two")
        assert judged(live) == "active 7 held"
        assert (await live.measured()).value == 7
        await asyncio.sleep(300)
        assert judged(live) == "active 7 held"
        stage.world.on_open = nothing
        await asyncio.sleep(5)
        assert judged(live) == "active 7 fresh"
        assert (live.rises.version, stage.world.closes) == (rises, 1)


@in_jumping_time
async def test_a_rotation_in_an_outage_goes_on_holding_and_the_bound_of_that_counts_on() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage, holdFor="100s", onUnknown="error")
        stage.world.on_read = stage.world.on_open = raising(DOWN)
        await asyncio.sleep(60)
        since = live.judge.reading.since if isinstance(live.judge.reading, Outage) else None
        await configure(stage, word="two")
        assert judged(live) == "active 7 held"
        await asyncio.sleep(30)
        assert judged(live) == "active 7 held"
        assert isinstance(live.judge.reading, Outage)
        assert live.judge.reading.since == since
        await asyncio.sleep(15)
        assert judged(live) == "undecided: source out of reach for longer than holdFor"


@in_jumping_time
async def test_a_first_zero_of_the_new_source_is_confirmed() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage, zeroConfirm="3")
        stage.probe.worlds["there"].numbers["jobs"] = Amount.of(0)
        await configure(stage, place="there")
        await asyncio.sleep(0.5)
        assert (judged(live), len(stage.probe.worlds["there"].reads)) == ("active 7 held", 1)
        await asyncio.sleep(5)
        assert judged(live) == "inactive 0 fresh"


@in_jumping_time
async def test_a_credential_that_comes_late_does_not_make_a_first_zero_believed() -> None:
    async with deciding() as stage:
        stage.probe.worlds["there"].numbers["jobs"] = Amount.of(0)
        await configure(stage, place="there", word=None)
        live = stage.ask(connection="c", zeroConfirm="3")
        await asyncio.sleep(10)
        await configure(stage, place="there", word="two")
        await asyncio.sleep(0.5)
        assert judged(live) == "undecided: quiet after an outage, waiting for confirmation"
        await asyncio.sleep(5)
        assert judged(live) == "inactive 0 fresh"


@in_jumping_time
async def test_a_credential_that_is_lost_is_an_outage_that_says_why_and_ends_with_it() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage)
        await configure(stage, word=None)
        await asyncio.sleep(60)
        assert judged(live) == "active 7 held"
        assert isinstance(live.judge.reading, Outage)
        assert (live.judge.reading.cause, live.judge.reading.detail) == (Cause.MISSING, MISSING.said)
        await configure(stage, word="two")
        await asyncio.sleep(1)
        assert judged(live) == "active 7 fresh"


@in_jumping_time
async def test_a_trigger_without_its_credential_is_understood_and_says_what_is_missing() -> None:
    async with deciding(jobs=7) as stage:
        await configure(stage, word=None)
        live = stage.ask(connection="c", target="3", onUnknown="error")
        assert live.metric.value.target == 3
        with pytest.raises(Undecidable, match="Secret warmscaler/jobs: not found"):
            await live.measured()
        assert stage.world.opens == []
        await configure(stage)
        await asyncio.sleep(1)
        assert judged(live) == "active 7 fresh"


@in_jumping_time
async def test_two_connections_that_lack_the_same_secret_are_not_taken_for_each_other() -> None:
    async with deciding() as stage:
        for place, number in (("here", 7), ("there", 3)):
            stage.probe.worlds[place].numbers["jobs"] = Amount.of(number)

        async def offer(**of: object) -> None:
            connections = {
                place: Connection(kind="fake", namespaces=("*",), parameters={"place": place}, **of)  # type: ignore[arg-type]
                for place in ("here", "there")
            }
            await stage.decisions.configure(Defaults(connections=connections), Limits())

        await offer(credentials={"password": "one"})
        lives = [stage.ask(place, connection=place) for place in ("here", "there")]
        await asyncio.sleep(1)
        await offer(lacking={"password": MISSING})
        await asyncio.sleep(10)
        assert [judged(each) for each in lives] == ["active 7 held", "active 3 held"]


@in_jumping_time
async def test_a_namespace_that_may_use_it_no_more_reads_no_more_and_is_held() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage)
        with capture_logs() as logs:
            await configure(stage, shop=False)
        assert "no connection 'c' for namespace 'shop'" in logs[-1]["first"]
        reads = len(stage.world.reads)
        await asyncio.sleep(60)
        assert (judged(live), len(stage.world.reads), stage.world.closes) == ("active 7 held", reads, 1)
        with pytest.raises(ConfigError, match="no connection 'c' for namespace 'shop'"):
            stage.ask("another", connection="c")
        await configure(stage, shop=True)
        await asyncio.sleep(1)
        assert judged(live) == "active 7 fresh"


@in_jumping_time
async def test_a_trigger_with_an_address_of_its_own_shares_nothing_with_a_connection() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage)
        other = stage.ask("other", place="here", password="one")
        assert (await other.measured()).value == 7
        assert other.trigger.ask.source == live.trigger.ask.source
        assert other.judge is not live.judge
        assert stage.world.opened == 2


@in_jumping_time
async def test_who_comes_while_a_connection_changes_puts_nobody_to_sleep() -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage)
        stage.probe.worlds["there"].numbers["jobs"] = Amount.of(0)
        changing = asyncio.create_task(configure(stage, place="there"))
        newcomer = None
        while newcomer is None or newcomer.judge.reading is None:
            await asyncio.sleep(0)
            newcomer = newcomer or stage.ask("newcomer", connection="c")
            assert judged(live).startswith("active 7")
            if changing.done():
                break
        await changing
        assert judged(live) == "active 7 held"


DEEDS = st.sampled_from(["busy", "quiet", "down", "up", "rotate", "lose", "find", "revoke", "grant", "move"])
HISTORIES = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0, 2.5, 8.0]), DEEDS), max_size=25)


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_only_confirmed_quiet_of_one_source_puts_to_sleep(history: list[tuple[float, str]]) -> None:
    run(history)


@in_jumping_time
async def run(history: list[tuple[float, str]]) -> None:
    async with deciding(jobs=7) as stage:
        live = await busy(stage)
        state = {"place": "here", "word": "one", "shop": True}
        for number, (pause, deed) in enumerate(history):
            await do(stage, state, deed, number)
            assert_awake_unless_quiet(live)
            for _ in range(int(pause / 0.1)):
                await asyncio.sleep(0.1)
                assert_awake_unless_quiet(live)


def assert_awake_unless_quiet(live: Live) -> None:
    """Hold it to what it has read: decided ever after, and asleep only if its very source says so."""
    said = judged(live)
    assert not said.startswith("undecided")
    if said.startswith("inactive") and said.endswith("fresh"):
        assert not isinstance(live.trigger.ask.source, Unresolved)
        assert not isinstance(live.judge.reading, Outage)


async def do(stage: Deciding, state: dict[str, object], deed: str, number: int) -> None:
    worlds = [stage.probe.worlds[place] for place in ("here", "there")]
    match deed:
        case "busy" | "quiet":
            for world in worlds:
                world.put("jobs", 7 if deed == "busy" else 0)
        case "down" | "up":
            for world in worlds:
                world.on_read = world.on_open = raising(DOWN) if deed == "down" else nothing
        case _:
            changes: dict[str, dict[str, object]] = {
                "rotate": {"word": f"word {number}"},
                "lose": {"word": None},
                "find": {"word": "found"},
                "revoke": {"shop": False},
                "grant": {"shop": True},
                "move": {"place": "there"},
            }
            state.update(changes[deed])
            await configure(stage, **state)  # type: ignore[arg-type]
