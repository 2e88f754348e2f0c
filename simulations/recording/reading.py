"""From lines to what was recorded of each scaled object.

A trigger is recorded by every process that KEDA asks for it: what one wrote holds as long as it lasts, and what another
wrote beside it is left out, so that two that look at different instants do not make one jumpy series.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from scaler.recording.format import What
from simulations.model import Ints, Series
from simulations.progress import watched as with_a_bar
from simulations.recording.lines import Said, lines
from simulations.recording.model import Named, Recording, Scaled, Steps, Troubles, Watched

MILLI: Final = 1000
MILLISECOND: Final = 1000  # microseconds
Identity = tuple[str, str, str, str]
"""Of a trigger: namespace, name, kind and metric."""
Decided = tuple[int, int, float | None, float | None, bool]
"""Run, milliseconds since 1970, value, activity, active."""


@dataclass(slots=True)
class _Trigger:
    """What was said of one trigger so far."""

    identity: Identity
    about: Mapping[str, Any]
    decided: list[Decided] = field(default_factory=list)
    pushed: bool = False


@dataclass(slots=True)
class _Object:
    """What was said of one scaled object so far: replicas as milliseconds, asked, there."""

    facts: Mapping[str, Any] | None = None
    numbered: list[_Trigger] = field(default_factory=list)
    replicas: list[tuple[int, int, int]] = field(default_factory=list)
    every: float = 0.0
    pool: str | None = None
    pool_size: int = 0
    hits: int = 0
    missed: int = 0


class _Gathering:
    """Takes line after line."""

    def __init__(self) -> None:
        self.first, self.last = 2**62, 0
        self.triggers: dict[Identity, _Trigger] = {}
        self.objects: dict[Named, _Object] = {}
        self.pools: dict[Named, _Object] = {}
        self._numbers: dict[tuple[int, int], _Trigger] = {}
        self._since: dict[int, int] = {}
        self._does: Mapping[What, Callable[[Said], None]] = {
            What.RECORDING: self._file,
            What.TRIGGER: self._trigger,
            What.DECISION: self._decision,
            What.OBJECT: self._object,
            What.REPLICAS: self._replicas,
            What.POOL: self._pool,
        }

    def take(self, said: Said) -> None:
        """Take a line; raises ``KeyError``, ``TypeError`` or ``ValueError`` for one that lacks something."""
        if (does := self._does.get(said.what)) is not None:
            does(said)
        self.last = max(self.last, said.at)
        if said.at < self.first:
            self.first = min(self.first, max(said.at, self._since[said.run]))

    def _file(self, said: Said) -> None:
        """Remember when a run begins for us: of one whose first files are gone, with what is left."""
        self._since.setdefault(said.run, said.at if int(said.facts["file"]) else 0)

    def _trigger(self, said: Said) -> None:
        facts = said.facts
        identity = (str(facts["namespace"]), str(facts["name"]), str(facts["kind"]), str(facts["metric"]))
        about = {key: float(facts[key]) for key in ("target", "activation", "interval")}
        trigger = self.triggers.setdefault(identity, _Trigger(identity, about))
        trigger.about = about
        self._numbers[said.run, int(facts["n"])] = trigger

    def _decision(self, said: Said) -> None:
        facts = said.facts
        trigger = self._numbers[said.run, int(facts["n"])]
        value, activity = facts["value"], facts["activity"]
        value = None if value is None else float(value)
        activity = None if activity is None else float(activity)
        trigger.decided.append((said.run, said.at, value, activity, bool(facts["active"])))
        if "pushed" in facts:
            trigger.pushed = True

    def _object(self, said: Said) -> None:
        found = self.objects.setdefault(_named(said), _Object())
        found.facts = said.facts
        numbers = [int(each["n"]) for each in said.facts["spec"]["triggers"] if "n" in each]
        found.numbered = [self._numbers[said.run, number] for number in numbers]

    def _replicas(self, said: Said) -> None:
        found = self.objects.setdefault(_named(said), _Object())
        found.replicas.append((said.at, int(said.facts["asked"]), int(said.facts["there"])))
        found.every = max(found.every, float(said.facts["every"]))

    def _pool(self, said: Said) -> None:
        facts = said.facts
        found = self.pools.setdefault((str(facts["namespace"]), str(facts["function"])), _Object())
        found.replicas.append((said.at, int(facts["replicas"]), int(facts["ready"])))
        found.pool, found.pool_size = str(facts["pool"]), int(facts["size"])
        found.hits, found.missed = int(facts["hits"]), int(facts["misses"])


def _named(said: Said) -> Named:
    return str(said.facts["namespace"]), str(said.facts["name"])


def read(folder: Path, progress: Callable[[list[Path], str], Iterator[Path]] = with_a_bar) -> Recording:
    """Read a folder of recordings, or one file of it.

    Raises :class:`ConfigError` where there is none. Lines that cannot be used are told in ``troubles``.
    """
    troubles, gathering = Troubles(), _Gathering()
    for said in lines(folder, troubles, lambda files: progress(files, "reading")):
        try:
            gathering.take(said)
        except (KeyError, TypeError, ValueError) as error:
            troubles.complain(f"{said.what} at {said.at}: {type(error).__name__}: {error}")
    return _recording(gathering, troubles)


def _recording(found: _Gathering, troubles: Troubles) -> Recording:
    begin = min(found.first, found.last)
    of: dict[Named, list[_Trigger]] = {}
    for trigger in found.triggers.values():
        of.setdefault(trigger.identity[:2], []).append(trigger)
    scaled = tuple(
        _scaled(name, found.objects.get(name, _Object()), of.get(name, []), found.pools, begin)
        for name in sorted(found.objects.keys() | of.keys())
    )
    return Recording(begin=begin / 1000.0, end=(found.last - begin) * MILLISECOND, scaled=scaled, troubles=troubles)


def _scaled(
    name: Named, found: _Object, triggers: list[_Trigger], pools: Mapping[Named, _Object], begin: int
) -> Scaled:
    facts = found.facts or {}
    target = (name[0], str(facts.get("target", name[1])))
    pool = pools.get(target, _Object())
    ordered = [*found.numbered, *(each for each in triggers if each not in found.numbered)]
    replicas = sorted({*found.replicas, *pool.replicas})
    times = [each[0] for each in replicas]
    return Scaled(
        namespace=name[0],
        name=name[1],
        triggers=tuple(_watched(each, begin) for each in ordered),
        kind=facts.get("kind"),
        spec=facts.get("spec"),
        annotations=facts.get("paused", {}),
        asked=_steps(times, [each[1] for each in replicas], begin) if replicas else None,
        there=_steps(times, [each[2] for each in replicas], begin) if replicas else None,
        every=found.every,
        pool=pool.pool,
        pool_size=pool.pool_size,
        hits=pool.hits,
        missed=pool.missed,
    )


def _watched(trigger: _Trigger, begin: int) -> Watched:
    namespace, name, kind, metric = trigger.identity
    decided = _of_one_process_at_a_time(trigger.decided)
    times = _micros([each[1] for each in decided], begin)
    values, known = np.zeros(len(decided), dtype=np.int64), 0
    for number, (_, _, value, _, _) in enumerate(decided):
        known = known if value is None else round(value * MILLI)
        values[number] = known
    blind = np.asarray([each[2] is None for each in decided], dtype=bool)
    seen = [(each[1], each[3]) for each in decided if each[3] is not None]
    return Watched(
        namespace=namespace,
        name=name,
        kind=kind,
        metric=metric,
        **trigger.about,
        series=Series(times=times, values=values, active=np.asarray([each[4] for each in decided], dtype=np.int64)),
        backlog=_steps([at for at, _ in seen], [round(count) for _, count in seen], begin),
        unknown=int(np.diff(times)[blind[:-1]].sum()) if len(decided) > 1 else 0,
        pushed=trigger.pushed,
    )


def _of_one_process_at_a_time(decided: list[Decided]) -> list[Decided]:
    """Keep of each run what comes after the last word of those before it, and nothing twice."""
    runs: dict[int, list[Decided]] = {}
    for each in decided:
        runs.setdefault(each[0], []).append(each)
    kept: list[Decided] = []
    for run in sorted(runs.values(), key=lambda run: min(each[1] for each in run)):
        until = kept[-1][1] if kept else -1
        kept += sorted({each for each in run if each[1] > until}, key=lambda each: each[1])
    return kept


def _steps(times: list[int], values: list[int], begin: int) -> Steps:
    return Steps(times=_micros(times, begin), values=np.asarray(values, dtype=np.int64))


def _micros(milliseconds: list[int], begin: int) -> Ints:
    """Return microseconds since the beginning; what was said again of before holds from there on."""
    return np.maximum(0, np.asarray(milliseconds, dtype=np.int64) - begin) * MILLISECOND
