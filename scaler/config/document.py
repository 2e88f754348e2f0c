"""What the service may be told. Every key has a default, so that no configuration is needed.

The sections below are the document as users write it (their descriptions become the JSON Schema); :class:`Config` is
what it means to the service.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from scaler.config.pools import PoolSection
from scaler.config.section import POOL_NAME, SPAN, FileName, Glob, Name, PoolName, Section, span
from scaler.net.egress import MAX_PORT, Egress, Network, Rule
from scaler.triggers.metadata import Defaults

VERSION: Final = 1
FORGET_AFTER: Final = 600.0  # s

Texts = Mapping[str, Mapping[str, str]]
"""Parameters as metadata would say them: texts by kind, or by connection, and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds: ``triggers`` kept at once, and seconds after which one that nobody asks for is forgotten."""

    triggers: int = 20_000
    forget_after: float = FORGET_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where credentials are: the ``name`` of a Secret or a folder, and in ``keys`` its key or file by parameter."""

    name: str
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A connection as it was written, before its credentials are known."""

    kind: str
    namespaces: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    secret: Reference | None = None
    folder: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One valid configuration."""

    defaults: Defaults = field(default_factory=Defaults)
    limits: Limits = field(default_factory=Limits)
    connections: Mapping[str, Source] = field(default_factory=dict)
    egress: Egress = field(default_factory=Egress)
    pools: Mapping[str, PoolSection] = field(default_factory=dict)


def _read_network(value: object) -> Network | None:
    if not isinstance(value, str):
        raise ValueError("is not a network such as 10.0.0.0/8")  # noqa: TRY004 - pydantic listens for this one
    try:
        return ip_network(value)
    except ValueError as error:
        try:
            hint = f", did you mean {ip_network(value, strict=False)}?"
        except ValueError:
            hint = ""
        raise ValueError(f"is not a network such as 10.0.0.0/8{hint}") from error


def _check_glob(value: object) -> object:
    """Refuse what could never match, or what would match less than its author believes."""
    if isinstance(value, str):
        if not value or set(value) & set(":/@ \t\n"):
            raise ValueError("must be a host name or a glob of one, without scheme and port")
        if set(value) <= set("0123456789.*?") - {""} and set(value) & set("0123456789"):
            raise ValueError("is an address, and a name could resolve to it: say it as 'cidr'")
    return value


_TEXT: Final = WithJsonSchema({"type": "string"})


class DefaultsSection(Section):
    """What holds for every trigger that does not say otherwise."""

    interval: Annotated[
        float,
        span("100ms", "10m"),
        SPAN,
        Field(
            description="Longest time between two readings of a source, 100ms to 10m.",
            json_schema_extra={"default": "2s"},
        ),
    ] = Defaults().interval
    kinds: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Parameters by kind, as a trigger's metadata would say them: `kafka: {lagThreshold: 100}`."),
    ] = Field(default_factory=dict)


class LimitsSection(Section):
    """Bounds that keep one user from taking everything."""

    triggers: Annotated[
        int,
        Field(ge=1, le=1_000_000, description="Triggers kept at once; one more is refused."),
    ] = Limits().triggers
    forget_after: Annotated[
        float,
        span("10s", "24h"),
        SPAN,
        Field(
            description="A trigger that KEDA has not asked for this long is forgotten, 10s to 24h.",
            json_schema_extra={"default": "10m"},
        ),
    ] = FORGET_AFTER


class ReferenceSection(Section):
    """Where credentials are."""

    name: Annotated[Name, Field(description="The name of the Secret, or of the folder.")]
    keys: Annotated[
        dict[str, FileName],
        Field(min_length=1, description="Its key, or its file, by parameter: `password: redis-password`."),
    ]


