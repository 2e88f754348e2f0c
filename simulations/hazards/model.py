"""What a hazard is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Settings that do something else than their author will have meant.

    ``key`` names it and never changes; ``of`` is the function, or the pool. ``what`` happens and what would be
    ``right`` are sentences; ``numbers`` are those in them, with times in seconds and memory in bytes.
    """

    key: str
    of: str
    what: str
    right: str
    numbers: Mapping[str, float] = field(default_factory=dict)
