"""What the tests of the cron probe share: triggers, and wall clocks that can be set."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scaler.config.document import Config
from scaler.model import Instant, Trigger
from scaler.probes.base import Amount, Surroundings
from scaler.probes.cron import Cron
from scaler.probes.cron.probe import CronSource, WallClock, Window
from scaler.probes.registry import AnyProbe
from scaler.triggers import metadata as metadata_module

KINDS: dict[str, AnyProbe] = {"cron": Cron()}

UTC_ZONE = {"timezone": "Etc/UTC", "desiredReplicas": "10"}
THURSDAYS = UTC_ZONE | {"start": "0 0 * * Thu", "end": "59 23 * * Thu"}
EVEN_HOURS = UTC_ZONE | {"start": "0 */2 * * *", "end": "0 1-23/2 * * *"}
QUARTERS = UTC_ZONE | {"start": "0,30 * * * *", "end": "15,45 * * * *"}
KOLKATA = {"timezone": "Asia/Kolkata", "start": "30 * * * *", "end": "45 * * * *", "desiredReplicas": "10"}
BERLIN = {"timezone": "Europe/Berlin", "desiredReplicas": "3"}


def understand(metadata: dict[str, str]) -> Trigger:
    return metadata_module.understand("ns", "orders", {"kind": "cron", **metadata}, KINDS, Config().defaults)


def window_of(metadata: dict[str, str]) -> Window:
    query = understand(metadata).ask.query
    assert isinstance(query, Window)
    return query


@dataclass
class Wall:
    """A wall clock that stands until it is set."""

    now: datetime = field(default_factory=lambda: datetime(2024, 6, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


async def opened(wall: Wall) -> CronSource:
    surroundings = Surroundings(clock=lambda: Instant(0.0), wall=wall)
    return await Cron().open(WallClock(), surroundings)


async def read(source: CronSource, window: Window) -> Amount:
    amount = (await source.read([window]))[window]
    assert isinstance(amount, Amount)
    return amount


class RunningWall(Wall):
    """A wall clock that runs from where it was set."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self._set_at = asyncio.get_running_loop().time()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=asyncio.get_running_loop().time() - self._set_at)
