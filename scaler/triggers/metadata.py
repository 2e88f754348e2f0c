"""One ScaledObject reference in, one :class:`Trigger` out, or every problem in one message."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import Field

from scaler.errors import ConfigError
from scaler.model import Ask, OnUnknown, Rules, Trigger
from scaler.triggers.connections import Connecting, Connection
from scaler.triggers.kind import Kind
from scaler.triggers.params import FROM_ENV, Params, keys_of, misread, read, said_as, unknown_keys
from scaler.triggers.values import Duration, Whole

CHANNEL_KEYS: Final = frozenset(
    {"scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsClientCert", "tlsClientKey"},
)
"""Keys that steer the channel from KEDA to us (keda 2.21, external_scaler.go); they say nothing of the source."""

MAX_METADATA: Final = 32 * 1024  # characters, keys and values: several times the largest real trigger, PEM included

SMALLEST_TARGET: Final = 0.001  # KEDA keeps three decimals, and the HPA refuses a target of zero
INTERVAL: Final = 2.0  # s
MAX_KEYS: Final = 128  # several times what the kind with the most parameters knows
MAX_NAME: Final = 253  # characters: what Kubernetes allows
CONNECTION: Final = "connection"
_SHOWN: Final = 60  # characters of a name that a message repeats


class Common(Params):
    """What every trigger may say, whatever it measures."""

    kind: Annotated[str, Field(description="What is measured: one of the installed kinds.")]
    connection: Annotated[
        str | None,
        Field(
            description="The connection of the configuration that reaches the source, instead of an address, TLS and "
            "credentials in the metadata; the namespace must be one that may use it."
        ),
    ] = None
    interval: Annotated[
        Duration,
        Field(
            ge=0.1,
            le=600,
            description="Longest time between two readings, 100ms to 10m; the configuration may set another default.",
        ),
    ] = INTERVAL
    hold_for: Annotated[
        Duration | None,
        Field(
            gt=0,
            description="How long an outage is held, before `onUnknown` counts; without it, as long as it lasts.",
        ),
    ] = None
    zero_confirm: Annotated[
        Whole,
        Field(ge=1, le=100, description="Quiet readings needed after an outage before the trigger goes inactive."),
    ] = 2
    on_unknown: Annotated[
        OnUnknown,
        Field(
            description="What to answer while there is no reading to hold, or none that holdFor still allows: `freeze` "
            "is what the scale target has now, read from the Kubernetes API, so that nothing changes; `error` is "
            "UNAVAILABLE, which KEDA's fallback counts."
        ),
    ] = OnUnknown.FREEZE
    pool: Annotated[
        str | None,
        Field(
            description="The pool whose warm pods the scale target takes, by its name in the configuration, where "
            "several mean it; without this the first of them."
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the configuration says for triggers that do not: ``interval`` in seconds, ``kinds`` as kind → key → text.

    ``connections``, by name, are as far as their credentials are known now.
    """

    interval: float = INTERVAL
    kinds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    connections: Mapping[str, Connection] = field(default_factory=dict)

    def differ(self, other: "Defaults", metadata: Mapping[str, str]) -> bool:
        """Tell whether a trigger could be understood differently by ``other``."""
        kind, name = metadata.get("kind", "").strip(), metadata.get(CONNECTION, "").strip()
        return (
            self.interval != other.interval
            or self.kinds.get(kind) != other.kinds.get(kind)
            or self.connections.get(name) != other.connections.get(name)
        )


def understand(
    namespace: str, name: str, metadata: Mapping[str, str], kinds: Mapping[str, Kind[Params]], defaults: Defaults
) -> Trigger:
    """Read a trigger, pure and without I/O.

    Raises :class:`ConfigError` that names every problem at once and never a secret.
    """
    about = f"trigger of {namespace[:MAX_NAME]}/{name[:MAX_NAME]}"
    if problems := list(_oversize(namespace, name, metadata)):
        raise ConfigError(problems, about=about)
    kind = kinds.get(kind_name := metadata.get("kind", "").strip())
    if kind is None:
        wrong = (said for _, said in misread(Common, metadata))
        raise ConfigError([_wrong_kind(kind_name, kinds), *wrong], about=about)
    common, problems = read(Common, metadata)
    params, ask, more = _asked(namespace, metadata, kind, defaults)
    known = {*keys_of(Common), *keys_of(kind.params), *CHANNEL_KEYS}
    problems += [*more, *_small(params, ask, metadata), *unknown_keys(metadata, known)]
    if common is None or ask is None or problems:
        raise ConfigError(problems, about=f"{kind_name} {about}")
    return _trigger(namespace, name, common, ask, defaults)


