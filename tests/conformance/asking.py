"""What the cases are written with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import pytest

from scaler.errors import ApiRefused
from scaler.net.kube import JSON_PATCH, MERGE, NOT_FOUND, Document, Event, Kube, Resource

WITHIN = 30.0  # s for whatever a controller is to do
LOOK = 0.02  # s between two looks

Case = Callable[["Asked"], Awaitable[None]]


class Asked:
    """A cluster that is asked: one namespace of it."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube = kube
        self.namespace = namespace

    async def make(self, resource: Resource, document: Document) -> Document:
        """Create an object."""
        return await self.kube.call("POST", resource.path(self.namespace), document)

    async def get(self, resource: Resource, name: str, sub: str = "") -> Document:
        """Return an object."""
        return await self.kube.get(resource, self.namespace, name, sub)

    async def find(self, resource: Resource, name: str) -> Document | None:
        """Return an object, None if there is none."""
        try:
            return await self.get(resource, name)
        except ApiRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    async def put(self, resource: Resource, document: Document, sub: str = "") -> Document:
        """Replace an object."""
        return await self.kube.call("PUT", resource.path(self.namespace, document["metadata"]["name"], sub), document)

    async def patch(self, resource: Resource, name: str, *operations: tuple[str, str, Any]) -> Document:
        """Send a JSON Patch of (op, path, value)."""
        body = [{"op": op, "path": path, "value": value} for op, path, value in operations]
        return await self.kube.call("PATCH", resource.path(self.namespace, name), body, content=JSON_PATCH)

    async def merge(self, resource: Resource, name: str, change: Document, sub: str = "") -> Document:
        """Send a merge patch."""
        return await self.kube.call("PATCH", resource.path(self.namespace, name, sub), change, content=MERGE)

    async def delete(self, resource: Resource, name: str, **options: Any) -> Document:
        """Delete an object."""
        return await self.kube.call("DELETE", resource.path(self.namespace, name), options or None)

    async def all(self, resource: Resource, **query: str) -> Document:
        """Return a list."""
        return await self.kube.call("GET", resource.path(self.namespace), query=query)

    async def named(self, resource: Resource, **query: str) -> list[str]:
        """Return the names of all objects that a query selects."""
        return [each["metadata"]["name"] for each in (await self.all(resource, **query))["items"]]

    async def until(self, fact: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Wait until a fact is there and return it."""
        end = asyncio.get_running_loop().time() + WITHIN
        while not (found := await fact()):
            assert asyncio.get_running_loop().time() < end, f"not in {WITHIN:g} s: {what}"
            await asyncio.sleep(LOOK)
        return found

    async def gone(self, resource: Resource, name: str) -> None:
        """Wait until an object is gone."""

        async def absent() -> bool:
            return await self.find(resource, name) is None

        await self.until(absent, f"{name} is gone")

    @asynccontextmanager
    async def watched(self, resource: Resource, *, seconds: int = 60, **query: str) -> AsyncIterator["Heard"]:
        """Watch from now on."""
        since = (await self.all(resource, **query))["metadata"]["resourceVersion"]
        path = resource.path(self.namespace)
        async with aclosing(self.kube.events(path, {**query, "resourceVersion": since}, seconds)) as events:
            yield Heard(events)


class Heard:
    """What a watch tells."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self._events = events

    async def next(self) -> Event:
        """Return the next event that is no bookmark."""
        async with asyncio.timeout(WITHIN):
            async for event in self._events:
                if event[0] != "BOOKMARK":
                    return event
        raise AssertionError("the watch is over")

    async def kinds(self, count: int) -> list[str]:
        """Return the types and names of the next events."""
        heard = [await self.next() for _ in range(count)]
        return [f"{kind} {seen['metadata']['name']}" for kind, seen, _ in heard]


@contextmanager
def refused(status: int) -> Iterator[None]:
    """Expect a refusal."""
    with pytest.raises(ApiRefused) as why:
        yield
    assert why.value.status == status, str(why.value)


def version_of(document: Document) -> int:
    """Return an object's version as the number that it is."""
    return int(document["metadata"]["resourceVersion"])
