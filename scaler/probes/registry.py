"""Finding probes by the names that installed packages give them.

The group's name carries the version of the contract, so a plugin for another version is not loaded rather than failing
later. A plugin that cannot be imported is a problem of that plugin: it is reported, and the others serve.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final

from scaler.probes.base import Probe

GROUP: Final = "warmscaler.probes.v1"

AnyProbe = Probe[Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The installed kinds by name, and why each of the ``broken`` ones could not be loaded."""

    kinds: Mapping[str, AnyProbe]
    broken: Mapping[str, str] = field(default_factory=dict)


def installed() -> Catalogue:
    """Load every probe of the group."""
    kinds: dict[str, AnyProbe] = {}
    broken: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            kinds[point.name] = point.load()()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a foreign plugin may fail in any way
            broken[point.name] = f"{point.value}: {type(error).__name__}: {error}"
    return Catalogue(kinds=kinds, broken=broken)
