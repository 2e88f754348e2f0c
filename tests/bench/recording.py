"""What recording costs: microseconds in a decision and in a call, and the throughput of calls with and without it."""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from scaler.decisions import running_decisions
from scaler.hub import running_hub
from scaler.live import Asked
from scaler.model import Decision, Instant, Standing, Why
from scaler.pooling import clock
from scaler.probes.base import Surroundings
from scaler.probes.memory import Memory
from scaler.recording.files import Place
from scaler.recording.journal import writing
from scaler.recording.recorder import Track
from tests.bench.facts import header
from tests.bench.process import scaler
from tests.bench.rpc import throughput

ROUNDS: Final = 7
CHANGES: Final = 50_000
LIMIT: Final = 2**30


def main() -> None:
    """Print what a line costs in the event loop, and both throughputs."""
    print(header("recording"))
    asyncio.run(_lines())
    if shutil.which("h2load") is None:
        raise SystemExit("h2load is missing: apt-get install nghttp2-client")
    with (
        tempfile.TemporaryDirectory() as folder,
        scaler(cores={0}) as bare,
        scaler("--record", folder, cores={0}) as ours,
    ):
        pairs = [(throughput(bare)[0], throughput(ours)[0]) for _ in range(ROUNDS)]
    without, recorded = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratios = [ours / bare for bare, ours in pairs]
    print(f"IsActive: {without:.0f} calls/s without, {recorded:.0f} with --record (median of {ROUNDS})")
    print(f"ratio: median {statistics.median(ratios):.3f} (min {min(ratios):.3f}, max {max(ratios):.3f})")


async def _lines() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_hub(Surroundings(clock=clock)) as hub,
            running_decisions(hub, {"memory": Memory()}, clock) as decisions,
        ):
            live = decisions.admit(b"", ("bench", "orders", {"kind": "memory", "key": "orders", "target": "5"}))
            with writing(Place(folder=Path(folder), limit=LIMIT)) as journal:
                track = Track(live, 0, journal, time.time)
                track.begin(lambda _: None)
                decided, differs, same = (_each(act) for act in _acts(track))
    print(f"in the event loop: {decided:.2f} us a change of a decision, {differs:.2f} us an answer that differs,")
    print(f"                   {same:.2f} us one that does not (this thread's processor time)")


def _acts(track: Track) -> Iterator[Callable[[int], None]]:
    live = track.live
    two = [
        Decision(active=True, value=float(value), standing=Standing.FRESH, why=Why.BACKLOG, read_at=Instant(0.0))
        for value in (3, 7)
    ]

    def decide(number: int) -> None:
        live.judge.verdict = two[number & 1]
        track.hear()

    yield decide
    yield lambda number: track.answered(live, Asked.ACTIVITY, two[number & 1])
    yield lambda _: track.answered(live, Asked.ACTIVITY, two[1])


def _each(act: Callable[[int], None]) -> float:
    """Return the microseconds of this thread's processor that one act takes."""
    began = time.thread_time()
    for number in range(CHANGES):
        act(number)
    return (time.thread_time() - began) / CHANGES * 1e6


if __name__ == "__main__":
    main()
