"""Calls and streams: our servicer beside a bare handler, both on core 0, with h2load on core 1 as the client."""

import asyncio
import shutil
import statistics
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import grpc

from scaler.rpc.pb.externalscaler_pb2 import ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.bench.facts import header, told
from tests.bench.process import Running, free_port, running, scaler

ROUNDS: Final = 7
CALLS: Final = 20_000
IN_FLIGHT: Final = 32
STREAMS: Final = 10_000
REF: Final = ScaledObjectRef(
    name="orders",
    namespace="shop",
    scalerMetadata={
        "kind": "memory",
        "key": "orders",
        "target": "5",
        "activation": "0",
        "interval": "2s",
        "holdFor": "1h",
        "zeroConfirm": "2",
        "pool": "shop-orders-pool",
        "scalerAddress": "warmscaler.warmscaler.svc.cluster.local:6000",
        "onUnknown": "freeze",
    },
)


def main() -> None:
    """Print throughput side by side, latency at a fixed rate, and the memory of idle streams."""
    print(header("rpc"))
    if shutil.which("h2load") is None:
        raise SystemExit("h2load is missing: apt-get install nghttp2-client")
    bare_port = free_port()
    with (
        running("-m", "tests.bench.bare", str(bare_port), port=bare_port, cores={0}) as bare,
        scaler(cores={0}) as ours,
    ):
        _compare(bare, ours)
        _at_a_rate(ours, 1000)
    with scaler() as ours:
        asyncio.run(_idle_streams(ours))


def _compare(bare: Running, ours: Running) -> None:
    pairs = [(throughput(bare), throughput(ours)) for _ in range(ROUNDS)]
    for name, figures in zip(("bare grpc.aio handler", "warmscaler IsActive"), zip(*pairs, strict=True), strict=True):
        rate, cpu = (statistics.median(each) for each in zip(*figures, strict=True))
        print(f"{name:24} {rate:7.0f} calls/s  {cpu:5.0f} us of processor a call  (median of {ROUNDS})")
    rates = [ours[0] / bare[0] for bare, ours in pairs]
    cpus = [bare[1] / ours[1] for bare, ours in pairs]
    print(
        f"throughput, ours / bare: median {statistics.median(rates):.3f} (min {min(rates):.3f}, max {max(rates):.3f})"
    )
    print(f"calls per processor second, ours / bare: median {statistics.median(cpus):.3f}")


def throughput(server: Running) -> tuple[float, float]:
    """Return calls a second and processor microseconds a call."""
    before = server.cpu_seconds()
    output = _h2load(server, "-n", str(CALLS), "-c", "1", "-m", str(IN_FLIGHT))
    if f"{CALLS} succeeded" not in output:
        raise RuntimeError(output)
    rate = next(line for line in output.splitlines() if line.startswith("finished in"))
    return float(rate.split(",")[1].split()[0]), (server.cpu_seconds() - before) / CALLS * 1e6


def _at_a_rate(server: Running, rate: int, seconds: int = 15) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        _h2load(server, "-n", str(rate * seconds), "-c", "1", "-m", "100", f"--rps={rate}", f"--log-file={log}")
        micros = [float(line.split("\t")[2]) for line in log.read_text().splitlines()]
    print(f"IsActive at {rate} calls/s, one core: {told([each / 1000 for each in micros])}")


def _h2load(server: Running, *options: str) -> str:
    message = REF.SerializeToString()
    with tempfile.NamedTemporaryFile() as body:
        body.write(struct.pack(">BI", 0, len(message)) + message)
        body.flush()
        command = ["taskset", "-c", "1", "h2load", "-d", body.name, "-H", "content-type: application/grpc"]
        url = f"http://127.0.0.1:{server.port}/externalscaler.ExternalScaler/IsActive"
        command += ["-H", "te: trailers", *options, url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def _idle_streams(server: Running) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = ExternalScalerStub(channel)
        await stub.IsActive(REF)
        before = server.resident_mib()
        streams = [stub.StreamIsActive(REF) for _ in range(STREAMS)]
        pending = [asyncio.ensure_future(stream.initial_metadata()) for stream in streams]
        while (opened := server.metric("warmscaler_grpc_streams")) < STREAMS:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
        grown = server.resident_mib() - before
        print(f"{opened:.0f} idle streams opened at once: {grown * 1024 / STREAMS:.1f} KiB each ({grown:.0f} MiB)")
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


if __name__ == "__main__":
    main()
