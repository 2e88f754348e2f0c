"""Recorded work: traces in public formats and tables of one's own, read as arrivals and service times of functions."""

from simulations.traces.formats import FORMATS, Format, read_trace
from simulations.traces.model import BadRow, Meaning, Options, Placement, Recorded, Tokens, Trace, Unit

__all__ = [
    "FORMATS",
    "BadRow",
    "Format",
    "Meaning",
    "Options",
    "Placement",
    "Recorded",
    "Tokens",
    "Trace",
    "Unit",
    "read_trace",
]
