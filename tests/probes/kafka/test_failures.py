"""Every error of Kafka becomes a cause that an operator can act on, with a detail that shows nothing it should not."""

import ssl

import pytest
from kafka import errors

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.kafka.failures import refused, translated


@pytest.mark.parametrize(
    ("code", "cause", "words"),
    [
        (3, Cause.MISSING, "it: unknown topic or partition"),
        (5, Cause.LOADING, "it: leader not available"),
        (6, Cause.LOADING, "it: not leader for partition"),
        (7, Cause.TIMEOUT, "it: request timed out"),
        (14, Cause.LOADING, "it: coordinator load in progress"),
        (15, Cause.LOADING, "it: coordinator not available"),
        (16, Cause.LOADING, "it: not coordinator"),
        (17, Cause.MISSING, "it: invalid topic"),
        (29, Cause.DENIED, "it: topic authorization failed"),
        (30, Cause.DENIED, "it: group authorization failed"),
        (31, Cause.DENIED, "it: cluster authorization failed"),
        (58, Cause.DENIED, "it: sasl authentication failed"),
        (78, Cause.LOADING, "it: offset not available"),
        (100, Cause.LOADING, "it: unknown topic id"),
        (-1, Cause.INVALID, "it: unknown"),
        (9999, Cause.INVALID, "it: unrecognized broker"),
    ],
)
def test_numbers(code: int, cause: Cause, words: str) -> None:
    refusal = refused(code, "it")
    assert refusal is not None
    assert (refusal.cause, refusal.detail) == (cause, words)


def test_zero_is_no_error() -> None:
    assert refused(0, "it") is None


@pytest.mark.parametrize("code", [code for code in range(-1, 134) if code])
def test_every_number_has_a_cause(code: int) -> None:
    refusal = refused(code, "it")
    assert refusal is not None
    assert refusal.cause is not Cause.BUG


@pytest.mark.parametrize(
    ("error", "cause", "detail"),
    [
        (errors.KafkaConnectionError("socket disconnected"), Cause.UNREACHABLE, "b:1: socket disconnected"),
        (errors.NodeNotReadyError(3), Cause.UNREACHABLE, "b:1: node not ready"),
        (errors.KafkaTimeoutError(), Cause.TIMEOUT, "b:1: kafka timeout"),
        (errors.RequestTimedOutError("after 2000 ms"), Cause.TIMEOUT, "b:1: after 2000 ms"),
        (errors.SaslAuthenticationFailedError("no"), Cause.DENIED, "b:1: no"),
        (errors.IncompatibleBrokerVersion("too old"), Cause.INVALID, "b:1: too old"),
        (ConnectionRefusedError(111, "refused"), Cause.UNREACHABLE, "b:1: refused"),
        (errors.KafkaConnectionError("x" * 500), Cause.UNREACHABLE, ("b:1: " + "x" * 500)[:200]),
    ],
)
def test_errors_of_the_library(error: Exception, cause: Cause, detail: str) -> None:
    told = translated(error, "b:1")
    assert isinstance(told, SourceUnavailable)
    assert (told.cause, told.detail) == (cause, detail)


def test_a_certificate_that_is_not_trusted_is_a_denial() -> None:
    error = errors.KafkaConnectionError("TLS handshake")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    told = translated(error, "b:1")
    assert isinstance(told, SourceUnavailable)
    assert told.cause is Cause.DENIED


def test_our_own_outages_and_our_own_bugs_stay_what_they_are() -> None:
    ours, bug = SourceUnavailable(Cause.FORBIDDEN, "no"), KeyError("x")
    assert translated(ours, "b:1") is ours
    assert translated(bug, "b:1") is bug
