"""Policies without warm pods: how many replicas there are, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from zlib import crc32

import numpy as np

from simulations.model import SECOND, Backlog, Function, KnativeRules, World
from simulations.policies import clairvoyant
from simulations.policies.options import Options, read
from simulations.policies.ski_rental import break_even, drawn

BUSY: Final = 300 * SECOND
"""The longest time over which a peak is taken as a mean: five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRules:
    """There is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaRules:
    """So many ``replicas``, or 0: as many as are busy for ``utilization`` of the time in the busiest five minutes."""

    replicas: int = 0
    utilization: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRules:
    """Seconds that a function is kept after its last request."""

    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RentRules:
    """``waiting``: the pod-seconds of idling that a second of waiting is worth (60, a guess).

    ``randomised`` 1 draws each function's cooldown, by its name; 0 takes the break-even.
    """

    waiting: float = 60.0
    randomised: int = 0


def without_pools(world: World, change: Callable[[Function], Function]) -> World:
    """Change every function, and keep nothing warm for it; a ScaledJob has no replicas, and stays as it is."""
    changed = (change(each) if each.job is None else each for each in world.functions)
    return replace(world, functions=tuple(replace(each, pool=None) for each in changed), pools={})


def fixed_replicas(world: World, options: Options) -> World:
    """Keep as many replicas at all times."""
    rules = read(ReplicaRules, options, "fixed-replicas")

    def fixed(function: Function) -> Function:
        count = rules.replicas or _busiest(function, world.end, rules.utilization)
        scaled = replace(function.scaled, min_replicas=count, max_replicas=count, idle_replicas=None)
        hpa = replace(function.hpa, min_replicas=count, max_replicas=count)
        return replace(function, scaled=scaled, hpa=hpa, replicas=count, knative=None)

    return without_pools(world, fixed)


def _busiest(function: Function, end: int, utilization: float) -> int:
    """Return the pods that are busy for so much of the busiest five minutes; at least one."""
    work, span = function.work, min(BUSY, max(1, end))
    if not len(work.arrivals):
        return 1
    busy = np.bincount(work.arrivals // span, weights=work.service).max()
    return max(1, int(np.ceil(busy / (span * function.concurrency * max(utilization, 0.01)))))


def polled(function: Function) -> Function:
    """Let no source wake it before KEDA asks."""
    triggers = tuple(replace(each, watch=None) for each in function.triggers)
    specs = tuple(replace(each, push=False) for each in function.scaled.triggers)
    return replace(function, triggers=triggers, scaled=replace(function.scaled, triggers=specs), knative=None)


def pushed(function: Function) -> Function:
    """Let every source of the function's own requests wake it at once; a series (a ``cron``) stays as it is."""
    own = [isinstance(each.source, Backlog) for each in function.triggers]
    triggers = tuple(
        replace(each, watch=5_000 if each.watch is None else each.watch) if is_own else each
        for each, is_own in zip(function.triggers, own, strict=True)
    )
    specs = tuple(
        replace(each, push=each.push or is_own) for each, is_own in zip(function.scaled.triggers, own, strict=True)
    )
    return replace(function, triggers=triggers, scaled=replace(function.scaled, triggers=specs), knative=None)


def keda_poll(world: World, options: Options) -> World:
    """KEDA asks every ``pollingInterval``, and there are no warm pods."""
    read(NoRules, options, "keda-poll")
    return without_pools(world, polled)


def keda_push(world: World, options: Options) -> World:
    """KEDA is told at once, and there are no warm pods."""
    read(NoRules, options, "keda-push")
    return without_pools(world, pushed)


def _cooled(function: Function, seconds: float) -> Function:
    function = pushed(function)
    return replace(function, scaled=replace(function.scaled, cooldown=seconds))


def keep_alive(world: World, options: Options) -> World:
    """Push, and a function is kept for a while after its last request."""
    rules = read(KeepRules, options, "keep-alive")
    return without_pools(world, lambda function: _cooled(function, rules.seconds))


def ski_rental(world: World, options: Options) -> World:
    """Push, and a function is kept until its idling has cost a cold start."""
    rules = read(RentRules, options, "ski-rental")

    def rented(function: Function) -> Function:
        even = break_even(float(function.starts.total.mean()) / SECOND * rules.waiting, 1.0)
        draw = crc32(function.name.encode()) / 2**32
        return _cooled(function, drawn(even, draw) if rules.randomised else even)

    return without_pools(world, rented)


def knative(world: World, options: Options) -> World:
    """Knative in place of KEDA and the HPA; a pod's target is what it serves at once, unless said."""
    rules = read(KnativeRules, options, "knative")

    def served(function: Function) -> Function:
        target = rules.target if "target" in options else float(function.concurrency)
        return replace(function, knative=replace(rules, target=target))

    return without_pools(world, served)


def foreseen(world: World, options: Options) -> World:
    """KEDA is told of every burst before it comes."""
    read(NoRules, options, "foreseen")
    return without_pools(world, lambda function: clairvoyant.foreseen(pushed(function)))
