"""A new configuration reaches KEDA, and the sources, while the service runs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn

import aiohttp
import grpc
import pytest
from pydantic import Field

from scaler.errors import ConfigError
from scaler.model import Ask, Metric
from scaler.probes.base import Amount, Found, Pace, Surroundings, Unwatchable, Watching
from scaler.probes.memory import SHELF, Memory
from scaler.probes.registry import AnyProbe, Catalogue
from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from scaler.rpc.server import Listen
from scaler.service import Service, Settings, running
from scaler.triggers.params import Params
from scaler.triggers.values import Number

PATIENCE = 20.0  # s: what a busy machine may take before a test gives up


class LampParams(Params):
    """A lamp at an address."""

    host: Annotated[str, Field(description="Where the lamp stands.")]
    target: Annotated[Number, Field(gt=0, description="For one replica.")] = 5.0


class Lamp:
    """A kind whose sources check their address when they are opened, and count themselves."""

    kind: ClassVar[str] = "lamp"
    params: ClassVar = LampParams
    pace = Pace(timeout=1.0)
    open_now: ClassVar[list["OpenLamp"]] = []

    def ask(self, params: LampParams) -> Ask:
        return Ask(source=params.host, query="light", metric=Metric(name="lamp", target=params.target))

    async def open(self, source: str, surroundings: Surroundings) -> "OpenLamp":
        await surroundings.egress.resolve(source, 80)
        return OpenLamp()


class OpenLamp:
    """Reads seven, always."""

    def __init__(self) -> None:
        Lamp.open_now.append(self)

    async def read(self, queries: Collection[str]) -> Mapping[str, Found]:
        return dict.fromkeys(queries, Amount.of(7))

    async def watch(self, watching: Watching[str]) -> NoReturn:
        del watching
        raise Unwatchable

    async def close(self) -> None:
        Lamp.open_now.remove(self)


@dataclass
class World:
    """A running service, its file, and a client of it."""

    service: Service
    file: Path
    stub: ExternalScalerStub

    async def status(self) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.service.http_port}/status") as answer,
        ):
            return json.loads(await answer.text())

    async def config(self, fact: Callable[[Any], bool]) -> Any:
        """Wait until ``fact`` is true of what the status says of the configuration."""
        async with asyncio.timeout(PATIENCE):
            while True:
                config = (await self.status())["config"]
                if fact(config):
                    return config
                await asyncio.sleep(0.02)

    async def value(self, ref: ScaledObjectRef) -> float:
        answer = await self.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref, metricName="m"))
        return answer.metricValues[0].metricValueFloat


@asynccontextmanager
async def serving(file: Path, text: str, *, dev: bool = True) -> AsyncIterator[World]:
    write(file, text)
    settings = Settings(
        listen=Listen(address="127.0.0.1:0", linger=0),
        http="127.0.0.1:0",
        config=file,
        dev=dev,
        secrets=file.parent / "secrets",
        state=file.parent / "state",
    )
    kinds: dict[str, AnyProbe] = {"memory": Memory(), "lamp": Lamp()}
    async with (
        running(settings, Catalogue(kinds=kinds)) as service,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.port}") as channel,
    ):
        yield World(service=service, file=file, stub=ExternalScalerStub(channel))


def write(file: Path, text: str) -> None:
    file.write_text(f"version: 1\n{text}\n")


def ref(**metadata: str) -> ScaledObjectRef:
    return ScaledObjectRef(namespace="shop", name="orders", scalerMetadata=metadata)


async def until(fact: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < PATIENCE, "it never came true"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_a_changed_default_target_reaches_the_stream_of_specs_at_once(tmp_path: Path) -> None:
    orders = ref(kind="memory", key="orders")
    async with serving(tmp_path / "c.yaml", "defaults: {kinds: {memory: {target: 4}}}") as world:
        async with asyncio.timeout(PATIENCE):
            stream = world.stub.StreamMetricSpec(orders)
            assert (await stream.read()).metricSpecs[0].targetSizeFloat == 4
            began = time.monotonic()
            write(world.file, "defaults: {kinds: {memory: {target: 9}}}")
            assert (await stream.read()).metricSpecs[0].targetSizeFloat == 9
            assert time.monotonic() - began < 1.0
            assert (await world.stub.GetMetricSpec(orders)).metricSpecs[0].targetSizeFloat == 9
        stream.cancel()


async def test_what_a_trigger_says_itself_does_not_change(tmp_path: Path) -> None:
    orders = ref(kind="memory", key="orders", target="3")
    async with serving(tmp_path / "c.yaml", "defaults: {kinds: {memory: {target: 4}}}") as world:
        assert (await world.stub.GetMetricSpec(orders)).metricSpecs[0].targetSizeFloat == 3


async def test_a_changed_interval_during_an_outage_keeps_what_is_held(tmp_path: Path) -> None:
    orders = ref(kind="memory", key="held")
    SHELF.put("held", 12)
    async with serving(tmp_path / "c.yaml", "defaults: {interval: 100ms}") as world:
        assert await world.value(orders) == 12
        SHELF.reachable = False
        try:
            live = next(iter(world.service.decisions))
            await until(lambda: live.judge.verdict.why.name == "HELD")
            write(world.file, "defaults: {interval: 200ms}")
            await until(lambda: live.trigger.interval == 0.2)
            assert await world.value(orders) == 12
            assert (await world.stub.IsActive(orders)).result
        finally:
            SHELF.reachable = True


async def test_a_changed_limit_counts_for_the_next_trigger(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.yaml", "limits: {triggers: 1}") as world:
        await world.stub.GetMetricSpec(ref(kind="memory", key="a"))
        with pytest.raises(grpc.aio.AioRpcError, match=r"limits\.triggers"):
            await world.stub.GetMetricSpec(ref(kind="memory", key="b"))
        before = (await world.status())["config"]["hash"]
        write(world.file, "limits: {triggers: 2}")
        await world.config(lambda config: config["hash"] != before)
        await world.stub.GetMetricSpec(ref(kind="memory", key="b"))


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param("deny: [{cidr: 127.0.0.0/8}]", id="denied"),
        pytest.param("allow: [{cidr: 10.0.0.0/8}]", id="not among what is allowed"),
        pytest.param("allowInline: false", id="no address may be named in metadata"),
    ],
)
async def test_a_source_that_is_forbidden_now_is_closed_and_held_and_opened_again_when_it_may_be(
    tmp_path: Path, rules: str
) -> None:
    lamp = ref(kind="lamp", host="127.0.0.1")
    async with serving(tmp_path / "c.yaml", "") as world:
        assert await world.value(lamp) == 7
        assert len(Lamp.open_now) == 1
        write(world.file, f"egress: {{{rules}}}")
        assert await until(lambda: not Lamp.open_now) < 1.5
        await until(lambda: next(iter(world.service.decisions)).judge.verdict.why.name == "HELD")
        assert await world.value(lamp) == 7
        told = (await world.status())["triggers"][0]
        assert (told["state"], told["outage"]["cause"]) == ("held", "forbidden by egress rules")
        write(world.file, "")
        await until(lambda: next(iter(world.service.decisions)).judge.verdict.why.name == "BACKLOG")
        assert len(Lamp.open_now) == 1
    assert Lamp.open_now == []


async def test_a_new_trigger_of_a_forbidden_source_is_told_why(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.yaml", "egress: {allowInline: false}") as world:
        assert (await world.stub.GetMetricSpec(ref(kind="lamp", host="127.0.0.1"))).metricSpecs
        with pytest.raises(grpc.aio.AioRpcError, match=r"egress\.allowInline is false"):
            await world.value(ref(kind="lamp", host="127.0.0.1"))


async def test_a_source_that_may_still_be_read_is_opened_anew_without_an_outage(tmp_path: Path) -> None:
    lamp = ref(kind="lamp", host="127.0.0.1")
    async with serving(tmp_path / "c.yaml", "defaults: {interval: 100ms}") as world:
        assert await world.value(lamp) == 7
        first, judge = Lamp.open_now[0], next(iter(world.service.decisions)).judge
        write(world.file, "defaults: {interval: 100ms}\negress: {deny: [{port: 9, host: a}]}")
        await until(lambda: Lamp.open_now != [first] and bool(Lamp.open_now))
        assert judge.verdict.why.name == "BACKLOG"


async def test_dev_lets_loopback_be_read_whatever_the_file_says(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.yaml", "egress: {loopback: false}") as world:
        assert await world.value(ref(kind="lamp", host="127.0.0.1")) == 7


async def test_without_dev_the_file_decides_about_loopback(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.yaml", "egress: {loopback: true}", dev=False) as world:
        assert await world.value(ref(kind="lamp", host="127.0.0.1")) == 7


async def test_an_invalid_file_is_told_in_the_status_and_changes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.yaml", "defaults: {kinds: {memory: {target: 4}}}") as world:
        write(world.file, "pols: {}")
        config = await world.config(lambda config: not config["valid"])
        assert config["problems"] == ["2:1: unknown key 'pols', did you mean 'pools'?"]
        assert config["age"] > 0
        assert (await world.stub.GetMetricSpec(ref(kind="memory", key="o"))).metricSpecs[0].targetSizeFloat == 4


async def test_a_file_that_is_bad_to_begin_with_is_refused_before_any_port_is_open(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2:1: unknown key 'pols'"):
        async with serving(tmp_path / "c.yaml", "pols: {}"):
            pass


async def test_a_start_with_a_bad_file_serves_by_the_last_good_one(tmp_path: Path) -> None:
    orders = ref(kind="memory", key="o")
    async with serving(tmp_path / "c.yaml", "defaults: {kinds: {memory: {target: 4}}}") as world:
        good = (await world.status())["config"]["hash"]
        await until(lambda: any((tmp_path / "state").glob("*.last-good.yaml")))
    async with serving(tmp_path / "c.yaml", "pols: {}") as world:
        assert (await world.stub.GetMetricSpec(orders)).metricSpecs[0].targetSizeFloat == 4
        config = (await world.status())["config"]
        assert (config["hash"], config["valid"]) == (good, False)
