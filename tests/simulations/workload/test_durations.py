"""How long things take, by chance: the moments and quantiles that a section names."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulations.model import SECOND
from simulations.workload import DurationSection, draw, streams

MANY = 200_000
LOGNORMAL = {"lognormal": {"median": "1s", "p95": "3s"}}


def drawn(section: object, n: int = MANY, seed: int = 1) -> Any:
    return draw(DurationSection.model_validate(section), n, streams(seed, "service"))


@pytest.mark.parametrize(
    ("section", "statistic", "seconds"),
    [
        pytest.param("250ms", np.max, 0.25, id="a bare time"),
        pytest.param({"constant": "1m30s"}, np.min, 90.0, id="a constant"),
        pytest.param({"exponential": {"mean": "2s"}}, np.mean, 2.0, id="exponential: mean"),
        pytest.param({"exponential": {"mean": "2s"}}, np.std, 2.0, id="exponential: standard deviation"),
        pytest.param(LOGNORMAL, np.median, 1.0, id="lognormal: median"),
        pytest.param(LOGNORMAL, lambda x: np.quantile(x, 0.95), 3.0, id="lognormal: p95 of a median"),
        pytest.param({"lognormal": {"mean": "1s", "p95": "3s"}}, np.mean, 1.0, id="lognormal: mean"),
        pytest.param(
            {"lognormal": {"mean": "1s", "p95": "3s"}},
            lambda x: np.quantile(x, 0.95),
            3.0,
            id="lognormal: p95 of a mean",
        ),
        pytest.param(
            {"lognormal": {"mean": "1s", "sigma": 0.5}}, lambda x: np.std(np.log(x)), 0.5, id="lognormal: sigma"
        ),
        pytest.param({"gamma": {"mean": "3s", "shape": 4}}, np.mean, 3.0, id="gamma: mean"),
        pytest.param({"gamma": {"mean": "3s", "shape": 4}}, np.std, 1.5, id="gamma: standard deviation"),
        pytest.param({"uniform": {"from": "1s", "to": "4s"}}, np.mean, 2.5, id="uniform: mean"),
        pytest.param({"uniform": {"from": "1s", "to": "4s"}}, np.min, 1.0, id="uniform: least"),
        pytest.param({"empirical": {"values": ["1s", "2s", "6s"]}}, np.mean, 3.0, id="measured values"),
        pytest.param(
            {"empirical": {"quantiles": {"p0": "1s", "p99.9": "5s", "p50": "2s", "p100": "9s"}}},
            lambda x: np.quantile(x, 0.75),
            3.503,
            id="measured quantiles, in any order",
        ),
        pytest.param(
            {"empirical": {"quantiles": {"p50": "2s", "p99": "5s"}}}, np.max, 5.0, id="no longer than the last quantile"
        ),
    ],
)
def test_the_statistics_are_those_named(section: object, statistic: Any, seconds: float) -> None:
    assert statistic(drawn(section) / SECOND) == pytest.approx(seconds, rel=0.02)


@given(seed=st.integers(0, 2**63), n=st.integers(0, 50), sigma=st.floats(0, 5))
def test_no_time_is_negative_and_a_seed_says_it_all(seed: int, n: int, sigma: float) -> None:
    section = {"lognormal": {"mean": "8784h", "sigma": sigma}}
    times = drawn(section, n, seed)
    assert len(times) == n
    assert ((times >= 0) & (times <= 8784 * 3600 * SECOND)).all()
    assert np.array_equal(times, drawn(section, n, seed))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        pytest.param({}, "names exactly one of 'constant', 'exponential'", id="nothing"),
        pytest.param("250", "needs a unit", id="no unit"),
        pytest.param(250, "valid dictionary", id="a bare number"),
        pytest.param({"exponential": {"mean": "-1s"}}, "is negative", id="negative"),
        pytest.param({"lognormal": {"median": "1s"}}, "names one of 'median' and 'mean', and one of", id="no width"),
        pytest.param({"lognormal": {"median": "2s", "p95": "1s"}}, "'p95' is below 'median'", id="a p95 below"),
        pytest.param({"lognormal": {"mean": "1s", "p95": "4s"}}, "1 to 3.87 times 'mean'", id="a p95 too far off"),
        pytest.param({"uniform": {"from": "2s", "to": "1s"}}, "'from' is above 'to'", id="backwards"),
        pytest.param({"empirical": {"values": []}}, "at least 1 item", id="no values"),
        pytest.param({"empirical": {"quantiles": {"50": "1s", "p99": "2s"}}}, "is no percentile", id="a bare quantile"),
        pytest.param({"empirical": {"quantiles": {"p50": "2s", "p99": "1s"}}}, "shorter time", id="falling quantiles"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(section: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DurationSection.model_validate(section)
