"""At most one holds the Lease, whatever becomes of the calls; and one does, as soon as it may."""

import asyncio
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from scaler.errors import ConfigError, LeadershipLost
from scaler.observe.metrics import REGISTRY
from scaler.pool.elector import Leadership, Timing
from scaler.testing.clocks import in_jumping_time, jumping_clock
from simulations.cluster.state import Request
from tests.pool.lines import DEAD, PATH, Fate
from tests.pool.scene import STEP, TIMING, Scene, tasks_of


@in_jumping_time
async def test_an_absent_lease_is_taken_at_once_and_nobody_else_takes_it() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        scene.begin(tasks, scene.elector(scene.line("a")))
        assert await scene.until(lambda: scene.leaders() == ["a"]) <= 2 * STEP
        scene.begin(tasks, scene.elector(scene.line("b")))
        await asyncio.sleep(100.0)
        assert (scene.leaders(), len(scene.terms)) == (["a"], 1)
        assert scene.lease()["holderIdentity"].startswith("a_")
        assert (scene.lease()["leaseDurationSeconds"], scene.lease()["leaseTransitions"]) == (8, 0)
        assert REGISTRY.get_sample_value("warmscaler_leader") == 1
    assert REGISTRY.get_sample_value("warmscaler_leader") == 0


@pytest.mark.parametrize(
    ("spec", "after"),
    [
        pytest.param({}, 8.0, id="as long as ours"),
        pytest.param({"renewTime": "2099-01-01T00:00:00.000000Z"}, 8.0, id="by a clock that is ahead"),
        pytest.param({"leaseDurationSeconds": 2}, 8.0, id="shorter than ours"),
        pytest.param({"leaseDurationSeconds": 15}, 15.0, id="longer than ours"),
        pytest.param({"leaseDurationSeconds": 10**6}, 60.0, id="longer than anybody waits"),
    ],
)
def test_a_silent_holder_is_waited_for(spec: dict[str, object], after: float) -> None:
    @in_jumping_time
    async def check() -> None:
        scene = Scene()
        scene.held_by_another(spec)
        async with tasks_of(scene) as tasks:
            scene.begin(tasks, scene.elector(scene.line("a")))
            assert after <= await scene.until(lambda: scene.leaders() == ["a"], 100.0) <= after + 1.0 + STEP
            assert scene.lease()["leaseTransitions"] == 1

    check()