class ConnectionSection(Section):
    """A source that triggers of the kind may name instead of an address, TLS and credentials."""

    kind: Annotated[str, Field(description="The kind of the triggers that may use it.")]
    namespaces: Annotated[
        list[Glob],
        Field(min_length=1, description="Globs of the namespaces whose triggers may use it: `[shop, team-*]`."),
    ]
    parameters: Annotated[
        dict[str, Any],
        Field(description="What is not secret, by the kind's own parameter names. A trigger may say none of it."),
    ] = Field(default_factory=dict)
    secret_ref: Annotated[
        ReferenceSection | None,
        Field(description="A Secret in the namespace of Warmscaler, or of the ConfigMap that it follows."),
    ] = None
    folder: Annotated[
        ReferenceSection | None,
        Field(description="A folder below the one of `serve --secrets`, such as a mounted Secret."),
    ] = None


class RuleSection(Section):
    """One rule: a `host` glob or a `cidr`, and a `port` or any."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["host"]}, {"required": ["cidr"]}]})

    host: Annotated[
        str | None,
        BeforeValidator(_check_glob),
        _TEXT,
        Field(description="A glob that the host name, as the trigger says it, must match: `*.kafka.svc`."),
    ] = None
    cidr: Annotated[
        Network | None,
        BeforeValidator(_read_network),
        _TEXT,
        Field(description="A network that the host's address must be in: `10.0.0.0/8`, `fd00::/8`."),
    ] = None
    port: Annotated[int | None, Field(ge=1, le=MAX_PORT, description="The port, 1 to 65535. Without it, any port.")] = (
        None
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "RuleSection":
        if (self.host is None) == (self.cidr is None):
            raise ValueError("a rule names either 'host' or 'cidr'")
        return self


class EgressSection(Section):
    """Where sources may be: whoever may write a ScaledObject could otherwise have us connect to anything."""

    allow_inline: Annotated[
        bool,
        Field(description="Whether a trigger's metadata may name the address of its source, or only a connection."),
    ] = True
    loopback: Annotated[bool, Field(description="Whether sources may be on the machine that we run on.")] = False
    allow: Annotated[
        list[RuleSection],
        Field(
            description="With any rule here, only what one of them matches is allowed. Link-local, metadata, multicast "
            "and loopback addresses need a rule by `cidr`."
        ),
    ] = Field(default_factory=list)
    deny: Annotated[list[RuleSection], Field(description="What a rule here matches is never allowed.")] = Field(
        default_factory=list
    )


class Document(Section):
    """The configuration of Warmscaler."""

    version: Annotated[Literal[1], Field(description="The version of this format: 1.")]
    defaults: DefaultsSection = Field(default_factory=DefaultsSection)
    limits: LimitsSection = Field(default_factory=LimitsSection)
    connections: Annotated[
        dict[Name, ConnectionSection],
        Field(description="Sources by the name that triggers say: `connection: NAME`."),
    ] = Field(default_factory=dict)
    egress: EgressSection = Field(default_factory=EgressSection)
    pools: Annotated[
        dict[PoolName, PoolSection],
        Field(
            description="Warm pods of functions, by the name of their pool, 1 to 63 of `a-z0-9.-`.",
            json_schema_extra={"propertyNames": {"pattern": f"^{POOL_NAME}$"}},
        ),
    ] = Field(default_factory=dict)

    def config(self, kinds: Texts, connections: Texts) -> Config:
        """Say what the document means; parameters by kind and by connection are texts, as they were written."""
        return Config(
            defaults=Defaults(interval=self.defaults.interval, kinds=kinds),
            limits=Limits(triggers=self.limits.triggers, forget_after=self.limits.forget_after),
            egress=Egress(
                inline=self.egress.allow_inline,
                loopback=self.egress.loopback,
                allow=_rules(self.egress.allow),
                deny=_rules(self.egress.deny),
            ),
            connections={name: _source(each, connections[name]) for name, each in self.connections.items()},
            pools=self.pools,
        )


def _source(section: ConnectionSection, parameters: Mapping[str, str]) -> Source:
    return Source(
        kind=section.kind,
        namespaces=tuple(section.namespaces),
        parameters=parameters,
        secret=_reference(section.secret_ref),
        folder=_reference(section.folder),
    )


def _reference(section: ReferenceSection | None) -> Reference | None:
    return Reference(name=section.name, keys=section.keys) if section is not None else None


def _rules(sections: list[RuleSection]) -> tuple[Rule, ...]:
    return tuple(Rule(host=each.host, network=each.cidr, port=each.port) for each in sections)
