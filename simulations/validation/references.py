"""Figures that others published, and what they were measured with. Facts only.

:data:`PLATFORMS` is the model of SimFaaS 0.2.2 (MIT, Mahmoudi and Khazaei, 2021): scale-per-request, newest idle
instance first, Poisson arrivals, exponential service, no bound on concurrency. The means and 95 % half-widths come from
20 runs each of an independent event-exact model, the first 2 % of each run dropped; SimFaaS itself agreed within 2.5
standard deviations of one run, and its published notebook (case A: 0.0013 cold, 7.691 servers) as well.

:data:`LAMBDA` is AWS Lambda with an expiry of ten minutes, measured by the same authors (``exp.csv`` of the SimFaaS
repository, MIT): 20 rates of Poisson arrivals, each for some hours.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean and the half-width of its 95 % interval."""

    mean: float
    half: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One platform: requests a second, mean seconds of a warm and a cold service, of an expiry and of the whole run."""

    name: str
    rate: float
    warm: float
    cold: float
    expiry: float
    horizon: float
    cold_ratio: Mean
    servers: Mean
    running: Mean
    idle: Mean
    lifespan: Mean


PLATFORMS: Final = (
    Case(
        name="A",
        rate=0.9,
        warm=1.991,
        cold=2.244,
        expiry=600.0,
        horizon=1e6,
        cold_ratio=Mean(mean=0.00133329, half=1.31e-05),
        servers=Mean(mean=7.69394, half=0.00874),
        running=Mean(mean=1.79137, half=0.00104),
        idle=Mean(mean=5.90257, half=0.00884),
        lifespan=Mean(mean=6418.52, half=61.7),
    ),
    Case(
        name="C",
        rate=10.0,
        warm=2.0,
        cold=2.5,
        expiry=600.0,
        horizon=1e5,
        cold_ratio=Mean(mean=0.000287755, half=9.75e-06),
        servers=Mean(mean=37.3658, half=0.0707),
        running=Mean(mean=19.9942, half=0.01),
        idle=Mean(mean=17.3716, half=0.069),
        lifespan=Mean(mean=12334.9, half=345.0),
    ),
    Case(
        name="E",
        rate=0.01,
        warm=2.0,
        cold=2.5,
        expiry=600.0,
        horizon=1e7,
        cold_ratio=Mean(mean=0.0196863, half=0.000201),
        servers=Mean(mean=1.10755, half=0.00119),
        running=Mean(mean=0.0200545, half=4.37e-05),
        idle=Mean(mean=1.0875, half=0.00117),
        lifespan=Mean(mean=5638.13, half=52.1),
    ),
    Case(
        name="F",
        rate=10.0,
        warm=2.016,
        cold=2.163,
        expiry=10.0,
        horizon=1e5,
        cold_ratio=Mean(mean=0.0238681, half=7.83e-05),
        servers=Mean(mean=28.7631, half=0.0174),
        running=Mean(mean=20.1877, half=0.0101),
        idle=Mean(mean=8.5754, half=0.00953),
        lifespan=Mean(mean=120.513, half=0.36),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One rate on AWS Lambda: requests a second, the share of cold starts and its standard error, mean instances.

    ``modelled_*`` is what the event-exact model of :data:`PLATFORMS` says of it.
    """

    rate: float
    cold_ratio: float
    error: float
    instances: float
    modelled_cold_ratio: float
    modelled_instances: float


LAMBDA_WARM: Final = 1.98134
"""Mean seconds of a warm service over the experiments."""
LAMBDA_COLD: Final = 2.30374
"""Mean seconds of a cold one."""
LAMBDA_EXPIRY: Final = 600.0
"""Seconds."""

