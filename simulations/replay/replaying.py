"""The two parts of a replay, and what people read of the first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from simulations.figures import Outcome
from simulations.hazards import hazards
from simulations.policies.options import Options
from simulations.policies.overlays import laid
from simulations.progress import watched
from simulations.recording import Recording, Troubles, read
from simulations.replay.fidelity import Fidelity, fidelity
from simulations.replay.objects import JOB, Asked, Understood, understood
from simulations.replay.worlds import as_it_was, busiest, otherwise
from simulations.report.study import Case, Dropped, Study
from simulations.run import simulate
from simulations.statistics import overall, summaries

PRESENT: Final = "as recorded"
"""The policy of the objects as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of a recording: how near the model is to what was, and the study of what else could have been.

    ``study`` is ``None`` where nothing arrived that could be told. ``remarks`` are for people, with the objects' names.
    """

    fidelity: tuple[Fidelity, ...]
    study: Study | None
    remarks: tuple[str, ...]
    troubles: Troubles


def replay(path: Path, policies: Mapping[str, Options] | None = None, asked: Asked | None = None) -> Replay:
    """Play a recording back, first as it was and then under ``policies``: options of those of ours, by name.

    Raises :class:`ConfigError` where there is no recording, or for objects or policies that are wrong.
    """
    asked, recording = asked or Asked(), read(path)
    objects = understood(recording, asked)
    return Replay(
        fidelity=tuple(_fidelity(recording, objects, asked)),
        study=_study(path, recording, objects, policies or {}, asked),
        remarks=tuple(_remarks(objects)),
        troubles=recording.troubles,
    )


def _fidelity(recording: Recording, objects: Sequence[Understood], asked: Asked) -> Iterator[Fidelity]:
    outcomes = [
        simulate(as_it_was(recording, objects, asked, seed), asked.engine)
        for seed in watched(asked.seeds, doing="as it was")
    ]
    for each in objects:
        figures = [one for outcome in outcomes for one in outcome.figures if one.name == each.name]
        found = fidelity(each.recorded, figures, recording.end) if figures else None
        if found is not None:
            yield found


def _study(
    path: Path, recording: Recording, objects: Sequence[Understood], policies: Mapping[str, Options], asked: Asked
) -> Study | None:
    drawn = {seed: otherwise(recording, objects, asked, seed) for seed in asked.seeds}
    first = drawn[asked.seeds[0]]
    if not any(function.work.arrivals.size for function in first.functions):
        return None
    worlds = {
        (name, seed): world if name == PRESENT else laid(name, world, policies[name])
        for name, (seed, world) in product([PRESENT, *policies], drawn.items())
    }
    outcomes = {case: simulate(worlds[case], asked.engine) for case in watched([*worlds], doing="simulating")}
    return Study(
        name=path.name,
        question="What would it have cost, and saved, under other policies?",
        seeds=asked.seeds,
        cases=tuple(
            _case(name, [outcomes[name, seed] for seed in asked.seeds], asked) for name in (PRESENT, *policies)
        ),
        present=PRESENT,
        hazards=hazards(first),
        outcome=outcomes[PRESENT, asked.seeds[0]] if asked.timeline else None,
        shown=PRESENT if asked.timeline else None,
        wall=first.wall,
        dropped=_dropped(recording.troubles),
        inputs={"recording": str(path)},
        command=asked.command,
    )


def _case(name: str, outcomes: Sequence[Outcome], asked: Asked) -> Case:
    every = summaries(outcomes[0], asked.slo) if len(outcomes[0].figures) > 1 else ()
    return Case(policy=name, seeds=tuple(overall(each, asked.slo) for each in outcomes), functions=every)


def _dropped(troubles: Troubles) -> tuple[Dropped, ...]:
    return (Dropped(rows=troubles.bad, why=f"no lines of a recording: {troubles.shown[0]}"),) if troubles.bad else ()


def _remarks(objects: Sequence[Understood]) -> Iterator[str]:
    for each in objects:
        yield from (f"{each.name}: {remark}" for remark in each.remarks)
        number, arrivals = busiest(each.triggers)
        if number is not None:
            every = each.triggers[number].interval
            yield (
                f"{each.name}: {arrivals.size:,} arrivals, the least that there were: what came and was done between "
                f"two readings, {every:g} s apart, is not seen"
            )
        if each.recorded.kind == JOB:
            yield f"{each.name}: a ScaledJob has no replicas to compare"
        elif each.recorded.asked is None:
            yield f"{each.name}: no replicas were recorded, so nothing says how near the model is"


def lines(found: Replay) -> Iterator[str]:
    """Yield what people read of the first part: what could not be used, and each object as it was and as it is."""
    troubles = found.troubles
    yield f"{troubles.lines:,} lines in {troubles.files} files"
    if troubles.torn:
        yield f"not closed, so up to a second is missing at the end: {', '.join(troubles.torn)}"
    if troubles.lost:
        yield f"{troubles.lost:,} lines were never written: see warmscaler_record_lost_lines_total"
    if troubles.bad:
        yield f"{troubles.bad:,} lines are left out:"
        yield from (f"  {each}" for each in troubles.shown)
    yield from found.remarks
    for each in found.fidelity:
        seen = f"seen every {each.every:g} s" if each.every else "seen by the pool"
        yield f"{each.name}: replicas differ by {each.error:.1f} % over {each.known:,.0f} s ({seen})"
        for what in ("wakes", "sleeps", "ups", "downs"):
            recorded, simulated = len(getattr(each.recorded, what)), len(getattr(each.typical, what))
            count, apart = each.apart(what)
            matched = f", {count} of them near: {apart:.1f} s apart" if count else ""
            yield f"  {what:6} {recorded} recorded, {simulated} simulated{matched}"
