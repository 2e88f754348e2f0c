import asyncio
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from tests.servers.nats import Nats, NatsCluster


async def _quiet(_: Exception) -> None:
    """Keep the client from printing what the test provokes."""


async def _connect(url: str | list[str], **options: Any) -> Client:
    client = Client()
    try:
        await client.connect(url, connect_timeout=2, reconnect_time_wait=1, error_cb=_quiet, **options)
    except NatsError:
        await client.close()  # a refused connection stays open otherwise
        raise
    return client


async def test_a_stream_survives_a_kill_and_not_a_fresh_restart(nats_server: Nats) -> None:
    async with await _connect(nats_server.url) as client:
        stream = client.jetstream()
        await stream.add_stream(name="SURVIVORS", subjects=["survivors"])
        await stream.publish("survivors", b"1")
        nats_server.kill()
        await asyncio.to_thread(nats_server.start)
        assert (await stream.stream_info("SURVIVORS")).state.messages == 1
        await asyncio.to_thread(nats_server.restart, fresh=True)
        assert await stream.streams_info() == []


async def test_a_paused_server_is_silent_and_goes_on_afterwards(nats_server: Nats) -> None:
    async with await _connect(nats_server.url) as client:
        asker = client.jetstream(timeout=0.3)
        nats_server.pause()
        with pytest.raises(NatsError):
            await asker.account_info()
        nats_server.resume()
        await client.jetstream().account_info()


def test_the_monitoring_endpoint_tells_of_jetstream(nats_server: Nats) -> None:
    status, document = nats_server.get("/jsz")
    assert (status, "streams" in document) == (200, True)


@pytest.mark.requires("nats")
async def test_a_password_is_asked_for(tmp_path: Path) -> None:
    async with Nats(tmp_path, user="ada", password="secret") as server:
        with pytest.raises(NatsError):
            await _connect(server.url, allow_reconnect=False)
        async with await _connect(server.url, user="ada", password="secret") as client:
            assert client.is_connected


@pytest.mark.requires("nats")
def test_a_cluster_goes_on_without_one_of_three(tmp_path: Path) -> None:
    with NatsCluster(tmp_path) as cluster:
        asyncio.run(_lose_one(cluster))


async def _lose_one(cluster: NatsCluster) -> None:
    async with await _connect(cluster.urls) as client:
        stream = client.jetstream(timeout=1)
        await stream.add_stream(name="SHARED", subjects=["shared"], num_replicas=3)
        cluster.servers[0].kill()
        await _publish_again_and_again(stream, "shared")
        assert (await stream.stream_info("SHARED")).state.messages >= 1


async def _publish_again_and_again(stream: JetStreamContext, subject: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await stream.publish(subject, b"1")
            except NatsError:  # a new leader is being elected
                continue
            return
