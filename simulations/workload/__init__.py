"""Synthetic work: when requests arrive and how long things take, as a scenario says it, drawn from a seed."""

from simulations.workload.arrivals import ArrivalsSection, draw_arrivals
from simulations.workload.chance import streams
from simulations.workload.durations import DurationSection, draw

__all__ = ["ArrivalsSection", "DurationSection", "draw", "draw_arrivals", "streams"]
