"""``warmscaler probe``: one reading of one source, as the service would take it, and how long it took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from scaler.border import Border
from scaler.errors import ConfigError, SourceUnavailable
from scaler.feed import CLOSE_TIMEOUT, OPEN_TIMEOUT
from scaler.model import Decision, Instant, Outage, Snapshot, Trigger
from scaler.net.egress import Egress
from scaler.net.secrets import secrets_of
from scaler.policy.step import State, step
from scaler.probes.base import Found, Surroundings
from scaler.probes.registry import AnyProbe, Catalogue
from scaler.triggers.metadata import Defaults, understand
from scaler.triggers.params import FROM_ENV
from scaler.verbs.output import Output, show_data, show_table, waiting

_MS: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What was found, and what KEDA would be told; ``None`` where an outage leaves it unknown. Durations in seconds."""

    kind: str
    source: str
    query: str
    metric: str
    target: float
    activation: float
    value: float | None
    activity: float | None
    active: bool | None
    outage: str | None
    open_seconds: float
    read_seconds: float | None

    def rows(self) -> list[tuple[str, str]]:
        """Return what a person wants to see."""
        return [
            ("kind", self.kind),
            ("source", self.source),
            ("query", self.query),
            ("metric", f"{self.metric}, target {self.target:g}"),
            ("value", "unknown" if self.value is None else f"{self.value:g}"),
            ("active", self._said_active()),
            ("open", f"{self.open_seconds * _MS:.1f} ms"),
            ("read", "not tried" if self.read_seconds is None else f"{self.read_seconds * _MS:.1f} ms"),
            *([("outage", self.outage)] if self.outage is not None else []),
        ]

    def _said_active(self) -> str:
        if self.active is None:
            return "unknown"
        sign = ">" if self.active else "≤"
        return f"{'yes' if self.active else 'no'} ({self.activity:g} {sign} {self.activation:g})"


async def probe(
    kind: str, pairs: Sequence[str], catalogue: Catalogue, egress: Egress, env: Mapping[str, str]
) -> Probed:
    """Take one reading of what ``pairs`` (``key=value``) ask of ``kind``; ``env`` fills the keys ``…FromEnv``.

    Raises :class:`ConfigError` if they can never work.
    """
    trigger = _trigger(kind, pairs, catalogue, env)
    with waiting(f"reading {trigger.kind}"):
        return await _probed(catalogue.kinds[trigger.kind], trigger, Surroundings(clock=_clock, egress=egress))


def show(probed: Probed, output: Output) -> None:
    """Print it."""
    if output is Output.TABLE:
        show_table((), probed.rows())
    else:
        show_data(asdict(probed), output)


def _trigger(kind: str, pairs: Sequence[str], catalogue: Catalogue, env: Mapping[str, str]) -> Trigger:
    if kind in catalogue.broken:
        raise ConfigError([f"cannot be loaded: {catalogue.broken[kind]}"], about=f"kind {kind}")
    metadata, problems = _metadata(pairs, env)
    try:
        trigger = understand("", "", {**metadata, "kind": kind}, catalogue.kinds, Defaults())
    except ConfigError as error:
        problems = [*problems, *error.problems]
        raise ConfigError(problems, about=f"probe {kind}") from error
    if problems:
        raise ConfigError(problems, about=f"probe {kind}")
    return trigger


def _metadata(pairs: Sequence[str], env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Read the pairs as a manifest's metadata; what KEDA takes from the environment of a pod comes from ours."""
    metadata = {key: value for key, equals, value in (pair.partition("=") for pair in pairs) if equals and key}
    problems = [
        f"{pair.partition('=')[0][:60]!r} is not key=value" for pair in pairs if pair.partition("=")[0] not in metadata
    ]
    for key, name in metadata.items():
        if key.endswith(FROM_ENV) and name in env:
            metadata[key] = env[name]
        elif key.endswith(FROM_ENV):
            problems.append(f"'{key}': there is no variable {name[:60]!r} in the environment")
    return metadata, problems


async def _probed(kind: AnyProbe, trigger: Trigger, surroundings: Surroundings) -> Probed:
    """Open, read once, close; whatever fails is an outage."""
    ask = trigger.ask
    border = Border(kind=kind.kind, secrets=tuple(secrets_of(ask.source)))
    began = surroundings.clock()
    source = await border.attempt(lambda: kind.open(ask.source, surroundings), OPEN_TIMEOUT)
    opened = surroundings.clock()
    if isinstance(source, SourceUnavailable):
        return _told(trigger, border, source, (opened - began, None))
    try:
        found = await border.attempt(lambda: source.read([ask.query]), kind.pace.timeout)
        read_seconds = surroundings.clock() - opened
    finally:
        await border.attempt(lambda: source.close(), CLOSE_TIMEOUT)  # noqa: PLW0108 - it may lack the method
    answer = found if isinstance(found, SourceUnavailable) else border.answers(found, [ask.query])[ask.query]
    return _told(trigger, border, answer, (opened - began, read_seconds))


def _told(trigger: Trigger, border: Border, found: Found, took: tuple[float, float | None]) -> Probed:
    reading = border.reading(found, None, _clock())
    _, verdict = step(State(), reading, trigger.rules)
    ask = trigger.ask
    return Probed(
        kind=trigger.kind,
        source=border.clean(str(ask.source)),
        query=border.clean(str(ask.query)),
        metric=ask.metric.name,
        target=ask.metric.target,
        activation=trigger.rules.activation,
        value=reading.value if isinstance(reading, Snapshot) else None,
        activity=reading.activity if isinstance(reading, Snapshot) else None,
        active=verdict.active if isinstance(verdict, Decision) else None,
        outage=_said(reading) if isinstance(reading, Outage) else None,
        open_seconds=round(took[0], 6),
        read_seconds=None if took[1] is None else round(took[1], 6),
    )


def _said(outage: Outage) -> str:
    return f"{outage.cause}: {outage.detail}" if outage.detail else str(outage.cause)


def _clock() -> Instant:
    return Instant(time.monotonic())
