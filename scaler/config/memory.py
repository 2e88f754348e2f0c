"""Amounts of memory as Kubernetes writes them, in bytes (apimachinery 1.36, resource/quantity.go)."""

import re
from fractions import Fraction
from math import ceil
from typing import Final

_FORM: Final = re.compile(
    r"\+?(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?",
    re.ASCII,
)
_TEN: Final = Fraction(10)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
MOST: Final = 2**63 - 1
"""Bytes that any amount is at most, as in Kubernetes."""


def in_bytes(text: str) -> int:
    """Read ``8Gi``, ``1.5Gi``, ``512M``, ``1e9`` or ``128974848``, exactly; what is no whole byte is rounded up.

    Raises ``ValueError`` for anything else, also for a negative amount.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError("is not an amount of memory such as 8Gi or 512Mi")
    number, suffix, exponent = Fraction(form["number"].rstrip(".")), form["suffix"], form["exponent"]
    decimal, binary = int(exponent or _DECIMAL.get(suffix, 0)), _BINARY.get(suffix, 0)
    amount: Fraction = number * _TEN**decimal * 1024**binary
    return min(ceil(amount), MOST)
