"""The HorizontalPodAutoscaler v2 for External metrics, to the digit: one sync in, one outcome out.

It knows no clock and acts on nothing; a live emulator and an offline simulator call the same ``reconcile``. The rules
are those of the controller in Kubernetes 1.28 to 1.36 (pkg/controller/podautoscaler), with ``Edge`` for the one that
changed in between. The golden table, tests/simulations/hpa_cases.json, was recorded from that controller, and
``warmscaler simulate hpa FILE`` compares any other recording.

The controller's roundings are part of its behaviour: 100 pods plus 10 % are 111, for 100 * 1.1 is 110.00000000000001.

Left out, because no metric of KEDA's meets it: a negative sum stays what it is (the newest controllers take one for an
overflow), and results beyond int32 stay at its end (older controllers wrap, each processor in its own way).
"""

from simulations.hpa.model import (
    SCALE_DOWN,
    SCALE_UP,
    AbleToScale,
    Behavior,
    Edge,
    HpaSpec,
    HpaState,
    Limit,
    MetricSpec,
    Outcome,
    Policy,
    PolicyKind,
    Recommendation,
    ScaleEvent,
    ScalingRules,
    Seen,
    Select,
    Series,
    TargetKind,
    Why,
)
from simulations.hpa.proposal import propose
from simulations.hpa.sync import SYNC_PERIOD, reconcile

__all__ = [
    "SCALE_DOWN",
    "SCALE_UP",
    "SYNC_PERIOD",
    "AbleToScale",
    "Behavior",
    "Edge",
    "HpaSpec",
    "HpaState",
    "Limit",
    "MetricSpec",
    "Outcome",
    "Policy",
    "PolicyKind",
    "Recommendation",
    "ScaleEvent",
    "ScalingRules",
    "Seen",
    "Select",
    "Series",
    "TargetKind",
    "Why",
    "propose",
    "reconcile",
]
