import json

import pytest

from scaler.errors import Cause, SourceUnavailable
from scaler.net.http import MAX_BODY
from scaler.probes.base import Amount
from scaler.probes.nats_jetstream.answers import amount, document, failure
from scaler.probes.nats_jetstream.records import Consumer

CONSUMER = Consumer("S", "C")


@pytest.mark.parametrize(
    ("said", "value"),
    [
        pytest.param({"num_pending": 0, "num_ack_pending": 0}, 0, id="nothing to do"),
        pytest.param({"num_pending": 100, "num_ack_pending": 0}, 100, id="messages waiting"),
        pytest.param({"num_pending": 7, "num_ack_pending": 3}, 10, id="delivered and not acknowledged counts"),
        pytest.param({"num_pending": 1, "num_ack_pending": 0, "cluster": {"leader": "n1"}}, 1, id="said by the leader"),
    ],
)
def test_what_a_consumer_has_to_do(said: dict[str, object], value: int) -> None:
    assert amount(CONSUMER, said) == Amount.of(value)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        pytest.param(
            {"num_pending": 0, "num_ack_pending": 0, "cluster": {"name": "x"}}, Cause.UNREACHABLE, id="no leader"
        ),
        pytest.param({"num_ack_pending": 0}, Cause.INVALID, id="a number is not there"),
        pytest.param({"num_pending": None, "num_ack_pending": 0}, Cause.INVALID, id="null"),
        pytest.param({"num_pending": -1, "num_ack_pending": 0}, Cause.INVALID, id="negative"),
        pytest.param({"num_pending": True, "num_ack_pending": 0}, Cause.INVALID, id="a truth value"),
        pytest.param({"num_pending": "5", "num_ack_pending": 0}, Cause.INVALID, id="a text"),
        pytest.param({"num_pending": 1.5, "num_ack_pending": 0}, Cause.INVALID, id="a fraction"),
    ],
)
def test_what_is_no_number_is_no_zero(said: dict[str, object], cause: Cause) -> None:
    found = amount(CONSUMER, said)
    assert isinstance(found, SourceUnavailable)
    assert found.cause is cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        pytest.param(
            {"code": 404, "err_code": 10014, "description": "consumer not found"}, Cause.MISSING, id="consumer"
        ),
        pytest.param({"code": 404, "err_code": 10059, "description": "stream not found"}, Cause.MISSING, id="stream"),
        pytest.param({"code": 503, "err_code": 10008, "description": "unavailable"}, Cause.UNREACHABLE, id="no quorum"),
        pytest.param({"code": 503, "err_code": 10039, "description": "not enabled"}, Cause.DENIED, id="not for you"),
        pytest.param({"code": 408, "description": "timeout"}, Cause.TIMEOUT, id="late"),
        pytest.param({"code": 400, "description": "bad request"}, Cause.INVALID, id="bad request"),
        pytest.param({"code": "odd"}, Cause.INVALID, id="a code that is none"),
        pytest.param({}, Cause.INVALID, id="nothing said"),
    ],
)
def test_errors_of_the_api(error: dict[str, object], cause: Cause) -> None:
    assert failure(error).cause is cause
    said = document(json.dumps({"type": "x", "error": error}).encode())
    assert isinstance(said, SourceUnavailable)
    assert said.cause is cause


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_garbage_is_invalid(sent: bytes) -> None:
    said = document(sent)
    assert isinstance(said, SourceUnavailable)
    assert said.cause is Cause.INVALID


def test_an_answer_far_too_long_is_not_even_parsed() -> None:
    assert document(b"{" + b" " * (MAX_BODY - 2) + b"}") == {}
    said = document(b"{" + b" " * (MAX_BODY - 1) + b"}")
    assert isinstance(said, SourceUnavailable)
    assert said.cause is Cause.INVALID
