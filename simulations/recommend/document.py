"""Pools as a person writes them into the ConfigMap, and what changes there, as a unified diff."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any, Final

import yaml

from scaler.config.pools import PoolSection
from scaler.config.section import Section
from scaler.triggers.values import spelled

_SPANS: Final = frozenset({"max_age", "interval", "duration"})  # seconds, and written with their unit
CONTEXT: Final = 1_000
"""Lines around a change: all of them, for a pool is short."""


def said(section: Section) -> dict[str, Any]:
    """Return what a section says, key by key as it is written; what it leaves to its default it does not say."""
    return dict(_said(section))


def _said(section: Section) -> Iterator[tuple[str, Any]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if name in section.model_fields_set and value is not None:
            yield field.alias or name, _span(value) if name in _SPANS else _written(value)


def _span(seconds: float) -> str:
    """Return ``10h`` for 36000: the largest unit of which there are so many whole ones."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds * 1e3:g}ms" if seconds < 1.0 else spelled(seconds)


def _written(value: object) -> Any:  # noqa: ANN401 - whatever YAML has
    match value:
        case Section():
            return said(value)
        case list():
            return [_written(each) for each in value]
        case _:
            return value


def written(pools: Mapping[str, PoolSection]) -> str:
    """Return the section ``pools`` of ``config.yaml``."""
    sections = {name: said(section) for name, section in pools.items()}
    return yaml.safe_dump({"pools": sections}, sort_keys=False, width=CONTEXT)


def difference(today: Mapping[str, PoolSection], recommended: Mapping[str, PoolSection]) -> str:
    """Return the change as a unified diff, empty where there is none."""
    before, after = (written(each).splitlines(keepends=True) if each else [] for each in (today, recommended))
    return "".join(unified_diff(before, after, "config.yaml (today)", "config.yaml (recommended)", n=CONTEXT))