@in_jumping_time
async def test_a_released_lease_is_taken_at_once() -> None:
    scene = Scene()
    scene.write("POST", {"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 6})
    async with tasks_of(scene) as tasks:
        scene.begin(tasks, scene.elector(scene.line("a")))
        assert await scene.until(lambda: scene.leaders() == ["a"]) <= 2 * STEP
        assert scene.terms[0][1].term == 7


@in_jumping_time
async def test_who_cannot_renew_has_ended_its_work_before_anybody_else_begins() -> None:
    scene, ended = Scene(), list[float]()
    a, b = scene.line("a"), scene.line("b")

    async def lead(term: Leadership) -> None:
        try:
            await scene.lead("a", term)
        finally:
            await asyncio.sleep(1.0)  # it takes its leave
            ended.append(jumping_clock())

    async with tasks_of(scene) as tasks:
        tasks.create_task(scene.elector(a).run(lead))
        await scene.until(lambda: scene.leaders() == ["a"])
        scene.begin(tasks, scene.elector(b))
        await asyncio.sleep(20.5)
        a.then = DEAD
        last = max(at for method, at in a.calls if method == "PUT")
        await scene.until(lambda: scene.leaders() == [])
        assert jumping_clock() - last <= TIMING.renew_deadline + STEP
        assert await scene.until(lambda: scene.leaders() == ["b"]) <= 4.0 + STEP
        assert ended
        assert ended[0] - last <= TIMING.renew_deadline + 1.0 + STEP


@pytest.mark.parametrize(
    "fates",
    [
        pytest.param([Fate(lost=True)], id="an answer is lost"),
        pytest.param([Fate(back=9.0)], id="an answer is late"),
        pytest.param([Fate(there=9.0)], id="a renewal is late"),
        pytest.param([Fate(there=2.5), Fate(), Fate()], id="a renewal lands between two others"),
        pytest.param([Fate(lost=True), Fate(lost=True), Fate(lost=True)], id="three answers are lost"),
    ],
)
def test_an_answer_that_is_lost_is_looked_for(fates: list[Fate]) -> None:
    @in_jumping_time
    async def check() -> None:
        scene = Scene()
        line = scene.line("a")
        async with tasks_of(scene) as tasks:
            scene.begin(tasks, scene.elector(line))
            scene.begin(tasks, scene.elector(scene.line("b")))
            await scene.until(lambda: scene.leaders() == ["a"])
            line.fates = iter(fates)
            await asyncio.sleep(30.0)
            assert (scene.leaders(), len(scene.terms)) == (["a"], 1)

    check()


@in_jumping_time
async def test_an_answer_that_is_lost_at_the_election_is_looked_for() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        scene.begin(tasks, scene.elector(scene.line("a", iter([Fate(), Fate(lost=True)]))))
        assert await scene.until(lambda: scene.leaders() == ["a"]) <= 2.0


@in_jumping_time
async def test_who_writes_something_else_to_the_lease_changes_nothing() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        scene.begin(tasks, scene.elector(scene.line("a")))
        await scene.until(lambda: scene.leaders() == ["a"])
        for number in range(20):
            scene.write("PUT", {}, {"touched": str(number)})
            await asyncio.sleep(0.7)
        assert (scene.leaders(), len(scene.terms)) == (["a"], 1)
        assert scene.api.read(PATH, {})["metadata"]["labels"] == {"touched": "19"}, "which the elector leaves as it is"


@in_jumping_time
async def test_who_sees_another_holder_stops_at_once() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        scene.begin(tasks, scene.elector(scene.line("a")))
        await scene.until(lambda: scene.leaders() == ["a"])
        scene.write("PUT", {"holderIdentity": "another"})
        assert await scene.until(lambda: scene.leaders() == []) <= TIMING.retry + STEP
        assert scene.lease()["holderIdentity"] == "another"


@in_jumping_time
async def test_who_is_told_to_end_gives_the_lease_away_after_its_work_has_ended() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        task = scene.begin(tasks, scene.elector(scene.line("a")))
        await scene.until(lambda: scene.leaders() == ["a"])
        scene.begin(tasks, scene.elector(scene.line("b")))
        await asyncio.sleep(5.0)
        task.cancel()
        assert await scene.until(lambda: scene.leaders() == ["b"]) <= TIMING.retry + STEP


@in_jumping_time
async def test_who_is_told_to_end_while_nobody_answers_ends() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        line = scene.line("a")
        task = scene.begin(tasks, scene.elector(line))
        await scene.until(lambda: scene.leaders() == ["a"])
        line.then = DEAD
        task.cancel()
        assert await scene.until(task.done) <= TIMING.request + STEP


@in_jumping_time
async def test_a_candidate_that_is_told_to_end_leaves_the_lease_alone() -> None:
    scene = Scene()
    scene.held_by_another()
    async with tasks_of(scene) as tasks:
        line = scene.line("a")
        task = scene.begin(tasks, scene.elector(line))
        await asyncio.sleep(3.0)
        task.cancel()
        await scene.until(task.done)
    assert {method for method, _ in line.calls} == {"GET"}


@in_jumping_time
async def test_an_error_of_the_work_ends_the_elector_and_frees_the_lease() -> None:
    async def lead(_: Leadership) -> None:
        await asyncio.sleep(3.0)
        raise ValueError("a bug")

    scene = Scene()
    with pytest.raises(ValueError, match="a bug"):
        await scene.elector(scene.line("a")).run(lead)
    assert scene.lease()["holderIdentity"] == ""


@in_jumping_time
async def test_a_work_that_returns_gives_leadership_away() -> None:
    scene, terms = Scene(), list[int]()

    async def lead(term: Leadership) -> None:
        terms.append(term.term)
        await asyncio.sleep(3.0)

    async with tasks_of(scene) as tasks:
        tasks.create_task(scene.elector(scene.line("a")).run(lead))
        await scene.until(lambda: len(terms) == 3)
    assert terms == [0, 1, 2]


@in_jumping_time
async def test_a_work_that_finds_that_it_is_too_late_is_no_error() -> None:
    scene, terms = Scene(), list[int]()

    async def lead(term: Leadership) -> None:
        terms.append(term.term)
        term.end()
        term.check()

    async with tasks_of(scene) as tasks:
        tasks.create_task(scene.elector(scene.line("a")).run(lead))
        await scene.until(lambda: len(terms) == 2)


@in_jumping_time
async def test_a_work_that_does_not_end_may_not_write_and_bars_its_process() -> None:
    scene, stuck = Scene(), asyncio.Event()
    line = scene.line("a")

    async def lead(term: Leadership) -> None:
        scene.terms.append(("a", term))
        while not stuck.is_set():
            with suppress(asyncio.CancelledError):
                await stuck.wait()
        scene.two += ["it may write"] if len(scene.terms) == 1 and term.holds else []

    with capture_logs() as logs:
        async with tasks_of(scene) as tasks:
            tasks.create_task(scene.elector(line).run(lead))
            await scene.until(lambda: scene.leaders() == ["a"])
            line.then = DEAD
            await asyncio.sleep(10.0)
            line.then = Fate()
            await asyncio.sleep(60.0)
            assert (scene.leaders(), len(scene.terms)) == ([], 1)
            stuck.set()
            await scene.until(lambda: len(scene.terms) == 2)
    assert "what the leader did does not end: it may not write, and this process is no candidate" in {
        each["event"] for each in logs
    }


@in_jumping_time
async def test_a_leader_that_was_stopped_knows_it_before_it_writes() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        line = scene.line("a")
        scene.begin(tasks, scene.elector(line))
        await scene.until(lambda: scene.leaders() == ["a"])
        term = scene.terms[0][1]
        term.check()
        line.fates = iter([Fate(there=30.0, frozen=True)])
        scene.begin(tasks, scene.elector(scene.line("b")))
        await scene.until(lambda: scene.leaders() == ["b"])
        with pytest.raises(LeadershipLost):
            term.check()
        await asyncio.sleep(60.0)
        assert [who for who, _ in scene.terms] == ["a", "b"]


@in_jumping_time
async def test_a_lease_that_is_deleted_under_its_leader_is_no_invitation() -> None:
    scene = Scene()
    async with tasks_of(scene) as tasks:
        line = scene.line("a")
        scene.begin(tasks, scene.elector(line))
        scene.begin(tasks, scene.elector(scene.line("b")))
        await scene.until(lambda: scene.leaders() == ["a"])
        await asyncio.sleep(3.0)
        line.then = DEAD
        scene.api.handle(Request("somebody", "DELETE", PATH))
        assert await scene.until(lambda: scene.leaders() == ["b"]) >= TIMING.renew_deadline - TIMING.retry


@in_jumping_time
async def test_who_may_not_says_so_once() -> None:
    scene = Scene()
    line = scene.line("a")
    line.refusal = 403
    elector = scene.elector(line)
    with capture_logs() as logs:
        async with tasks_of(scene) as tasks:
            scene.begin(tasks, elector)
            await asyncio.sleep(30.0)
            assert elector.problem == "forbidden"
            line.refusal = 0
            await scene.until(lambda: scene.leaders() == ["a"])
            assert elector.problem == ""
    assert [each["event"] for each in logs] == ["cannot elect", "leads"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"renew_deadline": 8.0},
        {"request": 4.5},
        {"retry": 0.0},
        {"request": -1.0},
        {"lease": 61.0},
        {"renew_deadline": float("nan")},
    ],
)
def test_times_that_do_not_agree_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="renew_deadline"):
        Timing(**wrong)
