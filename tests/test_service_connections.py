"""Connections as a whole: from the file and a folder with credentials to what KEDA is told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from scaler.rpc.pb.externalscaler_pb2 import ScaledObjectRef
from tests.test_service_config import Lamp, World, ref, serving, until, write

TEXT = """
egress: {allowInline: false}
connections:
  hall:
    kind: lamp
    namespaces: [shop]
    parameters: {target: 3}
    folder: {name: hall, keys: {host: address}}
"""
HALL = {"kind": "lamp", "connection": "hall"}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Path]:
    """Return the file with the one credential that there is."""
    (tmp_path / "secrets" / "hall").mkdir(parents=True)
    file = tmp_path / "secrets" / "hall" / "address"
    file.write_text("127.0.0.1\n")
    yield file
    assert Lamp.open_now == []


def put(file: Path, text: str | None) -> None:
    """Write a file, or take it away."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


def why(world: World) -> str:
    return next(iter(world.service.decisions)).judge.verdict.why.name


async def refusal(world: World, call: ScaledObjectRef) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.value(call)
    return str(caught.value.details())


async def test_a_connection_is_read_where_no_address_may_be_named(tmp_path: Path, address: Path) -> None:
    del address
    async with serving(tmp_path / "c.yaml", TEXT) as world:
        assert await world.value(ref(**HALL)) == 7
        assert (await world.stub.GetMetricSpec(ref(**HALL))).metricSpecs[0].targetSizeFloat == 3
        assert "egress.allowInline is false" in await refusal(world, ref(kind="lamp", host="127.0.0.1"))
        assert len(Lamp.open_now) == 1


async def test_the_rules_hold_for_connections_too(tmp_path: Path, address: Path) -> None:
    del address
    async with serving(tmp_path / "c.yaml", TEXT) as world:
        assert await world.value(ref(**HALL)) == 7
        write(world.file, TEXT.replace("allowInline: false", "deny: [{cidr: 127.0.0.0/8}]"))
        await until(lambda: why(world) == "HELD")
        assert await world.value(ref(**HALL)) == 7
        assert (await world.status())["triggers"][0]["outage"]["cause"] == "forbidden by egress rules"


async def test_a_credential_that_changes_or_is_lost_lets_go_of_nothing(tmp_path: Path, address: Path) -> None:
    async with serving(tmp_path / "c.yaml", TEXT) as world:
        assert await world.value(ref(**HALL)) == 7
        before = Lamp.open_now[0]
        put(address, "localhost")
        assert await until(lambda: Lamp.open_now not in ([], [before]) and why(world) == "BACKLOG") < 1.5
        put(address, None)
        await until(lambda: why(world) == "HELD")
        assert await world.value(ref(**HALL)) == 7
        assert (await world.stub.IsActive(ref(**HALL))).result
        put(address, "localhost")
        await until(lambda: why(world) == "BACKLOG")


async def test_without_its_credential_a_trigger_is_understood_and_says_what_is_missing(
    tmp_path: Path, address: Path
) -> None:
    put(address, None)
    async with serving(tmp_path / "c.yaml", TEXT) as world:
        assert (await world.stub.GetMetricSpec(ref(**HALL))).metricSpecs[0].targetSizeFloat == 3
        assert "folder hall has no key address" in await refusal(world, ref(**HALL))
        put(address, "127.0.0.1")
        async with asyncio.timeout(5):
            while not Lamp.open_now:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.02)
        assert await world.value(ref(**HALL)) == 7


async def test_who_may_not_use_it_is_told_as_if_there_were_none(tmp_path: Path, address: Path) -> None:
    del address
    async with serving(tmp_path / "c.yaml", TEXT) as world:
        stranger = ScaledObjectRef(namespace="elsewhere", name="o", scalerMetadata=HALL)
        assert "no connection 'hall' for namespace 'elsewhere'" in await refusal(world, stranger)
        before = (await world.status())["config"]["hash"]
        write(world.file, TEXT.replace("[shop]", "[shop, else*]"))
        await world.config(lambda config: config["hash"] != before)
        assert await world.value(stranger) == 7
