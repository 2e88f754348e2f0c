"""Looks at the pools of this process, while it leads, and writes down what has changed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from scaler.recording.format import What
from scaler.recording.journal import Journal, Line

LOOK_EVERY: Final = 1.0  # s
FACTS: Final = (
    "pool",
    "namespace",
    "function",
    "size",
    "why",
    "pods",
    "creating",
    "wanted",
    "replicas",
    "ready",
    "hits",
    "misses",
)


async def record_pools(told: Callable[[], Mapping[str, Any]], journal: Journal, at: Callable[[], float]) -> None:
    """Look at what is ``told`` of the pools, until cancelled."""
    wrote: dict[tuple[str, str], Mapping[str, Any]] = {}
    while True:
        found = {(each["namespace"], each["function"]): each for each in told()["functions"]}
        for key in wrote.keys() - found.keys():
            gone = wrote.pop(key)
            facts = {name: gone[name] for name in ("pool", "namespace", "function")}
            journal.put(Line(What.GONE, at(), facts, ("pool", *key)))
        for key, each in found.items():
            facts = {name: each[name] for name in FACTS}
            if wrote.get(key) != facts:
                wrote[key] = facts
                journal.put(Line(What.POOL, at(), facts, ("pool", *key), What.POOL))
        await asyncio.sleep(LOOK_EVERY)
