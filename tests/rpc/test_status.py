"""From errors to status codes, and messages that fit into a header."""

from urllib.parse import quote

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler import errors
from scaler.rpc.status import CODES, _fitting, code_of

PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
LONGEST = 6000  # bytes as they travel; a client refuses more than 8 KiB of headers


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError, grpc.StatusCode.INVALID_ARGUMENT),
        (errors.LimitReached, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Undecidable, grpc.StatusCode.UNAVAILABLE),
        (errors.SourceUnavailable, grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_each_error_has_its_code(error: type[errors.ScalerError], code: grpc.StatusCode) -> None:
    assert CODES[error] is code


class Finer(errors.LimitReached):
    """One of ours that the table does not name."""


def test_an_error_that_the_table_does_not_name_has_the_code_of_its_nearest_kin() -> None:
    assert code_of(Finer("full")) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert code_of(errors.ScalerError("?")) is grpc.StatusCode.INTERNAL


@given(st.text(max_size=20_000))
def test_a_message_fits_and_its_beginning_is_kept(message: str) -> None:
    fitting = _fitting(message)
    assert message.startswith(fitting)
    assert len(quote(fitting, safe=PLAIN)) <= LONGEST


@pytest.mark.parametrize("letter", ["x", "%", "\u00e9", "\U0001f40c", "\n"])
def test_a_long_message_is_cut_to_what_its_letters_take(letter: str) -> None:
    fitting = _fitting(letter * 50_000)
    assert LONGEST * 0.8 < len(quote(fitting, safe=PLAIN)) <= LONGEST


def test_a_short_message_is_left_alone() -> None:
    assert _fitting("'key' is required") == "'key' is required"
