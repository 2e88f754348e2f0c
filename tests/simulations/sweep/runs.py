"""Worlds for sweeps, made in any process."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from time import sleep

import numpy as np

from simulations.model import World
from simulations.policies.overlays import laid
from simulations.sweep import Value, Where, sweep
from tests.simulations.policies.worlds import HOUR, function, world


def cooled(values: Mapping[str, Value], seed: int) -> World:
    """Return an hour of a function with the cooldown of ``values``; 13 is an unlucky one."""
    cooldown = float(values["cooldown"])
    if cooldown == 13.0:
        raise ValueError("thirteen")
    arrivals = np.sort(np.random.default_rng(seed).uniform(0.0, HOUR, 40))
    return laid("keep-alive", world(function(list(arrivals))), {"seconds": cooldown})


def shared(base: World, values: Mapping[str, Value], seed: int) -> World:
    """Return ``base``, and say in its name whether its arrivals are shared memory."""
    only = base.functions[0]
    held = type(only.work.arrivals).__name__
    return replace(base, functions=(replace(only, name=f"{held} {values['x']} {seed}"),))


def slow(values: Mapping[str, Value], seed: int) -> World:
    """Take a minute."""
    os.write(1, b"sleeping\n")
    sleep(60.0)
    return cooled(values, seed)


if __name__ == "__main__":
    sweep(slow, {"cooldown": [float(each) for each in range(8)]}, [1], Where(jobs=int(sys.argv[1])))
