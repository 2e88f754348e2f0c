"""A budget of memory is shared so that it saves the most time, and a larger one takes nothing from anybody."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.policy.budget import Claimant, Share, share
from scaler.policy.erlang import miss_ratios

GIB = 2**30


def claimant(name: str, wanted: int, rate: float = 0.1, **more: Any) -> Claimant:
    return replace(Claimant(name=name, wanted=wanted, rate=rate, load=rate * 10, memory=GIB), **more)


def sizes(claimants: Sequence[Claimant], budget: float) -> dict[str, int]:
    return {name: each.size for name, each in share(claimants, int(budget * GIB)).items()}


@pytest.mark.parametrize(
    ("claimants", "budget", "shared"),
    [
        pytest.param([claimant("a", 3), claimant("b", 2)], 8, "a=3 b=2", id="enough for all"),
        pytest.param([claimant("a", 3, 1.0), claimant("b", 3, 0.01)], 4, "a=3 b=1", id="who wakes more often first"),
        pytest.param([claimant("a", 5, 0.2), claimant("b", 5, 0.2)], 4, "a=2 b=2", id="equals share equally"),
        pytest.param([claimant("a", 1, saved=9.0), claimant("b", 1)], 1, "a=1 b=0", id="the slower start first"),
        pytest.param([claimant("a", 1, memory=2 * GIB), claimant("b", 2)], 2, "a=0 b=2", id="the smaller pod first"),
        pytest.param([claimant("a", 2, 1.0), claimant("b", 2, 0.01, floor=2)], 3, "a=1 b=2", id="floors before more"),
        pytest.param(
            [claimant("a", 6, floor=6), claimant("b", 2, floor=2)], 4, "a=3 b=1", id="floors cut in proportion"
        ),
        pytest.param(
            [claimant("a", 6, floor=6), claimant("b", 1, floor=1)], 2, "a=1 b=1", id="of each floor one first"
        ),
        pytest.param([claimant("a", 2, memory=16 * GIB), claimant("b", 2)], 8, "a=0 b=2", id="a pod above the budget"),
        pytest.param([claimant("a", 2, memory=0), claimant("b", 2)], 1, "a=2 b=1", id="pods that request nothing"),
        pytest.param(
            [claimant("a", 1, 0.101), claimant("b", 1, held=1)], 1, "a=0 b=1", id="a little more moves nothing"
        ),
        pytest.param([claimant("a", 1, 0.2), claimant("b", 1, held=1)], 1, "a=1 b=0", id="much more does"),
        pytest.param([claimant("a", 2, 0.0), claimant("b", 2)], 3, "a=1 b=2", id="nothing is saved by who never wakes"),
        pytest.param([claimant("a", 1, 9.0, memory=3 * GIB), claimant("b", 1, 0.1)], 2, "a=0 b=1", id="above it alone"),
        pytest.param([], 1, "", id="nobody"),
        pytest.param([claimant("a", 0)], 1, "a=0", id="nothing wanted"),
    ],
)
def test_who_gets_what(claimants: list[Claimant], budget: float, shared: str) -> None:
    assert " ".join(f"{name}={size}" for name, size in sizes(claimants, budget).items()) == shared


def test_every_share_has_a_reason() -> None:
    shared = share(
        [
            claimant("a", 2, 9.0),
            claimant("b", 4, 0.1),
            claimant("c", 3, 0.1, memory=16 * GIB, floor=1),
            claimant("d", 5, floor=4, memory=2 * GIB),
        ],
        7 * GIB,
    )
    assert shared == {
        "a": Share(size=0, why="0 of 2: the budget of 7 GiB is spent"),
        "b": Share(size=0, why="0 of 4: the budget of 7 GiB is spent"),
        "c": Share(size=0, why="0 of 3: one pod is 16 GiB, the budget is 7 GiB"),
        "d": Share(size=3, why="3 of 5: the budget of 7 GiB is spent, below the floor of 4"),
    }
    assert share([claimant("a", 2)], 3 * GIB // 2 + GIB)["a"].why == "2: within the budget of 2.5 GiB"


def test_who_is_asked_for_several_pods_at_once_needs_as_many_for_the_same_good() -> None:
    four, one = claimant("four", 8, 0.05, batch=4), claimant("one", 8, 0.05)
    assert sizes([four, one], 5) == {"four": 4, "one": 1}
    assert sizes([four, one], 10) == {"four": 8, "one": 2}


# -- laws ------------------------------------------------------------------------------------------------------


@st.composite
def crowds(
    draw: st.DrawFn, most: int = 5, wanted: int = 12, memory: st.SearchStrategy[int] | None = None
) -> list[Claimant]:
    sizes = memory if memory is not None else st.integers(1, 4).map(lambda quarters: quarters * GIB // 4)
    return [
        Claimant(
            name=name,
            wanted=draw(st.integers(0, wanted)),
            memory=draw(sizes),
            floor=draw(st.integers(0, 6)),
            held=draw(st.integers(0, 6)),
            load=draw(st.floats(0, 20)),
            rate=draw(st.floats(0, 5)),
            batch=draw(st.integers(1, 5)),
            saved=draw(st.floats(0.1, 60)),
        )
        for name in "abcde"[: draw(st.integers(1, most))]
    ]


BUDGETS = st.integers(1, 160).map(lambda quarters: quarters * GIB // 4)


@given(crowds(), BUDGETS)
def test_the_budget_and_what_is_wanted_are_never_exceeded(crowd: list[Claimant], budget: int) -> None:
    shared = share(crowd, budget)
    assert sum(shared[each.name].size * each.memory for each in crowd) <= budget
    assert all(0 <= shared[each.name].size <= each.wanted for each in crowd)
    assert all(each.why.startswith(str(each.size)) for each in shared.values())


@given(crowds(), BUDGETS, BUDGETS)
def test_a_larger_budget_takes_nothing_from_anybody(crowd: list[Claimant], budget: int, more: int) -> None:
    budget = max(budget, *(each.memory for each in crowd), 0)
    less, larger = share(crowd, budget), share(crowd, budget + more)
    assert all(larger[name].size >= each.size for name, each in less.items())


@given(crowds(), BUDGETS)
def test_less_than_one_pod_is_left_over_while_anybody_lacks_one(crowd: list[Claimant], budget: int) -> None:
    shared = share(crowd, budget)
    lacking = [each.memory for each in crowd if shared[each.name].size < each.wanted and each.memory <= budget]
    left = budget - sum(shared[each.name].size * each.memory for each in crowd)
    assert not lacking or left < max(lacking)


@given(crowds(), BUDGETS)
def test_nobody_has_more_than_a_floor_while_another_has_less(crowd: list[Claimant], budget: int) -> None:
    shared = share(crowd, budget)
    below = [each for each in crowd if shared[each.name].size < min(each.floor, each.wanted) and each.memory <= budget]
    assert not below or all(shared[each.name].size <= each.floor for each in crowd)


@given(crowds(most=3, wanted=5, memory=st.just(GIB)), st.integers(0, 15))
def test_no_other_way_saves_more_where_all_pods_are_equal(crowd: list[Claimant], pods: int) -> None:
    crowd = [replace(each, floor=0, held=0) for each in crowd]
    shared = share(crowd, pods * GIB)
    best = max(saved(crowd, way) for way in ways(crowd, pods))
    assert saved(crowd, [shared[each.name].size for each in crowd]) == pytest.approx(best, rel=1e-9, abs=1e-12)


@given(crowds(), BUDGETS)
def test_the_order_in_which_they_come_does_not_matter(crowd: list[Claimant], budget: int) -> None:
    assert share(crowd, budget) == share(crowd[::-1], budget)


def ways(crowd: Sequence[Claimant], pods: int) -> Iterator[tuple[int, ...]]:
    return (way for way in product(*(range(each.wanted + 1) for each in crowd)) if sum(way) <= pods)


def saved(crowd: Sequence[Claimant], way: Sequence[int]) -> float:
    """Return the seconds saved in a second, along the straight lines between whole batches."""
    return sum(each.rate * each.saved * each.batch * hit(each, size) for each, size in zip(crowd, way, strict=True))


def hit(each: Claimant, size: int) -> float:
    whole, rest = divmod(size, each.batch)
    ratios = miss_ratios(whole + 1, each.load)
    return 1.0 - ratios[whole] + (ratios[whole] - ratios[whole + 1]) * rest / each.batch
