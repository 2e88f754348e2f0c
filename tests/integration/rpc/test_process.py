"""The command as Kubernetes runs it: started, asked, told to stop."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from scaler.errors import ConfigError
from scaler.probes.memory import Memory
from scaler.probes.registry import Catalogue
from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from scaler.rpc.server import Listen
from scaler.service import Settings, running
from tests.integration.rpc.process import Scaler
from tests.integration.rpc.served import listening, refused, until
from tests.servers.ports import accepts, free_port

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def scaler(tmp_path: Path) -> Iterator[Scaler]:
    with Scaler(tmp_path) as running:
        yield running
        running.kill()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Run a server that accepts and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@asynccontextmanager
async def connected(scaler: Scaler) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(scaler.address) as channel:
        yield channel


def ref(name: str = "orders", **metadata: str) -> ScaledObjectRef:
    said = metadata or {"kind": "memory", "key": name}
    return ScaledObjectRef(namespace="shop", name=name, scalerMetadata=said)


def hung_sources(address: str) -> list[ScaledObjectRef]:
    return [
        ref("redis", kind="redis", address=address, listName="jobs"),
        ref("kafka", kind="kafka", bootstrapServers=address, consumerGroup="g", topic="t"),
        ref(
            "nats", kind="nats-jetstream", natsServerMonitoringEndpoint=address, account="$G", stream="s", consumer="c"
        ),
    ]


async def test_told_to_stop_it_is_unready_ends_streams_with_ok_finishes_calls_and_exits_0(
    scaler: Scaler, black_hole: str
) -> None:
    async with connected(scaler) as channel:
        stub = ExternalScalerStub(channel)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="readiness"))
        async with (
            listening(stub.StreamIsActive(ref())) as pushes,
            listening(stub.StreamMetricSpec(ref())) as specs,
            listening(watch) as readiness,
        ):
            await specs.messages(1)
            await readiness.messages(1)
            slow = ref("slow", kind="redis", address=black_hole, listName="jobs")
            in_flight = asyncio.ensure_future(refused(stub.IsActive(slow)))
            await until(lambda: any(each["name"] == "slow" for each in scaler.triggers()), "the call is being answered")
            began = time.monotonic()
            scaler.signal(signal.SIGTERM)
            assert (await readiness.messages(2))[1].status == NOT_SERVING
            assert readiness.came[1][0] - began < 1.0
            assert scaler.page("/readyz") == (503, "not ready\n")
            assert scaler.page("/healthz") == (200, "ok\n")
            await stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref()))
            assert await pushes.ended() is grpc.StatusCode.OK
            pushed_until = time.monotonic()
            assert await specs.ended() is grpc.StatusCode.OK
            assert time.monotonic() - pushed_until > 2.0, "KEDA follows the pushes again before it reconciles"
            assert (await in_flight)[1].startswith("no reading yet")
            code, _ = await asyncio.to_thread(scaler.left)
            assert (code, time.monotonic() - began < 10.0) == (0, True)
    assert not accepts(scaler.port)


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGINT)],
)
async def test_a_second_signal_ends_it_at_once(scaler: Scaler, first: signal.Signals, second: signal.Signals) -> None:
    scaler.signal(first)
    await until(lambda: scaler.page("/readyz")[0] == 503, "draining")
    scaler.signal(second)
    code, took = await asyncio.to_thread(scaler.left)
    assert (code, took < 0.5) == (-second, True)
    assert "Traceback" not in scaler.said()


async def test_it_stops_in_time_while_sources_hang_and_clients_stay(scaler: Scaler, black_hole: str) -> None:
    async with connected(scaler) as channel:
        stub = ExternalScalerStub(channel)
        for trigger in hung_sources(black_hole):
            status, said = await refused(stub.IsActive(trigger))
            assert status is grpc.StatusCode.UNAVAILABLE, said
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="liveness"))
        with closing(socket.create_connection((scaler.host, scaler.port))):
            async with listening(watch) as liveness:
                await liveness.messages(1)
                scaler.signal(signal.SIGTERM)
                code, took = await asyncio.to_thread(scaler.left)
    assert (code, took < 10.0) == (0, True)


@pytest.mark.parametrize("option", ["--listen", "--http"])
def test_a_port_in_use_is_one_line_and_exit_2(scaler: Scaler, option: str) -> None:
    port = {"--listen": scaler.port, "--http": scaler.http_port}[option]
    ports = {"--listen": f"127.0.0.1:{free_port()}", "--http": f"127.0.0.1:{free_port()}"}
    ports[option] = f"127.0.0.1:{port}"
    options = [word for pair in ports.items() for word in pair]
    done = subprocess.run(
        [sys.executable, "-m", "scaler.cli", "serve", "--dev", "--log-level", "error", *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if "probe cannot be loaded" not in line]
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1)
    assert f"cannot listen on 127.0.0.1:{port}" in lines[0]


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", ":::1", ""])
@pytest.mark.parametrize("of", ["grpc", "http"])
async def test_an_address_that_is_none_is_told_in_one_sentence(of: str, address: str) -> None:
    addresses = {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", of: address}
    settings = Settings(listen=Listen(address=addresses["grpc"], linger=0), http=addresses["http"], dev=True)
    with pytest.raises(ConfigError, match=r"^cannot listen: .* is not host:port$"):
        async with running(settings, Catalogue(kinds={"memory": Memory()})):
            pass


async def test_without_any_configuration_and_without_dev_loopback_may_not_be_read(
    tmp_path: Path, black_hole: str
) -> None:
    scaler = Scaler(tmp_path, "--log-level", "info")
    async with scaler, connected(scaler) as channel:
        code, said = await refused(ExternalScalerStub(channel).IsActive(hung_sources(black_hole)[0]))
        assert (code, said.startswith("no reading yet: forbidden by egress rules: ")) == (
            grpc.StatusCode.UNAVAILABLE,
            True,
        )


def test_it_logs_json_for_machines_and_words_for_people(tmp_path: Path) -> None:
    for options, mark in ((("--dev",), "serving  "), (("--log-level", "info"), '"event": "serving"')):
        with Scaler(tmp_path / options[0].strip("-"), *options) as scaler:
            assert mark in scaler.said()


def test_a_foreign_thread_that_never_ends_does_not_keep_the_process() -> None:
    program = """
import threading, time
from scaler.aio import end_within
threading.Thread(target=time.sleep, args=(60,)).start()
end_within(0.5)
"""
    began = time.monotonic()
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0
    assert time.monotonic() - began < 20
