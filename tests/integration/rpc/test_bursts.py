"""An operator that reconnects asks for everything at once, and loses none of it."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.rpc.process import Scaler
from tests.integration.rpc.served import until

STREAMS = 10_000
CALLS = 6_000


@pytest.fixture
def scaler(tmp_path: Path) -> Iterator[Scaler]:
    with Scaler(tmp_path) as running:
        yield running


async def burst(scaler: Scaler, what: str, count: int) -> dict[str, Any]:
    """Let another process do it, as an operator is one: what it counted, by outcome."""
    command = [sys.executable, "-m", "tests.integration.rpc.storm", scaler.address, what, str(count)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    async with asyncio.timeout(110):
        out, _ = await process.communicate()
    return dict(json.loads(out))


async def test_ten_thousand_streams_opened_at_once_are_all_open_and_all_end_with_ok(scaler: Scaler) -> None:
    storm = asyncio.ensure_future(burst(scaler, "streams", STREAMS))
    await until(lambda: storm.done() or gauge(scaler) == STREAMS, "all open", within=60)
    began = time.monotonic()
    await asyncio.to_thread(scaler.stop)
    assert (scaler.process.returncode, time.monotonic() - began < 10) == (0, True)
    assert await storm == {"OK": STREAMS}
    assert "Traceback" not in scaler.said()


async def test_six_thousand_calls_at_once_are_all_answered(scaler: Scaler) -> None:
    assert await burst(scaler, "calls", CALLS) == {"OK": CALLS}


def gauge(scaler: Scaler) -> float:
    """Read how many streams are open."""
    lines = scaler.page("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("warmscaler_grpc_streams{"))
