"""The service records while it serves, is killed, and everything it wrote is read back."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from redis.asyncio import Redis as Client

from scaler.recording.journal import FLUSH_EVERY
from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from simulations.recording import read, reconstructed
from simulations.replay import Asked, replay
from tests.integration.rpc.process import Scaler
from tests.integration.rpc.served import listening, until
from tests.recording.kept import lines_of
from tests.servers.redis import Redis

SECRET = "canary/right+4711"
S = 1_000_000


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    async with Redis(tmp_path / "redis", password=SECRET) as server:
        yield server


def ref(redis: Redis, name: str) -> ScaledObjectRef:
    listed = {"kind": "redis", "address": redis.address, "listName": name, "listLength": "5", "interval": "100ms"}
    return ScaledObjectRef(namespace="shop", name=name, scalerMetadata={**listed, "passwordFromEnv": SECRET})


async def until_told(stub: Any, asked: ScaledObjectRef, value: float) -> None:
    """Ask as KEDA does, until the answer is this one."""
    async with asyncio.timeout(20):
        while True:
            answer = await stub.GetMetrics(GetMetricsRequest(scaledObjectRef=asked))
            await stub.IsActive(asked)
            if answer.metricValues[0].metricValueFloat == value:
                return
            await asyncio.sleep(0.02)


@pytest.mark.requires("redis")
async def test_what_was_recorded_until_the_kill_is_all_there(redis: Redis, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    async with (
        Client(host=redis.host, port=redis.port, password=SECRET) as client,
        Scaler(tmp_path / "scaler", "--dev", "--record", str(folder)) as scaler,
        grpc.aio.insecure_channel(scaler.address) as channel,
    ):
        stub, jobs, idle = ExternalScalerStub(channel), ref(redis, "jobs"), ref(redis, "idle")
        await stub.GetMetricSpec(jobs)
        await until_told(stub, idle, 0)
        await until_told(stub, jobs, 0)
        async with listening(stub.StreamIsActive(jobs)) as stream:
            await client.rpush("jobs", *range(12))
            await stream.messages(1)
            await until_told(stub, jobs, 12)
            await client.ltrim("jobs", 5, -1)
            await until_told(stub, jobs, 7)
            await client.rpush("jobs", "more")
            await until_told(stub, jobs, 8)
            await asyncio.to_thread(redis.kill)
            await until(lambda: any(each["state"] == "held" for each in scaler.triggers()), "held")
            await asyncio.sleep(2 * FLUSH_EVERY)
            scaler.process.kill()
            await asyncio.to_thread(scaler.process.wait)
    _check_lines(folder)
    _check_recording(folder)


def _check_lines(folder: Path) -> None:
    (path,) = folder.iterdir()
    lines = lines_of(path)
    assert SECRET not in str(lines)
    numbers = {line["name"]: line["n"] for line in lines if line["is"] == "trigger"}
    decided = [
        (line["value"], line["standing"])
        for line in lines
        if line["is"] == "decision" and line["n"] == numbers["jobs"] and line["value"] is not None
    ]
    assert decided == [*((value, "fresh") for value in (0.0, 12.0, 7.0, 8.0)), (8.0, "held")]
    assert any(line.get("pushed") for line in lines if line["is"] == "decision")
    told = [(line["call"], line["value"]) for line in lines if line["is"] == "told" and line["n"] == numbers["jobs"]]
    assert [value for call, value in told if call == "GetMetrics"][-1] == 8.0
    assert ("GetMetrics", 12.0) in told


def _check_recording(folder: Path) -> None:
    recording = read(folder)
    assert (recording.troubles.bad, len(recording.troubles.torn)) == (0, 1)
    idle, jobs = (each.triggers[0] for each in recording.scaled)
    assert (idle.name, jobs.name, jobs.kind, jobs.target, jobs.pushed) == ("idle", "jobs", "redis", 5.0, True)
    assert jobs.series.values[-1] == 8_000
    assert reconstructed(jobs).size == 13
    assert not reconstructed(idle).size
    found = replay(folder, {"keda-poll": {}}, Asked(seeds=(1,)))
    assert found.study is not None
    assert [case.seeds[0].arrived for case in found.study.cases] == [13, 13]
    assert re.search("no replicas were recorded", "\n".join(found.remarks))
