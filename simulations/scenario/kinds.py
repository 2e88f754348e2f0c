"""The installed kinds of triggers, loaded once: brokers' libraries take half a second."""

from functools import lru_cache

from scaler.triggers.kind import Kinds


@lru_cache(maxsize=1)
def kinds() -> Kinds:
    """Return them by name."""
    from scaler.probes.registry import installed  # noqa: PLC0415 - only when a trigger is to be understood

    return installed().kinds
