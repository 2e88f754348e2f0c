"""Deployments that a ScaledObject scales by a Redis list each: set up together, watched together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, SCALED_OBJECTS, Api, Document
from tests.cluster.control_plane import condition
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One of them; its list has a name that no other test uses."""

    api: Api
    redis: Redis
    namespace: str
    name: str

    @property
    def key(self) -> str:
        """The name of its list."""
        return f"{self.namespace}:{self.name}"

    @property
    def replicas(self) -> int:
        """What its Deployment is told to have."""
        return int(self.api.get(DEPLOYMENTS, self.name, self.namespace)["spec"]["replicas"])

    def push(self, events: int = 1) -> None:
        """Let so many events wait for it."""
        self.redis.lpush(self.key, *range(events))

    def drain(self) -> None:
        """Take all events away."""
        self.redis.delete(self.key)

    def told(self, kind: str, part: str = "status") -> str:
        """Return a part of a condition of its ScaledObject."""
        return condition(self.api.get(SCALED_OBJECTS, self.name, self.namespace), kind, part)

    def wait_replicas(self, count: int, *, within: float) -> None:
        """Wait until its Deployment is told to have ``count``."""
        wait_until(lambda: self.replicas == count, within=within, what=f"{self.name} has {count} replicas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where functions are deployed: a namespace, a Redis, and the scaler that reads it."""

    api: Api
    redis: Redis
    address: str
    namespace: str
    scaler: Warmscaler

    def function(self, name: str, **options: Any) -> Function:
        """Deploy one, with no replica yet; ``options`` are those of ``follow``."""
        self.api.apply(manifests.deployment(self.namespace, name))
        return self.follow(name, **options)

    def follow(self, name: str, *, push: bool = True, words: Any = None, **spec: Any) -> Function:
        """Apply the ScaledObject of one: ``words`` are more metadata of its trigger, ``spec`` more of itself."""
        return self.scale(name, [self.trigger(name, push=push, **(words or {}))], **spec)

    def trigger(self, name: str, *, push: bool = True, **words: str) -> Document:
        """Return a trigger by the list of ``name``, at a target of five."""
        metadata = {"address": self.address, "listName": f"{self.namespace}:{name}", "listLength": "5", **words}
        return manifests.trigger(self.scaler.address, "redis", metadata, push=push)

    def scale(self, name: str, triggers: Sequence[Document], **spec: Any) -> Function:
        """Apply a ScaledObject of these triggers for the Deployment ``name``."""
        self.api.apply(manifests.scaled_object(self.namespace, name, triggers, **spec))
        return self.at(name)

    def at(self, name: str) -> Function:
        """Return the function, or just the list, of that name."""
        return Function(api=self.api, redis=self.redis, namespace=self.namespace, name=name)

    def pushed(self, count: int, **spec: Any) -> list[Function]:
        """Deploy ``count`` of them; returns when KEDA follows a stream for each."""
        functions = [self.function(f"f{number}", **spec) for number in range(count)]
        self.wait_streams(count)
        wait_until(lambda: all(each.told("Ready") == "True" for each in functions), within=30.0, what="all ready")
        return functions

    def wait_streams(self, count: int, *, within: float = 30.0) -> None:
        """Wait until exactly so many streams are open; more would be another test's that nobody closed."""
        wait_until(lambda: self.scaler.streams() == count, within=within, what=f"{count} streams open")

    def wake(self, name: str, event: Callable[[], object]) -> float:
        """Let ``event`` happen; return the seconds until the Deployment is told to have a replica, seen from here."""
        with self.api.watch(DEPLOYMENTS, self.namespace) as deployments:
            begun = time.monotonic()
            event()
            deployments.until(lambda each: each["metadata"]["name"] == name and each["spec"]["replicas"] >= 1)
            return time.monotonic() - begun

    def replicas(self) -> dict[str, int]:
        """Return what each Deployment is told to have."""
        return {
            each["metadata"]["name"]: each["spec"]["replicas"] for each in self.api.all(DEPLOYMENTS, self.namespace)
        }

    def fill(self, functions: Sequence[Function]) -> None:
        """Give each a backlog of seven at its target of five; returns when each has its two replicas."""
        for function in functions:
            function.push(7)
        wait_until(lambda: set(self.replicas().values()) == {2}, within=60.0, what="two replicas each")

    def fewest(self, seconds: float) -> dict[str, int]:
        """Return the fewest replicas that each Deployment is told to have in the next ``seconds``."""
        fewest = self.replicas()
        with self.api.watch(DEPLOYMENTS, self.namespace, within=seconds) as deployments:
            for _, deployment in deployments:
                name = deployment["metadata"]["name"]
                fewest[name] = min(fewest[name], deployment["spec"]["replicas"])
        return fewest


def quantile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
