"""What the compiled functions work on: lists for the twin, arrays for numba."""

from collections.abc import Iterable, MutableSequence
from typing import cast

import numpy as np

Ints = MutableSequence[int]
"""A list, or a one-dimensional array of int64."""
Heap = list[int]
"""A list for ``heapq``; compiled, an array for ``simulations.fast.heap``."""
Floats = MutableSequence[float]
"""A list, or a one-dimensional array of float64."""


def ints(values: Iterable[int], *, compiled: bool) -> Ints:
    """Return whole numbers as the twin or the compiled functions want them; those do not get a copy of an array."""
    if isinstance(values, np.ndarray):
        return cast("Ints", np.ascontiguousarray(values, dtype=np.int64)) if compiled else values.tolist()
    return cast("Ints", np.array(list(values), dtype=np.int64)) if compiled else [int(value) for value in values]


def floats(values: Iterable[float], *, compiled: bool) -> Floats:
    """Return numbers as the twin or the compiled functions want them."""
    numbers = [float(value) for value in values]
    return cast("Floats", np.array(numbers)) if compiled else numbers


def room(size: int, *, compiled: bool) -> Ints:
    """Return ``size`` whole numbers that are to be written before they are read.

    An array costs memory only for what is written.
    """
    return cast("Ints", np.empty(size, dtype=np.int64)) if compiled else [0] * size
