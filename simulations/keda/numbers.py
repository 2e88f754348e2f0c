"""From the numbers of an external scaler to the milli units that the HPA computes with."""

from math import isfinite


def milli(value: float) -> int:
    """Return ``value`` in thousandths, as KEDA writes it into a Kubernetes quantity.

    Three decimals, a tie going to the even digit of the exact binary value; what is not a number above zero is 0 (KEDA
    2.20.2 and later; before, the rest after three decimals was cut off and negative numbers went through).
    """
    if not isfinite(value) or value <= 0.0:
        return 0
    whole, thousandths = f"{value:.3f}".split(".")
    return int(whole) * 1000 + int(thousandths)


def quantity(as_float: float, as_int: int) -> int:
    """Return the milli units of a MetricValue or a MetricSpec: the float field counts if it is above zero.

    So a float of 0.0 beside an int of 5 is 5, a float of NaN is the int, and one of infinity is 0.
    """
    return milli(as_float if as_float > 0.0 else float(as_int))
