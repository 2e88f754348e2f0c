"""What the numbers say: who is beaten by nobody, how far from the best possible, and the answer in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulations.report.numbers import STATISTICS, change
from simulations.report.study import Bound, Case, Study
from simulations.statistics import paired

COST: Final = "pod_hours"
QUALITY: Final = "wait_p99"


def frontier(cases: Sequence[Case], quality: str = QUALITY, cost: str = COST) -> tuple[Case, ...]:
    """Return the cases that no other one beats, cheapest first: less of both is better, and of equals one is enough."""
    best: list[Case] = []
    for case in sorted(cases, key=lambda case: (case.mean(cost), case.mean(quality))):
        if not best or case.mean(quality) < best[-1].mean(quality):
            best.append(case)
    return tuple(best)


def chosen(study: Study, most: int) -> tuple[Case, ...]:
    """Return at most so many cases, in the study's order: what matters most, and then what comes first."""
    if len(study.cases) <= most:
        return study.cases
    named = [case for case in (study.case(study.recommended), study.case(study.present)) if case]
    ranked = dict.fromkeys(case.policy for case in (*named, *frontier(study.cases), *study.cases))
    kept = set(list(ranked)[:most])
    return tuple(case for case in study.cases if case.policy in kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """How much memory of warm pods (GiB·s) a case keeps beyond the bound that misses no larger share than it does.

    Both are of the first seed. It may be below 0 where a case was asked for fewer replicas than the run of the bound.
    """

    case: Case
    beyond: float
    bound: Bound


def regrets(study: Study) -> tuple[Regret, ...]:
    """Return the regret of every case with warm pods that misses as large a share as some point of the bound, or more.

    Whom nobody asked for a warm pod neither hit nor missed, and is not compared.
    """
    found = []
    for case in study.cases:
        first = case.seeds[0]
        reached = [bound for bound in study.oracle if bound.missed_ratio <= first.missed_ratio]
        if first.hits + first.missed and reached:
            bound = min(reached, key=lambda bound: bound.warm_gib_s)
            found.append(Regret(case=case, beyond=first.warm_gib_s - bound.warm_gib_s, bound=bound))
    return tuple(found)


def answer(study: Study) -> str:
    """Say in a sentence or two what came out."""
    present, recommended = study.case(study.present), study.case(study.recommended)
    if recommended is None:
        return _alone(study.main) + _left(study.main) if len(study.cases) == 1 else _ends(study)
    if present is None or present is recommended:
        return f"{_first(study, recommended)} {_alone(recommended)}{_left(recommended)}"
    return f"{_compared(recommended, present)}{_doubt(study, recommended, present)}{_left(recommended, present)}"


def _first(study: Study, case: Case) -> str:
    same = "Stay" if study.present == case.policy else "Go"
    return f"{same} with {_called(case)}" + (f", of {len(study.cases)} policies." if len(study.cases) > 1 else ".")


def _alone(case: Case) -> str:
    told = {name: _written(case, name) for name in ("wait_p99", "wait_max", "cold_ratio", "pod_hours")}
    busy = case.mean("busy_hours") / case.mean("pod_hours") if case.mean("pod_hours") else 0.0
    return (
        f"Of 100 requests 99 wait {told['wait_p99']} or less, the longest {told['wait_max']}; {told['cold_ratio']} "
        f"find no pod, not even a warm one. All pods together take {told['pod_hours']}, "
        f"{STATISTICS['cold_ratio'].text(busy)} of it busy."
    )


def _ends(study: Study) -> str:
    best, present = frontier(study.cases), study.case(study.present)
    cheap, quick = best[0], best[-1]
    told = f"Of {len(study.cases)} policies {_called(cheap)} is the cheapest ({_costs(cheap)}) and "
    told += "the quickest." if cheap is quick else f"{_called(quick)} the quickest ({_costs(quick)})."
    if present is None:
        return f"{told}{_left(cheap, quick)}"
    return f"{told} At present: {_costs(present)}.{_left(cheap, quick, present)}"


def _costs(case: Case) -> str:
    return f"{_written(case, COST)}, p99 wait {_written(case, QUALITY)}"


def _compared(ours: Case, theirs: Case) -> str:
    wait, cold, cost = (
        f"{_written(ours, name)} instead of {_written(theirs, name)}" for name in (QUALITY, "cold_ratio", COST)
    )
    found = (
        ""
        if ours.mean("cold_ratio") == theirs.mean("cold_ratio")
        else f", {cold} of the requests find no pod, not even a warm one"
    )
    moved = change(ours.mean(COST), theirs.mean(COST))
    return f"{_called(ours)} in place of {_called(theirs)}: p99 wait {wait}{found}, at {cost} ({moved})."


def _doubt(study: Study, ours: Case, theirs: Case) -> str:
    if len(study.seeds) == 1:
        return " One seed says nothing about chance."
    difference = paired(ours.seeds, theirs.seeds)
    equal = [STATISTICS[name].title for name in (QUALITY, COST) if not difference[name].certain]
    if not equal:
        return f" Neither is chance: it holds at 95 % over {len(study.seeds)} seeds."
    return f" Over {len(study.seeds)} seeds the difference of {' and '.join(equal)} may be chance."


def _left(*cases: Case) -> str:
    """Say which of these did not begin every request: their waits are lower bounds, and their cost is not all."""
    told = {_called(case): _written(case, "unbegun") for case in cases if case.mean("unbegun")}
    if not told:
        return ""
    whose = ", ".join(f"{count} under {name}" for name, count in told.items())
    return f" Not begun by the end, and counted as having waited until then: {whose}."


def _called(case: Case) -> str:
    return f"'{case.policy}'" if " " in case.policy else case.policy


def _written(case: Case, name: str) -> str:
    return STATISTICS[name].text(case.mean(name))
