"""What the service may be told: defaults, limits and egress rules. Every key has a default, so none is needed."""

from dataclasses import dataclass, field
from typing import Final

from scaler.net.egress import Egress
from scaler.triggers.metadata import Defaults

FORGET_AFTER: Final = 600.0  # s


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
