"""Laws of the feed under anything that followers and sources may do, in any order."""

import asyncio
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from scaler.agenda import Following
from scaler.errors import Cause, SourceUnavailable
from scaler.feed import BREATH, SLACK
from scaler.model import Outage, Snapshot
from scaler.probes.base import Amount, Pace
from scaler.testing import Follower
from scaler.testing.clocks import in_jumping_time, jumping_clock
from tests.stage import Stage, hang, nothing, raising, staged

QUERIES = "abc"
INTERVALS = (0.1, 0.5, 2.0, 10.0)
MISDEEDS = {
    "fine": nothing,
    "hang": hang,
    "down": raising(SourceUnavailable(Cause.UNREACHABLE, "refused")),
    "bug": raising(KeyError("boom")),
    "cancelled": raising(asyncio.CancelledError()),
}
ACTS = st.one_of(
    st.tuples(st.just("follow"), st.sampled_from(QUERIES), st.sampled_from(INTERVALS)),
    st.tuples(st.just("end"), st.integers(0, 50), st.none()),
    st.tuples(st.just("quiet"), st.integers(0, 50), st.booleans()),
    st.tuples(st.just("put"), st.sampled_from(QUERIES), st.integers(0, 9)),
    st.tuples(st.just("silently"), st.sampled_from(QUERIES), st.integers(0, 9)),
    st.tuples(
        st.sampled_from(["on_read", "on_open", "on_watch", "on_close"]), st.sampled_from(list(MISDEEDS)), st.none()
    ),
    st.tuples(st.just("covering"), st.booleans(), st.none()),
)
HISTORIES = st.lists(st.tuples(st.sampled_from([0.0, 0.001, 0.02, 0.3, 1.0, 4.0]), ACTS), max_size=40)
Followed = list[tuple[str, float, Follower, Following]]


def do(stage: Stage, followed: Followed, act: tuple[str, object, object]) -> None:
    """Do one thing to the hub or to the source."""
    match act:
        case ("follow", str(query), float(interval)):
            followed.append((query, interval, *stage.follow(query, interval=interval, quiet=True)))
        case ("end", int(number), _) if followed:
            followed.pop(number % len(followed))[3].end()
        case ("quiet", int(number), bool(quiet)) if followed:
            followed[number % len(followed)][3].set_quiet(quiet)
        case ("put", str(query), int(value)):
            stage.world.put(query, value)
        case ("silently", str(query), int(value)):
            stage.world.numbers[query] = Amount.of(value)
        case ("covering", bool(covering), _):
            stage.world.covering = covering
        case (str(name), str(misdeed), _) if name.startswith("on_"):
            setattr(stage.world, name, MISDEEDS[misdeed])


@settings(max_examples=150)
@given(HISTORIES)
def test_whatever_happened_everybody_is_told_the_truth_once_the_source_is_well(
    history: list[tuple[float, tuple[str, object, object]]],
) -> None:
    @in_jumping_time
    async def run() -> None:
        async with staged(Pace(timeout=1.0, uncovered=0.25), a=0, b=0, c=0) as stage:
            followed: Followed = []
            for pause, act in history:
                await asyncio.sleep(pause)
                do(stage, followed, act)
            for name in ("on_read", "on_open", "on_watch", "on_close"):
                setattr(stage.world, name, nothing)
            await asyncio.sleep(10 + (1 + SLACK) * max(INTERVALS))
            for query, interval, follower, _ in followed:
                last = follower.readings[-1]
                assert isinstance(last, Snapshot), last
                assert Amount.of(last.value) == stage.world.numbers[query]
                assert jumping_clock() - last.at <= (1 + SLACK) * interval + 2 * BREATH
            assert stage.world.opened - stage.world.closes == (1 if followed else 0)

    with capture_logs():
        run()


@settings(max_examples=150)
@given(HISTORIES)
def test_whatever_happens_a_source_has_its_breath_and_instants_only_rise(
    history: list[tuple[float, tuple[str, object, object]]],
) -> None:
    @in_jumping_time
    async def run() -> None:
        async with staged(Pace(timeout=1.0, uncovered=0.25), a=0, b=0, c=0) as stage:
            followed: Followed = []
            for pause, act in history:
                await asyncio.sleep(pause)
                do(stage, followed, act)
            reads = [at for at, _ in stage.world.reads]
            for _, _, follower, _ in followed:
                instants = [each.at for each in follower.readings]
                assert instants == sorted(instants)
                outages = [each for each in follower.readings if isinstance(each, Outage)]
                assert all(each.since <= each.at for each in outages)
            for before, after in pairwise(reads):
                assert after - before >= BREATH * 0.999 or len(stage.world.opens) > 1

    with capture_logs():
        run()
