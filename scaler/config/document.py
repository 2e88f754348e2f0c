"""What the service may be told. Every key has a default, so that no configuration is needed.

The sections below are the document as users write it (their descriptions become the JSON Schema); :class:`Config` is
what it means to the service.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from scaler.net.egress import MAX_PORT, Egress, Network, Rule
from scaler.triggers.metadata import Defaults
from scaler.triggers.values import duration

VERSION: Final = 1
FORGET_AFTER: Final = 600.0  # s
LATER: Final = ("connections", "pools")
"""Sections that a later release will read; until then, saying them must not look as if it had an effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds: ``triggers`` kept at once, and seconds after which one that nobody asks for is forgotten."""

    triggers: int = 20_000
    forget_after: float = FORGET_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One valid configuration."""

    defaults: Defaults = field(default_factory=Defaults)
    limits: Limits = field(default_factory=Limits)
    egress: Egress = field(default_factory=Egress)


def _span(lowest: str, highest: str) -> BeforeValidator:
    """Read a duration with its unit, between two of them; a bare number could be meant in any unit."""

    def read(value: object) -> float:
        if not isinstance(value, str) or value[-1:].isdigit():
            raise ValueError("needs a unit, such as 500ms, 30s or 10m")
        seconds = duration(value)
        if not duration(lowest) <= seconds <= duration(highest):
            raise ValueError(f"must be {lowest} to {highest}")
        return seconds

    return BeforeValidator(read)


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
_SPAN: Final = WithJsonSchema(
    {"type": "string", "format": "go-duration", "pattern": r"^([0-9]+(\.[0-9]*)?(ns|us|ms|s|m|h))+$"}
)


class Section(BaseModel):
    """A part of the document: camelCase keys, exact types, and nothing unknown."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)


class DefaultsSection(Section):
    """What holds for every trigger that does not say otherwise."""

    interval: Annotated[
        float,
        _span("100ms", "10m"),
        _SPAN,
        Field(
            description="Longest time between two readings of a source, 100ms to 10m.",
            json_schema_extra={"default": "2s"},
        ),
    ] = Defaults().interval
    kinds: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Parameters by kind, as a trigger's metadata would say them: `kafka: {lagThreshold: 100}`."),
    ] = {}


class LimitsSection(Section):
    """Bounds that keep one user from taking everything."""

    triggers: Annotated[
        int,
        Field(ge=1, le=1_000_000, description="Triggers kept at once; one more is refused."),
    ] = Limits().triggers
    forget_after: Annotated[
        float,
        _span("10s", "24h"),
        _SPAN,
        Field(
            description="A trigger that KEDA has not asked for this long is forgotten, 10s to 24h.",
            json_schema_extra={"default": "10m"},
        ),
    ] = FORGET_AFTER


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
        Field(description="Whether a trigger's metadata may name the address of its source."),
    ] = True
    loopback: Annotated[bool, Field(description="Whether sources may be on the machine that we run on.")] = False
    allow: Annotated[
        list[RuleSection],
        Field(
            description="With any rule here, only what one of them matches is allowed. Link-local, metadata, multicast "
            "and loopback addresses need a rule by `cidr`."
        ),
    ] = []
    deny: Annotated[list[RuleSection], Field(description="What a rule here matches is never allowed.")] = []


class Document(Section):
    """The configuration of Warmscaler."""

    version: Annotated[Literal[1], Field(description="The version of this format: 1.")]
    defaults: DefaultsSection = Field(default_factory=DefaultsSection)
    limits: LimitsSection = Field(default_factory=LimitsSection)
    egress: EgressSection = Field(default_factory=EgressSection)

    def config(self, kinds: Mapping[str, Mapping[str, str]]) -> Config:
        """Say what the document means; ``kinds`` are the texts of ``defaults.kinds``, as they were written."""
        return Config(
            defaults=Defaults(interval=self.defaults.interval, kinds=kinds),
            limits=Limits(triggers=self.limits.triggers, forget_after=self.limits.forget_after),
            egress=Egress(
                inline=self.egress.allow_inline,
                loopback=self.egress.loopback,
                allow=_rules(self.egress.allow),
                deny=_rules(self.egress.deny),
            ),
        )


def _rules(sections: list[RuleSection]) -> tuple[Rule, ...]:
    return tuple(Rule(host=each.host, network=each.cidr, port=each.port) for each in sections)
