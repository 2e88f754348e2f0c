"""A trigger of a ScaledObject, understood as the service or KEDA would: its target, its rules, and what it measures."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from typing import Final

from scaler.errors import ConfigError
from scaler.model import OnUnknown, Rules
from scaler.model import Trigger as Understood
from scaler.probes.cron.probe import Window
from scaler.triggers.guesses import Problems, guessed, quoted
from scaler.triggers.kind import Kinds
from scaler.triggers.metadata import CHANNEL_KEYS, CONNECTION, Defaults, understand
from scaler.triggers.params import FROM_ENV, keys_of, required_keys_of, source_keys_of
from simulations.model import Counts
from simulations.scenario.natives import NATIVES, target_and_activation
from simulations.scenario.specs import TriggerSection

PUSH: Final = "external-push"
EXTERNAL: Final = (PUSH, "external")
ASKED: Final = 1.0
"""Seconds between two readings that stand for asking the source itself, as KEDA's own triggers do at every question."""
_WAITING: Final = frozenset({"redis", "redis-cluster", "redis-sentinel", "memory"})
"""Kinds whose sources forget what was taken; the others count it until it is done."""
NOT_SIMULATED: Final[Mapping[str, str]] = {
    "cpu": "a resource metric, which is not simulated",
    "memory": "a resource metric, which is not simulated; the kind `memory` is of type external-push",
    "kubernetes-workload": "about other workloads, which are not simulated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a trigger means to the simulator.

    ``interval`` is seconds between readings. ``window`` is what is measured instead of the backlog. ``ignored`` are
    keys that change nothing here and are not known to be right.
    """

    kind: str
    target: float
    rules: Rules
    interval: float
    push: bool
    external: bool
    counts: Counts
    window: Window | None = None
    pool: str | None = None
    ignored: tuple[str, ...] = field(default=())


def meaning(section: TriggerSection, kinds: Kinds, defaults: Defaults, target: float | None = None) -> Meaning:
    """Understand a trigger; how its source is reached may be left out, and ``target`` takes the place of its own.

    Raises :class:`ConfigError` with everything that is wrong.
    """
    if target is None:
        return _meaning(section, kinds, defaults)
    if section.type in {*EXTERNAL, *NOT_SIMULATED, *kinds}:
        return replace(_meaning(section, kinds, defaults), target=target)
    return _asked(section.type, target, 0.0)


def _meaning(section: TriggerSection, kinds: Kinds, defaults: Defaults) -> Meaning:
    metadata = {key: _text(value) for key, value in section.metadata.items()}
    if section.type in EXTERNAL:
        return _ours(section.type, understood(metadata, kinds, defaults))
    if section.type in NOT_SIMULATED:
        raise ConfigError([f"type {section.type!r} is {NOT_SIMULATED[section.type]}"])
    if section.type in kinds:
        return _native(section.type, metadata, kinds)
    if section.type not in NATIVES:
        raise ConfigError([_unknown_type(section.type, [*EXTERNAL, *kinds, *NATIVES])])
    try:
        target, activation = target_and_activation(section.type, metadata)
    except ValueError as error:
        raise ConfigError([str(error)]) from error
    return _asked(section.type, target, activation)


def _asked(kind: str, target: float, activation: float) -> Meaning:
    """Return what one of KEDA's own triggers means: it holds nothing, and what it cannot read is an error at once."""
    rules = Rules(activation=activation, hold_for=0.0, zero_confirm=1, on_unknown=OnUnknown.ERROR)
    return Meaning(
        kind=kind,
        target=target,
        rules=rules,
        interval=ASKED,
        push=False,
        external=False,
        counts=Counts.UNFINISHED,
    )


def understood(metadata: Mapping[str, str], kinds: Kinds, defaults: Defaults) -> Understood:
    """Understand the metadata with the parser of the service, and guess in its author's favour what reaches the source.

    Raises :class:`ConfigError` with everything that is wrong.
    """
    kind = kinds.get(metadata.get("kind", "").strip())
    if kind is None:
        return understand("", "", metadata, kinds, defaults)
    of_source = {*source_keys_of(kind.params), CONNECTION}
    own = {key: text for key, text in metadata.items() if key.removesuffix(FROM_ENV) not in of_source}

    def problems(given: Mapping[str, str]) -> tuple[str, ...]:
        try:
            understand("", "", {**own, **given}, kinds, defaults)
        except ConfigError as error:
            return error.problems
        return ()

    known = keys_of(kind.params)
    filled = [key for key in own if key.endswith(FROM_ENV) and key.removesuffix(FROM_ENV) in known]
    needed = [*filled, *(key for key in required_keys_of(kind.params) if key not in own)]
    given = guessed(kind.params, needed, problems)
    for key in _named(problems(given), of_source):
        more = {**given, **guessed(kind.params, [key], partial(_with, problems, given))}
        if len(problems(more)) < len(problems(given)):
            given = more
    return understand("", "", {**own, **given}, kinds, defaults)


def _with(problems: Problems, given: Mapping[str, str], more: Mapping[str, str]) -> Collection[str]:
    return problems({**given, **more})


def _named(problems: Iterable[str], keys: Collection[str]) -> list[str]:
    """Return those of ``keys`` that problems speak of."""
    return list(dict.fromkeys(key for said in problems for key in quoted(said) if key in keys))


def _ours(sort: str, trigger: Understood) -> Meaning:
    query = trigger.ask.query
    return Meaning(
        kind=trigger.kind,
        target=trigger.ask.metric.target,
        rules=trigger.rules,
        interval=trigger.interval,
        push=sort == PUSH,
        external=True,
        counts=Counts.WAITING if trigger.kind in _WAITING else Counts.UNFINISHED,
        window=query if isinstance(query, Window) else None,
        pool=trigger.pool,
    )


def _native(kind: str, metadata: Mapping[str, str], kinds: Kinds) -> Meaning:
    """Understand one of KEDA's own by the model of the probe that took over its keys; KEDA ignores others."""
    known = {*keys_of(kinds[kind].params), *CHANNEL_KEYS}
    ignored = tuple(sorted(key for key in metadata if key.removesuffix(FROM_ENV) not in known))
    kept = {key: text for key, text in metadata.items() if key not in ignored}
    ours = _ours(kind, understood({**kept, "kind": kind}, kinds, Defaults()))
    asked = _asked(kind, ours.target, ours.rules.activation)
    return replace(asked, counts=ours.counts, window=ours.window, ignored=ignored)


def _text(value: object) -> str:
    """Return a value of metadata as Kubernetes would keep it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown_type(asked: str, known: list[str]) -> str:
    near = get_close_matches(asked, known, n=1, cutoff=0.6)
    hint = f", did you mean '{near[0]}'?" if near else ""
    return (
        f"type {asked[:60]!r} is not one whose target is known here{hint}; "
        "say the same as `type: external-push` with `kind`, or name the function's 'target'"
    )
