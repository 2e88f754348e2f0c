"""Kafka's errors, in our words. Every number a broker answers with and every error of the library ends here."""

from typing import Final

from kafka import errors

from scaler.errors import Cause, SourceUnavailable
from scaler.net.tls import untrusted

_DETAIL: Final = 200  # characters of an error that are repeated

_CAUSES: Final[tuple[tuple[type[BaseException], Cause], ...]] = (
    (errors.AuthorizationError, Cause.DENIED),
    (errors.SaslAuthenticationFailedError, Cause.DENIED),
    (errors.UnsupportedSaslMechanismError, Cause.DENIED),
    (errors.IllegalSaslStateError, Cause.DENIED),
    (errors.UnknownTopicOrPartitionError, Cause.MISSING),
    (errors.InvalidTopicError, Cause.MISSING),
    (errors.RequestTimedOutError, Cause.TIMEOUT),
    (errors.KafkaTimeoutError, Cause.TIMEOUT),
    (errors.CoordinatorLoadInProgressError, Cause.LOADING),
    (errors.CoordinatorNotAvailableError, Cause.LOADING),
    (errors.NotCoordinatorError, Cause.LOADING),
    (errors.UnstableOffsetCommitError, Cause.LOADING),
    (errors.OffsetNotAvailableError, Cause.LOADING),
    (errors.NodeNotReadyError, Cause.UNREACHABLE),
    (errors.UnknownBrokerIdError, Cause.UNREACHABLE),
    (errors.KafkaConnectionError, Cause.UNREACHABLE),
    (errors.Cancelled, Cause.UNREACHABLE),
    (errors.NetworkExceptionError, Cause.UNREACHABLE),
    (errors.InvalidMetadataError, Cause.LOADING),  # leaders that move: not leader, no leader, fenced, unknown epoch
    (errors.KafkaError, Cause.INVALID),
    (OSError, Cause.UNREACHABLE),
)


def refused(code: int, about: str) -> SourceUnavailable | None:
    """Translate a number a broker answered with, or return ``None`` for success."""
    if code == 0:
        return None
    kind = errors.for_code(code)
    return SourceUnavailable(_cause(kind) or Cause.INVALID, f"{about}: {_words(kind.__name__)}")


def translated(error: BaseException, about: str) -> BaseException:
    """Translate what the library raised; what it does not own comes back as it is."""
    if isinstance(error, SourceUnavailable) or not isinstance(error, Exception):
        return error
    cause = _cause(type(error))
    if cause is None:
        return error
    if cause is Cause.UNREACHABLE and untrusted(error):
        cause = Cause.DENIED
    return SourceUnavailable(cause, f"{about}: {_told(error)}"[:_DETAIL])


def _cause(kind: type[BaseException]) -> Cause | None:
    return next((cause for each, cause in _CAUSES if issubclass(kind, each)), None)


def _told(error: BaseException) -> str:
    """Repeat what the library says, or else what it calls the error."""
    said = error.args[-1] if error.args else ""
    return said if isinstance(said, str) and said else _words(type(error).__name__)


def _words(name: str) -> str:
    """Turn ``NotCoordinatorError`` into ``not coordinator``."""
    return "".join(f" {each.lower()}" if each.isupper() else each for each in name.removesuffix("Error")).strip()
