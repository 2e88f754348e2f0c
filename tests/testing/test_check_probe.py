"""The published contract test finds what breaks the contract."""

from dataclasses import dataclass, field

import pytest

from scaler import testing
from scaler.errors import Cause, SourceUnavailable
from scaler.probes.base import Amount, Pace
from scaler.testing import Broken, World, check_probe
from scaler.testing.fakes import FakeProbe

METADATA = {"kind": "fake", "key": "k", "interval": "100ms"}


@dataclass(kw_only=True)
class Bench:
    """A probe whose only number is ``k``, and a switch between it and its source."""

    probe: FakeProbe = field(default_factory=lambda: FakeProbe(Pace(uncovered=0.1)))
    hinting: bool = True
    lies: int = 0
    there: float = 0.0
    cut_off: bool = False
    reads_while_cut: int = 0

    def __post_init__(self) -> None:
        self.probe.world.on_read = self.read

    async def read(self) -> None:
        """Fail during a cut, but for as many reads as there are lies to tell."""
        self.probe.world.numbers["k"] = Amount.of(self.there)
        if self.cut_off:
            self.reads_while_cut += 1
            if self.reads_while_cut not in range(2, 2 + self.lies):
                raise SourceUnavailable(Cause.UNREACHABLE, "cut")
            self.probe.world.numbers["k"] = Amount.of(0)

    def world(self) -> World:
        """Say how to fill, drain, cut and mend it."""

        async def fill(pieces: int) -> None:
            self.there += pieces
            self.hint()

        async def drain() -> None:
            self.there = 0.0

        async def cut() -> None:
            self.cut_off, self.reads_while_cut = True, 0

        async def mend() -> None:
            self.cut_off = False

        return World(fill=fill, drain=drain, cut=cut, mend=mend)

    def hint(self) -> None:
        """Hint, if it does."""
        if self.hinting:
            self.probe.world.hint("k")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("PATIENCE", 2.0), ("SOON", 0.5), ("PROMPT", 0.3)):
        monkeypatch.setattr(testing, name, seconds)


async def test_an_honest_probe_passes() -> None:
    bench = Bench()
    await check_probe(bench.probe, METADATA, bench.world())


async def test_a_probe_that_says_zero_while_it_is_cut_off_is_found() -> None:
    bench = Bench(lies=1)
    with pytest.raises(Broken, match="a number that was never there"):
        await check_probe(bench.probe, METADATA, bench.world())


async def test_a_watch_that_covers_and_never_hints_is_found() -> None:
    bench = Bench(hinting=False)
    with pytest.raises(Broken, match="a push or a closer look"):
        await check_probe(bench.probe, METADATA, bench.world())
