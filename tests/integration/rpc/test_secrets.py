"""A password travels from KEDA to the source, and nowhere else: not into logs, pages, metrics or errors."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest

from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.integration.rpc.process import Scaler
from tests.integration.rpc.served import refused, until
from tests.servers.redis import Redis

RIGHT = "canary/right+4711"
WRONG = "canary/wrong+0815"
FORMS = [
    form for text in (RIGHT, WRONG) for form in (text, quote(text, safe=""), base64.b64encode(text.encode()).decode())
]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    async with Redis(tmp_path / "redis", password=RIGHT) as server:
        yield server


def ref(name: str, **metadata: str) -> ScaledObjectRef:
    return ScaledObjectRef(namespace="shop", name=name, scalerMetadata=metadata)


def refs(redis: Redis) -> list[ScaledObjectRef]:
    """Name what has a password that is right, wrong, or misplaced."""
    address, dead = redis.address, "127.0.0.1:9"
    listed = {"kind": "redis", "address": address, "listName": "jobs", "interval": "100ms"}
    kafka = {"kind": "kafka", "bootstrapServers": dead, "consumerGroup": "g", "topic": "t", "sasl": "plaintext"}
    nats = {"kind": "nats-jetstream", "account": "$G", "stream": "s", "consumer": "c"}
    return [
        ref("right", **listed, passwordFromEnv=RIGHT),
        ref("wrong", **listed, password=WRONG),
        ref("dead", **{**listed, "address": dead}, passwordFromEnv=RIGHT),
        ref("misspelt", **listed, passwrod=WRONG, passwrodFromEnv=WRONG),
        ref("misplaced", **{**listed, "address": ""}, addressFromEnv=f"redis://u:{WRONG}@{address}"),
        ref("misread", **{**listed, "listLengthFromEnv": WRONG}),
        ref("kafka", **kafka, username="u", passwordFromEnv=WRONG),
        ref("nats", **nats, natsServerMonitoringEndpoint=f"u:{WRONG}@{dead}"),
    ]


@pytest.mark.requires("redis")
async def test_no_password_of_a_source_is_shown_anywhere(redis: Redis, tmp_path: Path) -> None:
    said: list[str] = []
    async with (
        Scaler(tmp_path / "scaler", "--dev", "--log-level", "debug") as scaler,
        grpc.aio.insecure_channel(scaler.address) as channel,
    ):
        stub = ExternalScalerStub(channel)
        right, *others = refs(redis)
        await stub.GetMetrics(GetMetricsRequest(scaledObjectRef=right))
        for each in others:
            said += [str(await refused(stub.IsActive(each)))]
        await asyncio.to_thread(redis.kill)
        await until(lambda: any(each["state"] == "held" for each in scaler.triggers()), "held")
        await asyncio.to_thread(redis.start)
        said += [scaler.page(path)[1] for path in ("/status", "/metrics", "/healthz", "/readyz")]
        states = {each["name"]: each["state"] for each in scaler.triggers()}
    said.append(scaler.said())
    assert states["right"] in {"held", "fresh"}
    assert {"wrong", "dead"} <= {name for name, state in states.items() if state == "unknown"}
    assert "unreadable" in said[-1]
    for text in said:
        assert [form for form in FORMS if form in text] == [], text
