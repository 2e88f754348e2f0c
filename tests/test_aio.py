"""Cells that can be waited for, delays, and waits with an end."""

import asyncio
from itertools import islice

import pytest

from scaler.aio import Cell, Closed, delays, ended, ungrouped, woken
from scaler.testing.clocks import in_jumping_time, jumping_clock


def test_delays_grow_to_their_cap_and_stay_there() -> None:
    assert list(islice(delays(), 4)) == [0.2, 0.4, 0.8, 1.6]
    assert list(islice(delays(first=1, factor=3, cap=5), 5)) == [1, 3, 5, 5, 5]


@in_jumping_time
async def test_who_waits_for_a_cell_is_woken_by_its_next_value() -> None:
    cell = Cell("old")
    waiters = [asyncio.ensure_future(cell.changed(0)) for _ in range(1000)]
    await asyncio.sleep(1)
    cell.set("new")
    assert await asyncio.gather(*waiters) == [1] * 1000
    assert cell.value == "new"


@in_jumping_time
async def test_who_remembers_an_older_version_does_not_wait() -> None:
    cell = Cell(0)
    for number in range(5):
        cell.set(number)
    assert await cell.changed(2) == 5


@in_jumping_time
async def test_a_value_that_equals_the_last_one_wakes_as_well() -> None:
    cell = Cell(1)
    cell.set(1)
    assert await cell.changed(0) == 1


@in_jumping_time
async def test_a_closed_cell_ends_all_waiting_now_and_later() -> None:
    cell = Cell(7)
    waiting = asyncio.ensure_future(cell.changed(0))
    await asyncio.sleep(0)
    cell.close()
    for wait in (waiting, cell.changed(0)):
        with pytest.raises(Closed):
            await wait
    assert cell.value == 7


@in_jumping_time
async def test_a_closed_cell_still_tells_of_what_was_missed() -> None:
    cell = Cell(7)
    cell.set(8)
    cell.close()
    assert await cell.changed(0) == 1


@in_jumping_time
async def test_a_cancelled_waiter_is_forgotten() -> None:
    cell = Cell(0)
    waiting = asyncio.ensure_future(cell.changed(0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    cell.set(1)
    assert await cell.changed(0) == 1


@in_jumping_time
async def test_woken_tells_whether_the_event_came_in_time() -> None:
    event, began = asyncio.Event(), jumping_clock()
    assert not await woken(event, 5.0)
    assert jumping_clock() == began + 5.0
    asyncio.get_running_loop().call_later(3.0, event.set)
    assert await woken(event, 5.0)
    assert jumping_clock() == began + 8.0
    assert not event.is_set()


@in_jumping_time
async def test_a_failure_inside_task_groups_is_raised_as_itself() -> None:
    with pytest.raises(KeyError), ungrouped():
        async with asyncio.TaskGroup(), asyncio.TaskGroup():
            raise KeyError


@in_jumping_time
async def test_several_failures_stay_a_group() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def fail_twice() -> None:
        with ungrouped():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail(KeyError()))
                tasks.create_task(fail(ValueError()))

    with pytest.raises(ExceptionGroup) as caught:
        await fail_twice()
    assert len(caught.value.exceptions) == 2


@in_jumping_time
async def test_who_loses_a_cancellation_is_told_again() -> None:
    heard: list[float] = []
    loop = asyncio.get_running_loop()

    async def deaf_once() -> None:
        while True:
            try:
                await asyncio.sleep(60.0)
            except asyncio.CancelledError:
                heard.append(loop.time())
                if len(heard) == 2:
                    raise

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await ended([task], patience=0.05)
    assert task.cancelled()
    assert heard[1] - heard[0] == pytest.approx(0.05)


@in_jumping_time
async def test_who_ends_in_good_order_is_not_disturbed() -> None:
    steps: list[str] = []

    async def drained() -> None:
        try:
            await asyncio.sleep(60.0)
        finally:
            await asyncio.sleep(0.02)
            steps.append("drained")

    task = asyncio.create_task(drained())
    await asyncio.sleep(0)
    await ended([task], patience=1.0)
    assert steps == ["drained"]
