"""What changed in a section of the document, in words for the log."""

from collections.abc import Iterator
from typing import Final

from scaler.config.section import Section
from scaler.triggers.values import spelled

_SPANS: Final = frozenset({"maxAge", "interval", "duration"})  # in seconds, and numbers like any other otherwise
_NONE: Final = "none"


def differences(before: Section, after: Section) -> list[str]:
    """Tell every key that differs by its dotted path, such as ``size.fixed 3 -> 5``; nothing for equal sections."""
    old, new = (dict(_flat(each.model_dump(by_alias=True), "")) for each in (before, after))
    said = ((path, old.get(path, _NONE), new.get(path, _NONE)) for path in sorted({*old, *new}))
    return [f"{path} {was} -> {now}" for path, was, now in said if was != now]


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield every key below ``value`` by its dotted path, with what it says."""
    match value:
        case None:
            return
        case dict():
            for key, each in value.items():
                yield from _flat(each, f"{path}.{key}" if path else str(key))
        case list():
            for number, each in enumerate(value):
                yield from _flat(each, f"{path}[{number}]")
        case _:
            yield path, _said(path.rpartition(".")[2], value)


def _said(key: str, value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return spelled(value) if key in _SPANS else f"{value:g}"
        case _:
            return str(value)