LAMBDA: Final = (
    Experiment(
        rate=0.001863137,
        cold_ratio=0.342988,
        error=0.03176,
        instances=0.674194,
        modelled_cold_ratio=0.3295,
        modelled_instances=0.67861,
    ),
    Experiment(
        rate=0.002457662,
        cold_ratio=0.210828,
        error=0.03709,
        instances=0.813505,
        modelled_cold_ratio=0.23263,
        modelled_instances=0.77968,
    ),
    Experiment(
        rate=0.002881641,
        cold_ratio=0.145431,
        error=0.02418,
        instances=0.779471,
        modelled_cold_ratio=0.18223,
        modelled_instances=0.83361,
    ),
    Experiment(
        rate=0.003453464,
        cold_ratio=0.110098,
        error=0.0228,
        instances=0.90757,
        modelled_cold_ratio=0.13205,
        modelled_instances=0.8893,
    ),
    Experiment(
        rate=0.004247997,
        cold_ratio=0.0794801,
        error=0.01239,
        instances=0.945903,
        modelled_cold_ratio=0.085715,
        modelled_instances=0.94396,
    ),
    Experiment(
        rate=0.005724776,
        cold_ratio=0.0382848,
        error=0.00617,
        instances=1.0319,
        modelled_cold_ratio=0.042486,
        modelled_instances=1.0062,
    ),
    Experiment(
        rate=0.007850938,
        cold_ratio=0.0338214,
        error=0.005196,
        instances=1.12908,
        modelled_cold_ratio=0.022962,
        modelled_instances=1.0606,
    ),
    Experiment(
        rate=0.01638363,
        cold_ratio=0.0195526,
        error=0.002137,
        instances=1.2699,
        modelled_cold_ratio=0.023247,
        modelled_instances=1.266,
    ),
    Experiment(
        rate=0.05011997,
        cold_ratio=0.00854213,
        error=0.0009361,
        instances=2.11358,
        modelled_cold_ratio=0.010693,
        modelled_instances=2.0446,
    ),
    Experiment(
        rate=0.09987113,
        cold_ratio=0.00594912,
        error=0.0006805,
        instances=2.7641,
        modelled_cold_ratio=0.0070953,
        modelled_instances=2.6442,
    ),
    Experiment(
        rate=0.1003774,
        cold_ratio=0.00565849,
        error=0.0004158,
        instances=2.8888,
        modelled_cold_ratio=0.0070943,
        modelled_instances=2.6511,
    ),
    Experiment(
        rate=0.1980761,
        cold_ratio=0.00372428,
        error=0.0002753,
        instances=3.71882,
        modelled_cold_ratio=0.003792,
        modelled_instances=3.586,
    ),
    Experiment(
        rate=0.3017913,
        cold_ratio=0.00293949,
        error=0.0001999,
        instances=4.42176,
        modelled_cold_ratio=0.0028116,
        modelled_instances=4.3671,
    ),
    Experiment(
        rate=0.3974858,
        cold_ratio=0.00208464,
        error=0.0001374,
        instances=5.045,
        modelled_cold_ratio=0.0023878,
        modelled_instances=4.9912,
    ),
    Experiment(
        rate=0.4996728,
        cold_ratio=0.00191331,
        error=9.749e-05,
        instances=5.6942,
        modelled_cold_ratio=0.001955,
        modelled_instances=5.5912,
    ),
    Experiment(
        rate=0.5956058,
        cold_ratio=0.00175595,
        error=6.875e-05,
        instances=6.41938,
        modelled_cold_ratio=0.0017746,
        modelled_instances=6.1319,
    ),
    Experiment(
        rate=0.6972661,
        cold_ratio=0.00175121,
        error=0.0001138,
        instances=6.92772,
        modelled_cold_ratio=0.0015431,
        modelled_instances=6.6688,
    ),
    Experiment(
        rate=0.7979431,
        cold_ratio=0.0015602,
        error=6.237e-05,
        instances=7.56394,
        modelled_cold_ratio=0.0014483,
        modelled_instances=7.1787,
    ),
    Experiment(
        rate=0.9024594,
        cold_ratio=0.00151339,
        error=6.643e-05,
        instances=7.86984,
        modelled_cold_ratio=0.001312,
        modelled_instances=7.6803,
    ),
    Experiment(
        rate=1.000533,
        cold_ratio=0.00130704,
        error=8.136e-05,
        instances=8.39714,
        modelled_cold_ratio=0.0012251,
        modelled_instances=8.1432,
    ),
)
