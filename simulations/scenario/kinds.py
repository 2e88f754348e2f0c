"""The installed kinds of triggers, each loaded when a trigger is of it: brokers' libraries take half a second."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from scaler.errors import ConfigError
from scaler.probes.registry import GROUP, AnyProbe


class _Installed(Mapping[str, AnyProbe]):
    """Kinds by name; one that cannot be loaded is a :class:`ConfigError` for who asks for it."""

    def __init__(self, points: Mapping[str, EntryPoint]) -> None:
        self._points = points
        self._loaded: dict[str, AnyProbe] = {}

    def __getitem__(self, name: str) -> AnyProbe:
        if name not in self._loaded:
            point = self._points[name]
            try:
                self._loaded[name] = point.load()()
            except (Exception, SystemExit) as error:
                raise ConfigError([f"kind '{name}' cannot be loaded: {point.value}: {error}"]) from error
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __contains__(self, name: object) -> bool:
        return name in self._points


@lru_cache(maxsize=1)
def kinds() -> Mapping[str, AnyProbe]:
    """Return them by name."""
    return _Installed({point.name: point for point in entry_points(group=GROUP)})
