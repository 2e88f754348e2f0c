"""KEDA around the HPA, as pure functions of what happened and when.

``step`` is KEDA's loop over one ScaledObject as a state machine: a live emulator puts RPCs around it, an offline
simulator an event queue. Inside it, ``request_scale`` is the executor that wakes and puts to sleep, ``quantity`` the
arithmetic of metric values, ``fallback_value`` what a failing metric is replaced by, and ``hpa_spec`` the HPA that does
the rest. Facts: KEDA 2.21 unless a line says otherwise.
"""

from simulations.keda.executor import hpa_spec, request_scale
from simulations.keda.fallback import fallback_value
from simulations.keda.loop import LoopState, TriggerState, cached, due, start, step
from simulations.keda.model import (
    Action,
    Answer,
    Asked,
    Check,
    Checked,
    Event,
    Failed,
    Fallback,
    FallbackBehavior,
    Keep,
    OpenStream,
    Pushed,
    Queried,
    Ready,
    Scale,
    ScaledObject,
    Serve,
    Status,
    StreamEnded,
    Tick,
    Told,
    TriggerSpec,
    Verdict,
    Why,
)
from simulations.keda.numbers import milli, quantity

__all__ = [
    "Action",
    "Answer",
    "Asked",
    "Check",
    "Checked",
    "Event",
    "Failed",
    "Fallback",
    "FallbackBehavior",
    "Keep",
    "LoopState",
    "OpenStream",
    "Pushed",
    "Queried",
    "Ready",
    "Scale",
    "ScaledObject",
    "Serve",
    "Status",
    "StreamEnded",
    "Tick",
    "Told",
    "TriggerSpec",
    "TriggerState",
    "Verdict",
    "Why",
    "cached",
    "due",
    "fallback_value",
    "hpa_spec",
    "milli",
    "quantity",
    "request_scale",
    "start",
    "step",
]
