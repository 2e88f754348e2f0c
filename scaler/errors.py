"""Errors named by what the caller should do next; every library error is translated to one of these at its border."""

from collections.abc import Iterable
from enum import StrEnum


class ScalerError(Exception):
    """Whatever Warmscaler raises on purpose."""


class ConfigError(ScalerError):
    """A person must change something; retrying cannot help.

    ``problems`` holds every problem found, each a sentence that names the key, what it said and what would be right.
    """

    def __init__(self, problems: Iterable[str], *, about: str = "") -> None:
        self.problems = tuple(problems)
        text = "; ".join(self.problems)
        super().__init__(f"{about}: {text}" if about else text)


class Cause(StrEnum):
    """Why a source could not be read; the word is shown to operators and labels metrics."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    DENIED = "denied"
    FORBIDDEN = "forbidden by egress rules"
    MISSING = "missing"
    LOADING = "loading"
    INVALID = "invalid answer"
    BUG = "bug in the probe"


class SourceUnavailable(ScalerError):
    """The world must change; keep the last decision and read again later.

    ``cause`` classifies, ``detail`` is one line for a person; neither ever holds a secret once it leaves the hub.
    """

    def __init__(self, cause: Cause, detail: str = "") -> None:
        self.cause = cause
        self.detail = detail
        super().__init__(f"{cause}: {detail}" if detail else str(cause))


class Undecidable(ScalerError):
    """No reading was ever had, so nothing true can be said; KEDA should ask again."""


class LimitReached(ScalerError):
    """A bound of the configuration is used up; what is there goes on, what is new must wait."""


class ApiRefused(ScalerError):
    """The Kubernetes API said no, and will again: what is asked for must change. ``status`` is HTTP's, 400 to 499."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class ApiUnreachable(ScalerError):
    """The Kubernetes API did not answer, or is in trouble; keep what is known and ask again later."""


class Missing(ScalerError):
    """What was asked for is not there, or not yet."""


class LeadershipLost(ScalerError):
    """Another process may lead by now: write nothing, and end."""
