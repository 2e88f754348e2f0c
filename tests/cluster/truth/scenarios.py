"""What the autoscaler lives through: twenty minutes of its time each, in which a sync every 15 s is one every 0.9 s.

The stabilisation of the controller's flag, 300 s, is 20 s here, and policies have periods and windows of a few seconds;
none of them is a whole number of syncs, so that no rule turns on a millisecond.
"""

from dataclasses import dataclass

from simulations.hpa import Behavior, HpaSpec, MetricSpec, Policy, PolicyKind, ScalingRules, Select, TargetKind
from tests.cluster.truth.metrics import Script

SYNCS = 80
PERIOD = 0.9
WINDOW = 20.0
FLAGS = {"sync-period": f"{PERIOD * 1000:.0f}ms", "downscale-stabilization": f"{WINDOW:.0f}s"}

TEN = MetricSpec(target=10_000)
TEN_IN_ALL = MetricSpec(target=10_000, kind=TargetKind.VALUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One HPA, what its metrics tell from each second on, and who else writes its replicas, when.

    ``cold_start``: seconds until a pod is ready. ``values`` has a script for each metric, in whole units.
    """

    name: str
    spec: HpaSpec
    values: tuple[tuple[tuple[float, int | tuple[int, ...] | None], ...], ...]
    writes: tuple[tuple[float, int], ...] = ()
    replicas: int = 1
    cold_start: float = 0.0

    def script(self, number: int) -> Script:
        """Return what a metric tells, in milli units."""
        return [(at, None if value is None else _milli(value)) for at, value in self.values[number]]


def _milli(value: int | tuple[int, ...]) -> tuple[int, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(1_000 * each for each in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """Shorthand for one direction of a behavior."""

    pods: tuple[int, float] | None = None
    percent: tuple[int, float] | None = None
    window: float | None = 0.0
    select: Select = Select.MAX
    tolerance: float | None = None

    def rules(self) -> ScalingRules:
        kinds = ((PolicyKind.PODS, self.pods), (PolicyKind.PERCENT, self.percent))
        policies = tuple(Policy(kind=kind, value=told[0], period=told[1]) for kind, told in kinds if told)
        return ScalingRules(policies=policies, window=self.window, select=self.select, tolerance=self.tolerance)


def _hpa(*metrics: MetricSpec, least: int = 1, most: int = 40, behavior: Behavior | None = None) -> HpaSpec:
    return HpaSpec(
        metrics=metrics or (TEN,),
        min_replicas=least,
        max_replicas=most,
        behavior=behavior,
        downscale_window=WINDOW,
    )


def _both(up: _Rules, down: _Rules) -> Behavior:
    return Behavior(up=up.rules(), down=down.rules())


FAST = _Rules(percent=(100, 1.0), pods=(4, 1.0))
AT_ONCE = _Rules(percent=(100, 1.0))


def _asleep_and_awake(name: str, behavior: Behavior | None) -> Scenario:
    """Somebody does what KEDA does: to zero, and back as soon as there is a little to do."""
    values = ((0.0, 300), (21.0, 10), (45.0, 200), (56.0, 10))
    writes = ((21.0, 0), (27.0, 1), (50.0, 0), (57.0, 1))
    return Scenario(name=name, spec=_hpa(behavior=behavior), values=(values,), writes=writes)


SCENARIOS = (
    Scenario(
        name="bursts",
        spec=_hpa(most=60),
        values=(((0.0, 10), (5.0, 900), (12.0, 50), (40.0, 0), (52.0, 300), (60.0, 20)),),
    ),
    Scenario(
        name="edge-of-tolerance",
        spec=_hpa(),
        replicas=10,
        values=(((0.0, 100), (4.0, 110), (10.0, 111), (17.0, 108), (24.0, 107), (55.0, 121), (62.0, 122)),),
    ),
    Scenario(
        name="failing-metric",
        spec=_hpa(TEN, TEN),
        values=(
            ((0.0, 20), (8.0, None), (14.0, 20), (40.0, 120), (50.0, 10)),
            ((0.0, 50), (20.0, None), (26.0, 5), (38.0, None), (56.0, 5), (70.0, 80)),
        ),
    ),
    Scenario(
        name="behavior-of-defaults",
        spec=_hpa(behavior=Behavior()),
        values=(((0.0, 10), (4.0, 400), (24.0, 100), (55.0, 250)),),
    ),
    Scenario(
        name="policies-with-periods",
        spec=_hpa(behavior=_both(_Rules(pods=(2, 3.0), percent=(50, 5.0)), _Rules(pods=(1, 2.0), percent=(10, 4.0)))),
        values=(((0.0, 10), (3.0, 350), (30.0, 80), (60.0, 300)),),
    ),
    Scenario(
        name="least-up-and-never-down",
        spec=_hpa(
            behavior=_both(
                _Rules(pods=(3, 2.0), percent=(100, 4.0), select=Select.MIN),
                _Rules(percent=(100, 1.0), select=Select.DISABLED),
            )
        ),
        values=(((0.0, 10), (3.0, 150), (30.0, 50), (45.0, 400)),),
        writes=((60.0, 3),),
    ),
    _asleep_and_awake("asleep-and-awake", None),
    _asleep_and_awake("behavior-asleep-and-awake", _both(FAST, AT_ONCE)),
    Scenario(
        name="out-of-bounds",
        spec=_hpa(least=2, most=8, behavior=_both(FAST, _Rules(pods=(3, 6.0)))),
        values=(((0.0, 50), (30.0, 500), (45.0, 0)),),
        writes=((10.0, 20), (20.0, 1), (52.0, 30), (65.0, 1)),
    ),
    Scenario(
        name="windows-and-flapping",
        spec=_hpa(
            behavior=_both(_Rules(percent=(100, 1.0), pods=(4, 1.0), window=4.0), _Rules(percent=(50, 2.0), window=8.0))
        ),
        values=(
            (*((3.0 * number, (30, 200)[number % 2]) for number in range(10)), (30.0, 200), (45.0, 30), (60.0, 90)),
        ),
    ),
    Scenario(
        name="value-and-cold-starts",
        spec=_hpa(TEN_IN_ALL, most=12),
        cold_start=3.0,
        values=(((0.0, 10), (4.0, 20), (14.0, 10), (20.0, 5), (46.0, 11), (52.0, 15)),),
    ),
    Scenario(
        name="value-beside-average",
        spec=_hpa(TEN, TEN_IN_ALL),
        values=(
            ((0.0, (4, 6)), (10.0, (30, 30, 0)), (35.0, (5, 5)), (66.0, 100)),
            ((0.0, 10), (25.0, 15), (29.0, 10), (45.0, (1, 2))),
        ),
    ),
    Scenario(
        name="tolerances-of-its-own",
        spec=_hpa(
            behavior=_both(
                _Rules(percent=(100, 1.0), tolerance=0.5), _Rules(percent=(100, 1.0), window=3.0, tolerance=0.0)
            )
        ),
        replicas=10,
        values=(
            ((0.0, 100), (4.0, 149), (12.0, 150), (18.0, 151), (26.0, 142), (36.0, 150), (50.0, 120), (60.0, 300)),
        ),
    ),
)
