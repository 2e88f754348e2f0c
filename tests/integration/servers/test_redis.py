import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.servers.redis import Redis


def _client(port: int, **options: Any) -> Client:
    """Connect without the library's ten hidden retries; asked for more patience it would wait for a minute."""
    return Client(host="127.0.0.1", port=port, socket_timeout=1.0, retry=Retry(NoBackoff(), 0), **options)


async def test_data_survives_a_kill_and_not_a_fresh_restart(redis_server: Redis) -> None:
    async with _client(redis_server.port) as client:
        await client.rpush("survivors", "a", "b")
        redis_server.kill()
        with pytest.raises(RedisError):
            await client.llen("survivors")
        await asyncio.to_thread(redis_server.start)
        assert await client.llen("survivors") == 2
        await client.aclose()
        await asyncio.to_thread(redis_server.restart, fresh=True)
        assert await client.llen("survivors") == 0


async def test_a_paused_server_is_silent_and_goes_on_afterwards(redis_server: Redis) -> None:
    async with _client(redis_server.port) as client:
        await client.ping()
        redis_server.pause()
        with pytest.raises(RedisError):
            await client.ping()
        redis_server.resume()
        assert await client.ping()


def test_a_shared_server_may_be_left_dead(redis_server: Redis) -> None:
    redis_server.kill()


def test_and_the_next_test_finds_it_running(redis_server: Redis) -> None:
    assert redis_server.cli("PING") == "PONG"


@pytest.mark.requires("redis")
async def test_a_password_and_tls_are_asked_for(tmp_path: Path) -> None:
    with Redis(tmp_path, password="open-sesame", tls=True, config=["maxclients 10"]) as server:
        assert server.cli("CONFIG", "GET", "maxclients").split() == ["maxclients", "10"]
        assert server.version[0].isdigit()
        assert server.certificates is not None
        async with _client(server.port) as stranger:
            with pytest.raises(RedisError, match="authenticated"):
                await stranger.ping()
        async with _client(
            server.tls_port or 0, password=server.password, ssl=True, ssl_ca_certs=str(server.certificates.ca)
        ) as guest:
            assert await guest.ping()
