"""Studies, made by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from simulations.figures import Cause, Figures, Move, Outcome, Timeline
from simulations.hazards import Hazard
from simulations.model import SECOND
from simulations.report import Bound, Case, Dropped, Study
from simulations.statistics import Summary, summary
from tests.simulations.sample import HOUR, waited

HOSTILE = '</script><img src=x onerror="document.body.dataset.hacked=1"><b>\x1b[2J'
"""A name that would act, were it not only shown."""


def summed(wait: float = 1.0, pods: float = 2.0, **others: Any) -> Summary:
    """Return the summary of a hundred requests that waited so long, and so many pod-hours."""
    figures = waited([wait] * 100, ready_time=round(pods * HOUR), busy_time=HOUR, **others)
    return summary(figures, HOUR)


def case(policy: str, waits: Sequence[float] = (1.0,), pods: float = 2.0, **others: Any) -> Case:
    """Return a case with one summary for each wait; ``settings`` and ``functions`` are its own, others its figures'."""
    own = {key: others.pop(key) for key in ("settings", "functions") if key in others}
    return Case(policy=policy, seeds=tuple(summed(wait, pods, **others) for wait in waits), **own)


def study(*cases: Case, **others: Any) -> Study:
    """Return a study of these cases."""
    made = cases or (case("push"),)
    seeds = tuple(range(1, 1 + len(made[0].seeds)))
    return Study(**({"name": "burst", "question": "Does push pay?", "seeds": seeds, "cases": made} | others))


def lived(name: str = "orders", bins: int = 60, moves: Sequence[Move] = ()) -> Figures:
    """Return the figures of a function with a timeline."""
    places = np.arange(1, bins + 1, dtype=np.int64)
    names = ("arrivals", "backlog", "desired", "ready", "starting", "warm", "missed")
    columns = {each: (places + shift) % 7 for shift, each in enumerate(names)}
    return replace(
        waited([0.5, 2.0], moves=tuple(moves)), name=name, timeline=Timeline(at=places * 60 * SECOND, **columns)
    )


def outcome(*figures: Figures) -> Outcome:
    """Return a run of an hour."""
    return Outcome(figures=figures or (lived(),), end=HOUR, warmup=0)


MOVES = (
    Move(at=5 * SECOND, before=0, after=1, cause=Cause.KEDA_WAKES, why="a trigger is active: out of zero or idle"),
    Move(at=20 * SECOND, before=1, after=4, cause=Cause.HPA_UP, why="no faster scale-up is allowed"),
    Move(at=900 * SECOND, before=4, after=0, cause=Cause.KEDA_SLEEPS, why="inactive for longer than the cooldown"),
)


def full() -> Study:
    """Return a study with everything in it, whose user is hostile."""
    grid = [
        case(
            f"pool {size}, cooldown {cooldown} {HOSTILE if size else ''}",
            (5.0 / (1 + size), 5.5 / (1 + size)),
            1.0 + size + cooldown / 100,
            settings={"pool.size": size, "cooldown": cooldown},
            functions=(summed(1.0), replace(summed(2.0), name=HOSTILE)),
            blamed=(SECOND, SECOND, SECOND, SECOND, SECOND, SECOND),
            missed=9 - size,
            hits=size,
            memory=2**30,
        )
        for size in (0, 1, 2)
        for cooldown in (30, 300)
    ]
    return study(
        *grid,
        name=HOSTILE,
        question=f"Which pool goes with which cooldown? {HOSTILE}",
        present=grid[0].policy,
        recommended=grid[4].policy,
        shown=grid[4].policy,
        outcome=outcome(lived(HOSTILE, moves=[replace(move, why=HOSTILE) for move in MOVES]), lived(moves=MOVES)),
        wall=1.75e9,
        oracle=(Bound(missed_ratio=0.0, warm_gib_s=4000.0), Bound(missed_ratio=0.9, warm_gib_s=0.0)),
        hazards=(Hazard(key="fallback-zero", of=HOSTILE, what=f"It ends. {HOSTILE}", right="Set it to 1."),),
        dropped=(Dropped(rows=12, why=f"not a number: {HOSTILE}", lines=(4, 9)),),
        inputs={"trace": HOSTILE},
        command=f"warmscaler simulate sweep '{HOSTILE}'",
    )
