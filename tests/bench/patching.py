"""The yardstick of claims: a bare loop that sends JSON Patches. ``python -m tests.bench.patching``.

Its input is one JSON object: ``url``, ``ca`` (a file), ``token``, ``connections``, and ``calls``, each a path and a
text. It prints the seconds that all took together, those of the processor here, and how many were refused.
"""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import aiohttp

HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json-patch+json"}


async def main(said: dict[str, Any]) -> None:
    """Send all, so many at once."""
    trust = ssl.create_default_context(cafile=said["ca"])
    connector = aiohttp.TCPConnector(ssl=trust, limit=said["connections"])
    headers = {**HEADERS, "Authorization": f"Bearer {said['token']}"}
    async with aiohttp.ClientSession(said["url"], connector=connector, headers=headers) as session:
        for _ in range(said["connections"]):
            async with session.get("/readyz") as answer:
                await answer.read()
        calls = iter(said["calls"])
        begun, used = time.monotonic(), time.process_time()
        refused = await asyncio.gather(*(_send(session, calls) for _ in range(said["connections"])))
        took = {"seconds": time.monotonic() - begun, "cpu": time.process_time() - used, "refused": sum(refused)}
        print(json.dumps(took))


async def _send(session: aiohttp.ClientSession, calls: Iterator[list[str]]) -> int:
    refused = 0
    for path, body in calls:
        async with session.patch(path, data=body) as answer:
            json.loads(await answer.read())
            refused += answer.status != HTTPStatus.OK
    return refused


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
