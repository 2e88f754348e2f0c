"""From a scenario and a seed to the world that is simulated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from scaler.config.memory import in_bytes
from scaler.config.pools import PoolSection
from scaler.errors import ConfigError
from scaler.triggers.metadata import Defaults
from simulations.model import (
    Backlog,
    Feed,
    Function,
    Happening,
    Incident,
    Pool,
    Series,
    Trigger,
    Work,
    World,
    micros,
)
from simulations.scenario.deployments import memory
from simulations.scenario.document import MONDAY, FunctionSection, IncidentSection, ScenarioDocument
from simulations.scenario.kinds import kinds
from simulations.scenario.matching import Workload, wanted, workload_of
from simulations.scenario.natives import is_rate
from simulations.scenario.recorded import recorded, traces_of
from simulations.scenario.scaled import autoscaler, behavior_of, job, scaled_object
from simulations.scenario.specs import ScaledJobSection, ScaledObjectSection, TriggerSection, TriggersSection
from simulations.scenario.triggers import NOT_SIMULATED, Meaning, meaning
from simulations.scenario.workloads import Chance, expected, phases, service, starts, windows, work
from simulations.traces.model import Recorded
from simulations.workload.chance import streams
from simulations.workload.words import MOST

DRAIN = 600.0
"""Seconds that a run goes on after the last arrival of its traces."""
FED = 65_536
"""How many service times are drawn for requests that come from others; the next ones come from the beginning again."""
NAMED = 5
"""Workloads that a remark names; the others are counted."""
_WATCH = 0.005  # s from an arrival to the reading that sees it


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One function of a scenario: its section, and what was recorded of it, if anything was."""

    name: str
    section: FunctionSection
    recorded: Recorded | None = None

    @property
    def scaled(self) -> ScaledObjectSection | ScaledJobSection:
        """Return what scales it."""
        return self.section.scaled_job or self.section.scaled_object or ScaledObjectSection()

    @property
    def workload(self) -> Workload:
        """Return what its replicas are of."""
        return workload_of(self.name, self.section)


def world_of(document: ScenarioDocument, folder: str, seed: int, bins: int = 0) -> World:
    """Draw a world: the same seed, the same world, to the last microsecond; functions do not share chance."""
    members = list(members_of(document, folder))
    end, wall = end_of(document, members), wall_of(document, folder)
    _refuse_more_than_can_be(members, Chance(seed=seed, name="expected", end=end, wall=wall))
    return World(
        functions=tuple(
            _function(each, document, Chance(seed=seed, name=each.name, end=end, wall=wall)) for each in members
        ),
        end=end,
        pools={name: Pool(section=section) for name, section in pools_of(document).items()},
        feeds=tuple(Feed(source=each.source, sink=each.sink, after=micros(each.after)) for each in document.feeds),
        warmup=micros(document.warmup),
        wall=wall,
        bins=bins,
    )


def _refuse_more_than_can_be(members: Sequence[Member], chance: Chance) -> None:
    """Raise :class:`ConfigError` where the functions have more requests together than can be simulated."""
    by_section, total = dict[int, float](), 0.0
    for each in members:
        if each.recorded is not None:
            total += float(np.searchsorted(each.recorded.arrivals, chance.end))
            continue
        if id(each.section) not in by_section:
            by_section[id(each.section)] = expected(each.section, chance)
        total += by_section[id(each.section)]
    if total > MOST:
        said = f"some {total:,.0f} requests of all functions together, and at most {MOST:,} can be simulated"
        raise ConfigError([f"{said}: fewer copies, lower rates, or a shorter duration"])


def members_of(document: ScenarioDocument, folder: str) -> Iterator[Member]:
    """Yield every function, copies and those of traces one by one."""
    for section in document.functions:
        found = recorded(section.trace, folder) if section.trace is not None else {}
        if found:
            single = len(found) == 1
            for name, one in found.items():
                yield Member(name=section.name if single else name, section=section, recorded=one)
        else:
            copies = section.copies
            names = [section.name] if copies == 1 else [f"{section.name}-{n}" for n in range(1, copies + 1)]
            yield from (Member(name=name, section=section) for name in names)


