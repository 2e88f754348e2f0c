"""KEDA's rules for reading a text value, one row each."""

from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scaler.triggers.values import boolean, comma_list, duration, key_values, number, whole

PARSERS: list[Callable[[str], object]] = [whole, number, boolean, duration, comma_list, key_values]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0", 0),
        ("-3", -3),
        ("-0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_whole(text: str, value: int) -> None:
    assert whole(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("5.0", "1e3", "+5", "05", "-05", "0x10", "0b1", "1_000", "1,000", "5 ", " 5", "5s", "five", "", "-", "--5"),
        *(
            "9223372036854775808",
            "-9223372036854775809",
            "9" * 5000,
            "\u0665",
            "\uff15",
            "null",
            "true",
            '"5"',
            "5\n",
            "[5]",
        ),
    ],
)
def test_not_whole(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a whole number$"):
        whole(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5.0), ("5.0", 5.0), ("1e3", 1000.0), ("1E-3", 0.001), ("-0.5", -0.5), ("0", 0.0), ("1e308", 1e308)],
)
def test_number(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("+5", "05", ".5", "5.", "1e", "0x1p4", "1_0", "NaN", "nan", "Infinity", "-Infinity", "inf", "1e309", "5 "),
        *("", "true", '"5"', "[5]", "[" * 30_000, "9" * 5000, "1,5", "\u0665", "5\n", "null", "{}"),
    ],
)
def test_not_a_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a number$"):
        number(text)


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_true(text: str) -> None:
    assert boolean(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_false(text: str) -> None:
    assert boolean(text) is False


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "tRUE", "TrUe", "2", "-1", "", "true ", "y", "null", "\uff11"]
)
def test_neither_true_nor_false(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is neither true nor false$"):
        boolean(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30.0, id="Go's seconds"),
        pytest.param("1m30s", 90.0, id="Go's minutes and seconds"),
        pytest.param("1h", 3600.0, id="Go's hours"),
        pytest.param("250ms", 0.25, id="Go's milliseconds"),
        pytest.param("1.5h", 5400.0, id="a fraction"),
        pytest.param(".5s", 0.5, id="a fraction without a whole part"),
        pytest.param("1.s", 1.0, id="a fraction without a fraction"),
        pytest.param("1us", 1e-6, id="microseconds"),
        pytest.param("1\u00b5s", 1e-6, id="microseconds with the micro sign"),
        pytest.param("1\u03bcs", 1e-6, id="microseconds with the Greek letter"),
        pytest.param("1ns", 1e-9, id="nanoseconds"),
        pytest.param("+5s", 5.0, id="Go lets durations have a plus"),
        pytest.param("1s1s", 2.0, id="a unit may come twice"),
        pytest.param("0s", 0.0, id="zero"),
        pytest.param("0", 0.0, id="a bare zero"),
        pytest.param("500", 0.5, id="a bare number is milliseconds"),
        pytest.param("0500", 0.5, id="a bare number is no JSON"),
        pytest.param("+500", 0.5, id="a bare number may have a plus"),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-5s", "is negative"),
        ("-5", "is negative"),
        ("3000000h", "longer than 292 years"),
        ("9" * 400 + "s", "longer than 292 years"),
        ("9223372036854775807", "longer than 292 years"),
        *((text, "is not a duration") for text in ("1d", "5 s", "s", ".s", "1h 30m", "1.5", "5S", "1e3s", "", "+")),
        *((text, "is not a duration") for text in ("9" * 400, "\uff15s", "1h-5m", "--5s", "inf", "PT5S", "5s\n")),
    ],
)
def test_not_a_duration(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        duration(text)


@pytest.mark.parametrize(
    ("text", "items"),
    [("a", ("a",)), ("a,b", ("a", "b")), (" a , b ", ("a", "b")), ("a,,b", ("a", "", "b")), ("a b,c", ("a b", "c"))],
)
def test_comma_list(text: str, items: tuple[str, ...]) -> None:
    assert comma_list(text) == items


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("k=v", (("k", "v"),)),
        ("k=v,k2=v2", (("k", "v"), ("k2", "v2"))),
        (" k = v , k2=v2", (("k", "v"), ("k2", "v2"))),
        ("k=", (("k", ""),)),
        ("=", (("", ""),)),
    ],
)
def test_key_values(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert key_values(text) == pairs


@pytest.mark.parametrize("text", ["k", "k=v,", "k=v=w", "k==v", ",", "k:v"])
def test_no_key_values(text: str) -> None:
    with pytest.raises(ValueError, match="key=value"):
        key_values(text)


TEXTS = st.one_of(st.text(), st.from_regex(r"[-+]?[0-9.eE_]*(ns|us|ms|s|m|h)?[0-9=,]*", fullmatch=True))


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(text=TEXTS)
@example(text="[" * 30_000)
@example(text="9" * 5_000)
@example(text="-" + "0" * 30_000)
@example(text="1e" + "9" * 30)
def test_any_text_gives_a_value_or_a_value_error(parse: Callable[[str], object], text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse(text), int | float | tuple)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@pytest.mark.parametrize(
    "text", ["0" * 32_000, "." * 32_000, "1." * 16_000, "=," * 16_000, "1s" * 16_000 + "x", "[" * 32_000]
)
def test_the_longest_text_is_read_in_no_time(parse: Callable[[str], object], text: str) -> None:
    began = process_time()
    with suppress(ValueError):
        parse(text)
    assert process_time() - began < 0.1


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_whole_number_reads_as_itself(value: int) -> None:
    assert whole(str(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_json_number_reads_as_itself(value: float) -> None:
    assert number(f"{value:.17g}".replace("e+", "e")) == value


@given(st.integers(0, 10**9))
def test_a_bare_duration_is_milliseconds(milliseconds: int) -> None:
    assert duration(str(milliseconds)) == pytest.approx(duration(f"{milliseconds}ms"))
