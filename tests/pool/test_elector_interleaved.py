"""Whatever becomes of whose calls, and whatever their clocks say, two never hold the Lease, and at last one does."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from scaler.testing.clocks import in_jumping_time, jumping_clock
from tests.pool.lines import Fate
from tests.pool.scene import Scene, tasks_of

SECONDS = st.sampled_from((0.0, 0.0, 0.0, 0.3, 1.9, 2.1, 4.0, 7.0, 12.0))
FATES = st.builds(Fate, there=SECONDS, back=SECONDS, lost=st.sampled_from((False, False, True)), frozen=st.booleans())


@dataclass(frozen=True)
class Life:
    """One candidate: when it begins, what its clock says and how fast, what its calls meet, and when it is ended."""

    begins: float
    offset: float
    rate: float
    fates: list[Fate]
    ends: float


LIVES = st.builds(
    Life,
    begins=st.sampled_from((0.0, 0.5, 3.0)),
    offset=st.sampled_from((-4000.0, 0.0, 4000.0)),
    rate=st.sampled_from((0.8, 1.0, 1.25)),  # five seconds of the slow are less than eight of the fast
    fates=st.lists(st.one_of(st.just(Fate()), st.just(Fate()), FATES), min_size=5, max_size=40),
    ends=st.sampled_from((5.0, 30.0, 80.0, 80.0)),
)


@given(st.lists(LIVES, min_size=2, max_size=3))
def test_whatever_becomes_of_the_calls_two_never_hold_it_and_at_last_one_does(lives: list[Life]) -> None:
    live(lives)


@in_jumping_time
async def live(lives: list[Life]) -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        for number, life in enumerate(lives):
            tasks.create_task(_live(scene, str(number), life))
        await asyncio.sleep(100.0)
        tasks.create_task(_live(scene, "last", Life(0.0, 0.0, 1.0, [], 1e6)))
        await scene.until(lambda: scene.leaders() != [], 700.0)


async def _live(scene: Scene, who: str, life: Life) -> None:
    def clock() -> float:
        return life.offset + life.rate * jumping_clock()

    await asyncio.sleep(life.begins)
    elector = scene.elector(scene.line(who, iter(life.fates)), clock)
    with suppress(TimeoutError):
        async with asyncio.timeout(life.ends):
            await elector.run(lambda term: scene.lead(who, term))
