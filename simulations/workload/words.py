"""How the sections of a workload are spelled: rates and times with their unit, and one key that says which kind."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

from scaler.config.section import SPAN, Section, span

MOST: Final = 500_000_000
"""Arrivals of one function in a run: 4 GB. A typing error should not take the machine with it."""

_PER: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)/(s|min|h|d)", re.ASCII)
_FASTEST: Final = 1e6  # a second


def _rate(value: object) -> float:
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be a rate, such as 5/s, 300/min, 10/h or 2/d")
    a_second = float(found[1]) / _PER[found[2]]
    if a_second > _FASTEST:
        raise ValueError("must be at most 1000000/s")
    return a_second


Rate = Annotated[
    float, BeforeValidator(_rate), WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?/(s|min|h|d)$"})
]
"""A second, spelled with its unit."""

Time = Annotated[float, span("0s", "8784h"), SPAN]
"""Seconds, perhaps none, of a leap year at most."""

Length = Annotated[float, span("1ms", "8784h"), SPAN]
"""Seconds that take some time."""


def chosen(section: Section, *aside: str) -> str:
    """Return the only field, but those ``aside``, that is said; raise ``ValueError`` unless there is exactly one."""
    fields = {name: field for name, field in type(section).model_fields.items() if name not in aside}
    said = [name for name in fields if getattr(section, name) is not None]
    if len(said) != 1:
        known = ", ".join(f"'{field.alias}'" for field in fields.values())
        raise ValueError(f"names exactly one of {known}")
    return said[0]
