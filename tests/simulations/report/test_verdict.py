from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.report import Bound, Case, Study
from simulations.report.verdict import answer, chosen, frontier, regrets
from simulations.statistics import summary
from tests.simulations.report.sample import case, study
from tests.simulations.sample import HOUR, NOTHING


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=12))
def test_a_case_is_on_the_frontier_if_and_only_if_none_is_better(points: list[tuple[int, int]]) -> None:
    cases = [case(str(number), (wait,), pods) for number, (wait, pods) in enumerate(points)]
    best = [(each.mean("wait_p99"), each.mean("pod_hours")) for each in frontier(cases)]
    beaten = {point for point in points if any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in points)}
    assert best == sorted(set(points) - beaten, key=lambda point: point[1])


def test_of_many_cases_those_are_shown_that_matter() -> None:
    cases = [case(str(number), (1.0 + abs(number - 50),), 1.0 + number) for number in range(100)]
    few = chosen(study(*cases, present="99", recommended="98"), 10)
    assert {"98", "99", "0", "1"} <= {each.policy for each in few}
    assert len(few) == 10
    assert [int(each.policy) for each in few] == sorted(int(each.policy) for each in few)


BOUNDS = tuple(Bound(missed_ratio=m, warm_gib_s=least) for m, least in ((0.0, 900.0), (0.5, 400.0), (0.9, 0.0)))


def kept(policy: str, missed: int, pods: float = 1.0) -> Case:
    """Return a case of ten wake-ups and half an hour of a warm pod of 1 GiB, which is 1,800 GiB·s."""
    return case(policy, pods=pods, missed=missed, hits=10 - missed, warm_time=HOUR // 2)


def test_regret_is_memory_of_warm_pods_beyond_the_bound_at_no_larger_share_of_misses() -> None:
    found = regrets(study(kept("a", 6), kept("b", 4), oracle=BOUNDS))
    assert [(each.case.policy, each.beyond) for each in found] == [("a", 1800.0 - 400.0), ("b", 1800.0 - 900.0)]
    assert regrets(study(kept("a", 2), oracle=BOUNDS[1:])) == ()


def test_idle_replicas_are_no_regret() -> None:
    few, many = regrets(study(kept("a", 6), kept("b", 6, pods=9.0), oracle=BOUNDS))
    assert few.beyond == many.beyond


def test_whom_nobody_asked_has_no_regret() -> None:
    assert regrets(study(case("a"), kept("b", 0), oracle=BOUNDS))[0].case.policy == "b"


def test_regret_is_of_the_seed_of_the_bound() -> None:
    first, other = kept("a", 6).seeds + kept("a", 0).seeds
    (found,) = regrets(study(Case(policy="a", seeds=(first, other)), oracle=BOUNDS))
    assert found.bound == BOUNDS[1]


def never(policy: str = "never") -> Case:
    """Return a case of a hundred requests that nobody served within an hour, under no pods."""
    waits = np.full(100, HOUR, np.int64)
    idle = replace(NOTHING, arrived=100, waiting=100, unbegun=waits)
    return Case(policy=policy, seeds=(summary(idle, HOUR),))


def test_whoever_serves_nobody_is_not_the_quickest_and_not_the_cheapest_unsaid() -> None:
    told = answer(study(never(), case("push")))
    assert told.startswith("Of 2 policies never is the cheapest (0 pod-h, p99 wait 60 min) and push the quickest (")
    assert told.endswith(" Not begun by the end, and counted as having waited until then: 100 under never.")
    assert "Not begun by the end" in answer(study(never(), case("push"), present="push", recommended="never"))
    assert "Not begun by the end" in answer(study(never()))
    assert "Not begun by the end" not in answer(study(case("push")))


SLOW, QUICK = case("poll", (20.0, 21.0, 22.0)), case("push", (2.0, 2.1, 2.2), pods=3.0)
NOISY = case("noisy", (2.0, 30.0, 31.0), pods=3.0)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            study(SLOW),
            "Of 100 requests 99 wait 21.0 s or less, the longest 21.0 s; 0 % find no pod, not even a warm one.",
        ),
        (study(SLOW), "All pods together take 2.00 pod-h, 50.0 % of it busy."),
        (
            study(SLOW, QUICK),
            "Of 2 policies poll is the cheapest (2.00 pod-h, p99 wait 21.0 s) and push the quickest (3.00 pod-h, p99",
        ),
        (study(SLOW, QUICK, present="poll"), "At present: 2.00 pod-h, p99 wait 21.0 s."),
        (
            study(SLOW, case("fast", (1.0,) * 3, pods=1.0)),
            "fast is the cheapest (1.00 pod-h, p99 wait 1.00 s) and the quickest.",
        ),
        (study(SLOW, QUICK, present="poll", recommended="poll"), "Stay with poll, of 2 policies."),
        (study(SLOW, QUICK, recommended="push"), "Go with push, of 2 policies."),
        (
            study(SLOW, QUICK, present="poll", recommended="push"),
            "push in place of poll: p99 wait 2.10 s instead of 21.0 s, at 3.00 pod-h",
        ),
        (
            study(SLOW, case("push", (2.0,) * 3, cold=25), present="poll", recommended="push"),
            ", 25.0 % instead of 0 % of the requests find no pod, not even a warm one, at 2.00 pod-h",
        ),
        (
            study(SLOW, QUICK, present="poll", recommended="push"),
            "at 3.00 pod-h instead of 2.00 pod-h (+50.0 %). Neither is chance: it holds at 95 % over 3 seeds.",
        ),
        (
            study(SLOW, NOISY, present="poll", recommended="noisy"),
            "Over 3 seeds the difference of wait p99 may be chance.",
        ),
        (
            study(case("poll"), case("push now"), present="poll", recommended="push now"),
            "One seed says nothing about chance.",
        ),
        (study(case("poll"), case("push now"), present="poll", recommended="push now"), "'push now' in place of poll"),
    ],
)
def test_the_answer_is_a_sentence_with_the_numbers(asked: Study, said: str) -> None:
    assert said in answer(asked)


def test_a_study_is_refused_with_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(ValueError, match=r"two cases .* 'a'; 'a' has 1 summaries for 2 seeds; .* policy 'c'"):
        study(case("a", (1.0, 2.0)), case("a"), recommended="c")
    with pytest.raises(ValueError, match="at least one case; a study has at least one seed"):
        Study(name="", question="", seeds=(), cases=())


def test_what_a_sweep_varied_is_what_differs() -> None:
    varied = [case(str(n), settings={"size": n, "same": 1.0}) for n in range(3)]
    assert study(*varied).keys == ("size",)
    assert study(*varied, case("present")).keys == ()
