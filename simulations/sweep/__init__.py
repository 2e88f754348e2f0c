"""Many runs of one scenario: every combination of some values, each under the same chances."""

from simulations.sweep.grid import Grid, Value, combinations, read_grid
from simulations.sweep.running import How, Point, Sweep, sweep
from simulations.sweep.spreading import Backend, Where, spread

__all__ = ["Backend", "Grid", "How", "Point", "Sweep", "Value", "Where", "combinations", "read_grid", "spread", "sweep"]
