from math import inf, nan

import pytest

from simulations.report.numbers import STATISTICS, Unit, change, spread, text
from simulations.statistics import NUMBERS, Interval


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.0, Unit.SECONDS, "0 s"),
        (0.0000005, Unit.SECONDS, "0.0005 ms"),
        (0.0123, Unit.SECONDS, "12.3 ms"),
        (0.9994, Unit.SECONDS, "999 ms"),
        (0.9996, Unit.SECONDS, "1.00 s"),
        (31.25, Unit.SECONDS, "31.2 s"),
        (119.4, Unit.SECONDS, "119 s"),
        (119.6, Unit.SECONDS, "2 min"),
        (250.0, Unit.SECONDS, "4 min 10 s"),
        (7199.6, Unit.SECONDS, "2 h"),
        (96_000.0, Unit.SECONDS, "26 h 40 min"),
        (12_345, Unit.COUNT, "12,345"),
        (1.5, Unit.COUNT, "1.50"),
        (0.012345, Unit.SHARE, "1.23 %"),
        (0.0004, Unit.SHARE, "0.04 %"),
        (1.0, Unit.SHARE, "100 %"),
        (6.75, Unit.HOURS, "6.75 pod-h"),
        (7200.0, Unit.MEMORY, "2.00 GiB·h"),
        (8_640_000.0, Unit.MEMORY, "2,400 GiB·h"),
        (12.25, Unit.RATE, "12.2/h"),
        (-0.5, Unit.SECONDS, "-500 ms"),
        (nan, Unit.SECONDS, "-"),
        (inf, Unit.HOURS, "∞"),
        (-inf, Unit.COUNT, "-∞"),
    ],
)
def test_a_number_has_three_digits_that_matter_and_its_unit(value: float, unit: Unit, written: str) -> None:
    assert text(value, unit) == written


@pytest.mark.parametrize(
    ("mean", "half", "written"),
    [(31.2, 2.04, "31.2 ± 2.04 s"), (1.25, 0.04, "1.25 s ± 40.0 ms"), (1.25, inf, "1.25 s"), (1.25, 0.0, "1.25 s")],
)
def test_a_mean_comes_with_what_is_known_of_it(mean: float, half: float, written: str) -> None:
    assert spread(Interval(mean=mean, half=half, count=3), Unit.SECONDS) == written


@pytest.mark.parametrize(
    ("now", "then", "written"),
    [
        (1.1, 1.0, "+10.0 %"),
        (0.5, 1.0, "-50.0 %"),
        (2.0, 1.0, "2.00x"),
        (1.0, 1.0, "±0 %"),
        (0.0, 0.0, "±0 %"),
        (1.0, 0.0, "-"),
        (nan, 1.0, "-"),
    ],
)
def test_a_change_is_a_share_and_from_double_on_a_factor(now: float, then: float, written: str) -> None:
    assert change(now, then) == written


def test_every_statistic_has_a_title_of_its_own() -> None:
    assert set(STATISTICS) == set(NUMBERS)
    assert len({each.title for each in STATISTICS.values()}) == len(NUMBERS)
