import pytest

from simulations.hpa import HpaSpec, HpaState, MetricSpec, Seen, TargetKind, reconcile
from simulations.keda import Fallback, FallbackBehavior, fallback_value

AVERAGE = MetricSpec(target=2_222)
VALUE = MetricSpec(target=10_000, kind=TargetKind.VALUE)


@pytest.mark.parametrize(
    ("behavior", "replicas", "wanted"),
    [
        pytest.param(FallbackBehavior.STATIC, 9, 6, id="static"),
        pytest.param(FallbackBehavior.CURRENT, 9, 9, id="what is there"),
        pytest.param(FallbackBehavior.CURRENT_IF_HIGHER, 9, 9, id="what is there, being more"),
        pytest.param(FallbackBehavior.CURRENT_IF_HIGHER, 2, 6, id="the fallback, being more"),
        pytest.param(FallbackBehavior.CURRENT_IF_LOWER, 9, 6, id="the fallback, being less"),
        pytest.param(FallbackBehavior.CURRENT_IF_LOWER, 2, 2, id="what is there, being less"),
    ],
)
def test_the_hpa_wants_the_fallback(behavior: FallbackBehavior, replicas: int, wanted: int) -> None:
    fallback = Fallback(replicas=6, failure_threshold=3, behavior=behavior)
    value = fallback_value(fallback, AVERAGE, replicas, replicas)
    assert value is not None
    seen = Seen(replicas=replicas, pods=replicas, ready=replicas, series=((value,),))
    spec = HpaSpec(metrics=(AVERAGE,), max_replicas=100, downscale_window=0.0)
    assert reconcile(spec, HpaState(recommendations=()), seen, 0.0)[1].proposal == wanted


@pytest.mark.parametrize(
    ("ready", "value"),
    [
        pytest.param(4, 15_000, id="the ready pods are what it is multiplied by later"),
        pytest.param(7, 8_571, id="the rest is cut off"),
        pytest.param(0, None, id="no ready pod, no value"),
    ],
)
def test_a_value_is_divided_by_the_ready_pods(ready: int, value: int | None) -> None:
    assert fallback_value(Fallback(replicas=6, failure_threshold=3), VALUE, 7, ready) == value
