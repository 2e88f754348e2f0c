"""Who has passed a check lately: found out at once, again and again, and a few at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scaler.pool.checks import AT_ONCE, PATIENCE, WORTH, Fitness, Unfit
from scaler.testing.clocks import in_jumping_time, jumping_clock

INTERVAL = 2.0
TURN = 3 * INTERVAL  # s in which each pod is checked again, however it is spread


class Pods:
    """Pods by address, that pass or not, and what became of the checks."""

    def __init__(self, took: float = 0.0) -> None:
        self.bad: dict[str, Exception] = {}
        self.took = took
        self.checked: list[str] = []
        self.changed: list[str] = []
        self.running = 0
        self.most = 0
        self.hung = asyncio.Event()

    async def check(self, address: str) -> None:
        self.checked.append(address)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.took)
            if address == "hangs":
                await self.hung.wait()
        finally:
            self.running -= 1
        if address in self.bad:
            raise self.bad[address]


@asynccontextmanager
async def looking(pods: Pods) -> AsyncIterator[Fitness]:
    fitness = Fitness(pods.check, INTERVAL, jumping_clock, pods.changed.append)
    running = asyncio.create_task(fitness.run())
    await asyncio.sleep(0)
    yield fitness
    running.cancel()
    await asyncio.wait([running])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def soon() -> None:
    await asyncio.sleep(0.01)


@in_jumping_time
async def test_a_pod_is_checked_at_once_and_fit_when_it_has_passed() -> None:
    pods = Pods()
    async with looking(pods) as fitness:
        fitness.watch({"u1": "10.0.0.1"})
        assert (fitness.fit("u1"), fitness.problem("u1")) == (False, "it was not checked yet")
        await soon()
        assert (fitness.fit("u1"), fitness.problem("u1"), pods.changed) == (True, "", ["u1"])


@in_jumping_time
async def test_pods_that_were_named_before_it_ran_are_checked_as_well() -> None:
    pods = Pods()
    fitness = Fitness(pods.check, INTERVAL, jumping_clock, pods.changed.append)
    fitness.watch({"u1": "10.0.0.1"})
    for _ in range(2):  # a leader that comes back runs it again
        running = asyncio.create_task(fitness.run())
        await soon()
        assert fitness.fit("u1")
        running.cancel()
        await asyncio.wait([running])
    fitness.watch({"u2": "10.0.0.2"})
    assert pods.checked == ["10.0.0.1", "10.0.0.1"]


@in_jumping_time
async def test_each_change_is_told_once_with_its_reason() -> None:
    pods = Pods()
    async with looking(pods) as fitness:
        fitness.watch({"u1": "10.0.0.1"})
        await asyncio.sleep(TURN)
        pods.bad["10.0.0.1"] = Unfit("it answers HTTP 503")
        await asyncio.sleep(TURN)
        assert (fitness.fit("u1"), fitness.problem("u1")) == (False, "it answers HTTP 503")
        del pods.bad["10.0.0.1"]
        await asyncio.sleep(TURN)
        assert (fitness.fit("u1"), pods.changed) == (True, ["u1"] * 3)


@in_jumping_time
async def test_a_pod_that_is_gone_is_forgotten_and_its_check_ended() -> None:
    pods = Pods()
    async with looking(pods) as fitness:
        fitness.watch({"u1": "10.0.0.1", "u2": "hangs"})
        await soon()
        fitness.watch({})
        await soon()
        assert (fitness.fit("u1"), fitness.problem("u1"), pods.running) == (False, "", 0)
        seen = len(pods.checked)
        await asyncio.sleep(TURN)
        assert len(pods.checked) == seen


@in_jumping_time
async def test_a_pod_with_another_address_is_checked_anew() -> None:
    pods = Pods()
    async with looking(pods) as fitness:
        fitness.watch({"u1": "10.0.0.1"})
        await soon()
        fitness.watch({"u1": "10.0.0.2"})
        assert not fitness.fit("u1")
        await soon()
        assert (fitness.fit("u1"), pods.checked) == (True, ["10.0.0.1", "10.0.0.2"])


@in_jumping_time
async def test_a_pass_is_worth_no_more_when_no_other_check_has_come_to_an_end() -> None:
    pods = Pods()
    async with looking(pods) as fitness:
        fitness.watch({"u1": "10.0.0.1"})
        await soon()
        pods.took = 3600.0
        await asyncio.sleep(WORTH * INTERVAL)
        assert fitness.fit("u1")
        await asyncio.sleep(PATIENCE)
        assert not fitness.fit("u1")


@in_jumping_time
async def test_few_are_checked_at_once_and_none_is_left_out() -> None:
    pods = Pods(took=0.1)
    async with looking(pods) as fitness:
        fitness.watch({f"u{number}": f"10.0.0.{number}" for number in range(250)})
        await asyncio.sleep(0.6)
        assert (pods.most, len(set(pods.checked))) == (AT_ONCE, 250)
        assert all(fitness.fit(f"u{number}") for number in range(250))


@in_jumping_time
async def test_checks_of_many_pods_drift_apart() -> None:
    pods = Pods()
    async with looking(pods) as fitness:
        fitness.watch({f"u{number}": f"10.0.0.{number}" for number in range(40)})
        await asyncio.sleep(INTERVAL)
        assert 40 < len(pods.checked) < 80


@in_jumping_time
async def test_a_check_with_a_bug_is_a_pod_that_is_not_fit() -> None:
    pods = Pods()
    pods.bad["10.0.0.1"] = ZeroDivisionError("secret")
    async with looking(pods) as fitness:
        fitness.watch({"u1": "10.0.0.1", "u2": "10.0.0.2"})
        await soon()
        assert (fitness.fit("u1"), fitness.fit("u2")) == (False, True)
        assert fitness.problem("u1") == "ZeroDivisionError, a bug in the check"