def end_of(document: ScenarioDocument, members: Sequence[Member]) -> int:
    """Return how long the run is, in microseconds; raise :class:`ConfigError` where nothing says it."""
    if document.duration is not None:
        return micros(document.duration)
    lasts = [int(each.recorded.arrivals[-1]) for each in members if each.recorded and each.recorded.arrivals.size]
    if not lasts:
        raise ConfigError(["'duration' is required: how long a run is, such as 2h"])
    return max(lasts) + micros(DRAIN)


def wall_of(document: ScenarioDocument, folder: str) -> float:
    """Return the time of the calendar at the beginning: as it says, or the first trace that has one, or a Monday."""
    if document.start is not None:
        return document.start
    return next((trace.wall for _, trace in traces_of(document, folder) if trace.wall is not None), MONDAY)


def pools_of(document: ScenarioDocument) -> dict[str, PoolSection]:
    """Return the pools of the configuration, and those of the scenario, which come before them."""
    return {**(document.config.pools if document.config is not None else {}), **document.pools}


def defaults_of(document: ScenarioDocument) -> Defaults:
    """Return what the service's configuration says for triggers that do not."""
    if document.config is None:
        return Defaults()
    said = document.config.defaults
    texts = {kind: {key: str(value) for key, value in each.items()} for kind, each in said.kinds.items()}
    return Defaults(interval=said.interval, kinds=texts)


def meanings_of(section: FunctionSection, scaled: TriggersSection, defaults: Defaults) -> list[Meaning]:
    """Understand every trigger that is simulated; raise :class:`ConfigError` with everything wrong with them."""
    found, problems = list[Meaning](), list[str]()
    first = min(scaled.measured)
    for number, trigger in scaled.measured.items():
        target = section.target if number == first else None
        try:
            found.append(meaning(trigger, kinds(), defaults, target))
        except ConfigError as error:
            problems += [f"trigger {number}: {each}" for each in error.problems]
    if problems:
        raise ConfigError(problems)
    return found


def workloads(document: ScenarioDocument, folder: str) -> dict[str, Workload]:
    """Return what the replicas of each function are of."""
    return {each.name: each.workload for each in members_of(document, folder)}


def doubts(document: ScenarioDocument, folder: str) -> Iterator[str]:
    """Yield where a scenario's triggers and pools are not quite what is simulated, for a person."""
    members = list(members_of(document, folder))
    jobs = [each.name for each in members if each.section.scaled_job is not None]
    if jobs:
        yield f"{', '.join(jobs)}: a ScaledJob stays as it is under every policy: they are about replicas and warm pods"
    for each in {id(each.section): each for each in members}.values():
        yield from (f"{each.name}: {said}" for said in _doubted(each, defaults_of(document)))
    yield from _idle(document, members)


def _doubted(member: Member, defaults: Defaults) -> Iterator[str]:
    """Yield where a function's triggers are not quite what is simulated."""
    scaled = member.scaled
    meanings = dict(zip(scaled.measured, meanings_of(member.section, scaled, defaults), strict=True))
    for number, trigger in enumerate(scaled.triggers):
        yield from (
            f"trigger {number} ({trigger.type}) {said}" for said in _trigger_doubted(trigger, meanings.get(number))
        )
    if not any(each.external for each in meanings.values()):
        yield (
            "no trigger asks Warmscaler, so real warm pods would hear of nothing; what is said of a pool holds once "
            "the type is external-push"
        )
    counted = [str(number) for number, each in meanings.items() if each.window is None]
    if len(counted) > 1:
        yield f"triggers {' and '.join(counted)} are both taken to count the function's one backlog"


def _trigger_doubted(trigger: TriggerSection, meant: Meaning | None) -> Iterator[str]:
    if meant is None:
        yield f"is left out: it is {NOT_SIMULATED[trigger.type]}"
        return
    if is_rate(trigger.type, trigger.metadata):
        yield "measures a rate, or what its query asks for: it is simulated as the backlog of requests"
    if meant.ignored:
        yield f"has keys that are not understood here: {', '.join(meant.ignored)}"


def _idle(document: ScenarioDocument, members: Sequence[Member]) -> Iterator[str]:
    """Yield the pools that fit no function."""
    pools = pools_of(document)
    defaults = defaults_of(document)
    used = {pool_of(each, meanings_of(each.section, each.scaled, defaults), pools) for each in members}
    seen = sorted({str(each.workload) for each in members})
    names = ", ".join(seen[:NAMED]) + (f" and {len(seen) - NAMED} more" if len(seen) > NAMED else "")
    for name, section in pools.items():
        if name not in used:
            yield f"pool '{name}' fits no function: it means {wanted(section.functions)}; here is {names}"


