"""From the records of a run to the flat arrays of the fast engine."""

import numpy as np

from simulations.fast import hpa as places
from simulations.fast.arrays import Floats, Ints, floats, ints
from simulations.hpa import Behavior, Edge, HpaSpec, PolicyKind, ScalingRules, Select, TargetKind
from simulations.hpa.model import nanoseconds
from simulations.model import Ints as Instants

SELECTS = tuple(Select)
POLICY_KINDS = tuple(PolicyKind)


def hpa_of(spec: HpaSpec, syncs: Instants, *, compiled: bool) -> tuple[Ints, Floats]:
    """Return the HPA of ``spec`` and its tolerances; there is room for what it has to remember of ``syncs``.

    Those are microseconds, ascending.
    """
    behavior = spec.behavior or Behavior()
    up, down = _windows(spec, behavior)
    head = [0] * places.HEAD
    head[places.LEAST], head[places.MOST] = spec.min_replicas, spec.max_replicas
    head[places.PLAIN], head[places.ABSOLUTE] = int(spec.behavior is None), int(spec.edge is Edge.ABS)
    head[places.WINDOW_UP], head[places.WINDOW_DOWN] = up, down
    head[places.SELECT_UP] = SELECTS.index(behavior.up.select)
    head[places.SELECT_DOWN] = SELECTS.index(behavior.down.select)
    head[places.LONGEST_UP], head[places.LONGEST_DOWN] = _longest(behavior.up), _longest(behavior.down)
    head[places.METRICS] = len(spec.metrics)
    head[places.UP_POLICIES] = len(behavior.up.policies)
    head[places.POLICIES] = len(behavior.up.policies) + len(behavior.down.policies)
    tables = _tables(spec, behavior)
    windows = (max(up, down), _longest(behavior.up), _longest(behavior.down))
    logs = [[0] * (2 * _most_within(syncs, window)) for window in windows]
    froms = np.cumsum([places.HEAD, *map(len, [*tables, *logs])])[:-1]
    head[places.METRICS_FROM : places.DOWNS_FROM + 1] = froms.tolist()
    flat = sum([*tables, *logs], head)
    return ints(flat, compiled=compiled), floats(_tolerances(spec), compiled=compiled)


def _tables(spec: HpaSpec, behavior: Behavior) -> list[list[int]]:
    """Return the metrics, and the policies."""
    metrics = [
        number for metric in spec.metrics for number in (metric.kind is TargetKind.AVERAGE_VALUE, metric.target, 0)
    ]
    policies = [
        number
        for policy in (*behavior.up.policies, *behavior.down.policies)
        for number in (POLICY_KINDS.index(policy.kind), policy.value, nanoseconds(policy.period))
    ]
    return [metrics, policies]


def _windows(spec: HpaSpec, behavior: Behavior) -> tuple[int, int]:
    """Return the stabilisation upwards and downwards, in nanoseconds."""
    down = behavior.down.window
    return nanoseconds(behavior.up.window or 0.0), nanoseconds(spec.downscale_window if down is None else down)


def _longest(rules: ScalingRules) -> int:
    return nanoseconds(max((policy.period for policy in rules.policies), default=0.0))


def _tolerances(spec: HpaSpec) -> tuple[float, float]:
    """Return the tolerance upwards and downwards; ``behavior`` has its own since the range rule."""
    up, down = spec.tolerance_up, spec.tolerance_down
    if spec.behavior is not None and spec.edge is Edge.RANGE:
        up = up if spec.behavior.up.tolerance is None else spec.behavior.up.tolerance
        down = down if spec.behavior.down.tolerance is None else spec.behavior.down.tolerance
    return up, down


def _most_within(syncs: Instants, window: int) -> int:
    """Return how many entries a log may come to have: those of a window (nanoseconds), and those at its ends.

    A log grows only while none of its entries is older than the window.
    """
    if len(syncs) == 0:
        return 2
    firsts = np.searchsorted(syncs, syncs - window // 1000 - 1)
    return int(np.max(np.arange(len(syncs)) - firsts)) + 3