def _asked(
    namespace: str, metadata: Mapping[str, str], kind: Kind[Params], defaults: Defaults
) -> tuple[Params | None, Ask | None, list[str]]:
    """Read what a trigger asks of a source, which its own metadata or a connection names."""
    name, kind_name = metadata.get(CONNECTION, "").strip(), metadata.get("kind", "").strip()
    usual = defaults.kinds.get(kind_name, {})
    if metadata.get(CONNECTION + FROM_ENV, "").strip():
        return None, None, [f"'{CONNECTION}{FROM_ENV}': name the connection in the metadata itself, as '{CONNECTION}'"]
    if not name:
        params, problems = read(kind.params, metadata, usual)
        return params, kind.ask(params) if params is not None else None, problems
    connection = defaults.connections.get(name)
    if connection is None or not connection.serves(namespace):
        # One message for both: who may not use a connection does not learn that there is one.
        return None, None, [f"'{CONNECTION}': no connection {name[:_SHOWN]!r} for namespace {namespace!r}"]
    if connection.kind != kind_name:
        return None, None, [f"'{CONNECTION}': {name!r} is of kind {connection.kind!r}, not {kind_name!r}"]
    return Connecting(name=name, connection=connection, kind=kind, metadata=metadata, defaults=usual).read()


def _small(params: Params | None, ask: Ask | None, metadata: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a target that KEDA cannot tell from zero."""
    if params is not None and ask is not None and ask.metric.target < SMALLEST_TARGET:
        said = said_as(params, metadata, ask.metric.target) or f"the target {ask.metric.target:g}"
        yield f"{said} is less than {SMALLEST_TARGET:g}, which KEDA takes for zero"


def _oversize(namespace: str, name: str, metadata: Mapping[str, str]) -> Iterator[str]:
    if max(len(namespace), len(name)) > MAX_NAME:
        yield f"a namespace and a name have at most {MAX_NAME} characters"
    if len(metadata) > MAX_KEYS:
        yield f"the metadata has {len(metadata)} keys, more than {MAX_KEYS}"
    if sum(len(key) + len(value) for key, value in metadata.items()) > MAX_METADATA:
        yield f"the metadata is longer than {MAX_METADATA} characters"


def _wrong_kind(asked: str, kinds: Iterable[str]) -> str:
    allowed = ", ".join(sorted(kinds))
    if not asked:
        return f"'kind' is required: one of {allowed}"
    near = get_close_matches(asked.casefold(), tuple(kinds), n=1, cutoff=0.5)
    hint = f", did you mean '{near[0]}'?" if near else ""
    return f"'kind': {asked[:60]!r} is not one of {allowed}{hint}"


def _trigger(namespace: str, name: str, common: Common, ask: Ask, defaults: Defaults) -> Trigger:
    interval = common.interval if "interval" in common.model_fields_set else defaults.interval
    return Trigger(
        namespace=namespace,
        name=name,
        kind=common.kind,
        ask=ask,
        interval=interval,
        pool=common.pool,
        rules=Rules(
            activation=ask.activation,
            hold_for=common.hold_for,
            zero_confirm=common.zero_confirm,
            confirm_spacing=min(interval, 1.0),
            on_unknown=common.on_unknown,
        ),
    )


def metric_name(*parts: str) -> str:
    """Join ``parts`` as native scalers name their metrics: ``/ . : % ( )`` become ``-`` (keda 2.21, kedautil)."""
    return "-".join(parts).translate(str.maketrans("/.:%()", "------"))