def pool_of(member: Member, meanings: Sequence[Meaning], pools: Mapping[str, PoolSection]) -> str | None:
    """Return the pool of a function: the one it names, or its trigger, or the first that means it."""
    named = member.section.pool or next((each.pool for each in meanings if each.pool), None)
    if member.section.scaled_job is not None:
        if named is not None:
            raise ConfigError([f"pool '{named}': a ScaledJob has no warm pods"])
        return None
    if named is not None:
        if named not in pools:
            raise ConfigError([f"no pool '{named}'; there is {', '.join(sorted(pools)) or 'none'}"])
        return named
    return next((name for name, section in pools.items() if member.workload.is_meant(section.functions)), None)


def _function(member: Member, document: ScenarioDocument, chance: Chance) -> Function:
    section, scaled = member.section, member.scaled
    meanings = meanings_of(section, scaled, defaults_of(document))
    record = scaled_object(scaled, meanings, behavior_of(section.hpa))
    return Function(
        name=member.name,
        scaled=record,
        hpa=autoscaler(record, document.kubernetes),
        triggers=tuple(_trigger(each, member, chance) for each in meanings),
        work=_work(member, chance, FED if any(each.sink == member.name for each in document.feeds) else 0),
        starts=starts(section, chance),
        phases=phases(record.polling_interval, document.kubernetes, chance),
        concurrency=section.concurrency,
        memory=in_bytes(section.memory) if section.memory else _recorded_memory(member),
        replicas=record.min_replicas if section.replicas is None else section.replicas,
        pool=pool_of(member, meanings, pools_of(document)),
        claim=micros(section.claim),
        incidents=tuple(sorted(_incidents(document.incidents, chance), key=lambda each: each.at)),
        job=job(section.scaled_job) if section.scaled_job is not None else None,
    )


def _work(member: Member, chance: Chance, fed: int) -> Work:
    found = member.recorded
    if found is None:
        return work(member.section, chance, fed)
    arrivals = found.arrivals[found.arrivals < chance.end]
    if member.section.service is None and found.service is not None and not fed:
        return Work(arrivals=arrivals, service=found.service[: arrivals.size])
    return Work(arrivals=arrivals, service=service(member.section.service, arrivals.size + fed, chance))


def _recorded_memory(member: Member) -> int:
    if member.section.deployment is None and member.recorded is not None and member.recorded.memory is not None:
        return member.recorded.memory
    return memory(member.section.deployment)


def _trigger(meant: Meaning, member: Member, chance: Chance) -> Trigger:
    """Return the scaler's side of a trigger; KEDA's own have none, and are read as often as anything could ask."""
    said, backlog = member.section.source, member.recorded.backlog if member.recorded is not None else None
    source: Backlog | Series = Backlog(counts=said.counts or meant.counts)
    watch = _WATCH if said.watch is None else said.watch
    if backlog is not None:
        source = backlog
    if meant.window is not None:
        source, watch = windows(meant.window, chance), 0.0
    interval = micros(said.interval or meant.interval)
    first = int(streams(chance.seed, chance.name, "first", meant.kind).uniform(0, interval))
    told = micros(watch) if watch and meant.external else None
    return Trigger(source=source, rules=meant.rules, interval=interval, first=first, watch=told)


def _incidents(sections: Sequence[IncidentSection], chance: Chance) -> Iterator[Incident]:
    for each in sections:
        if not any(fnmatchcase(chance.name, glob) for glob in each.functions):
            continue
        spans = (
            (each.outage, Happening.SOURCE_DOWN, Happening.SOURCE_UP),
            (each.scaler_down, Happening.SCALER_DOWN, Happening.SCALER_UP),
            (each.pause, Happening.PAUSE, Happening.RESUME),
        )
        for between, begins, ends in spans:
            if between is not None:
                yield Incident(at=micros(between.begin), what=begins)
                yield Incident(at=min(micros(between.end), chance.end), what=ends)
        if each.rollout is not None:
            yield Incident(at=micros(each.rollout), what=Happening.ROLLOUT)
