"""Redis: how much is in a key, and being told when it changes. A package, because one file would be too long."""

from scaler.probes.redis.probe import Redis

__all__ = ["Redis"]
