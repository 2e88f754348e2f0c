"""Amounts of memory are read exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.config.memory import MOST, in_bytes


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("8Gi", 8 * 2**30),
        ("1.5Gi", 3 * 2**29),
        ("512Mi", 512 * 2**20),
        ("512M", 512_000_000),
        ("1G", 10**9),
        ("64k", 64_000),
        ("1Ki", 1024),
        ("2Ti", 2**41),
        ("1Pi", 2**50),
        ("1Ei", 2**60),
        ("1e9", 10**9),
        ("1E3", 1000),
        ("1E", 10**18),
        ("12e-1", 2),
        ("128974848", 128_974_848),
        ("+5", 5),
        ("5.", 5),
        (".5Ki", 512),
        ("0.1Gi", 107_374_183),
        ("0.3", 1),
        ("100m", 1),
        ("1001m", 2),
        ("1u", 1),
        ("0", 0),
        ("9Ei", MOST),
        ("1e99", MOST),
    ],
)
def test_an_amount(text: str, amount: int) -> None:
    assert in_bytes(text) == amount


@pytest.mark.parametrize(
    "text", ["", "8GB", "8 Gi", "Gi", ".", "-1Gi", "1gi", "1K", "1ki", "0x10", "1e", "1e1Gi", "nan", "٣Gi"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of memory such as 8Gi"):
        in_bytes(text)


@given(st.integers(0, MOST), st.sampled_from(["", "Ki", "Mi", "k", "M"]))
def test_it_is_exact(number: int, suffix: str) -> None:
    factor = {"": 1, "Ki": 1024, "Mi": 1024**2, "k": 1000, "M": 1000**2}[suffix]
    assert in_bytes(f"{number}{suffix}") == min(number * factor, MOST)


@given(st.text("0123456789.eEKMGi+-num", max_size=8))
def test_any_text_is_an_amount_or_none(text: str) -> None:
    try:
        assert 0 <= in_bytes(text) <= MOST
    except ValueError as error:
        assert str(error).startswith("is not an amount")  # noqa: PT017 - either is fine, nothing else is
