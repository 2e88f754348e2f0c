"""Deployments that a ScaledObject scales by a queue each: set up together, watched together."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, SCALED_OBJECTS, Api, Document
from tests.cluster.control_plane import condition
from tests.cluster.sources import Source
from tests.cluster.warmscaler import Replicas, Warmscaler
from tests.servers.process import wait_until

TARGET = 5  # events for each replica


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One of them; its queue has a name that no other test uses."""

    api: Api
    source: Source
    namespace: str
    name: str

    @property
    def queue(self) -> str:
        """The name of its list, stream or topic."""
        return f"{self.namespace}-{self.name}"

    @property
    def replicas(self) -> int:
        """What its Deployment is told to have."""
        return int(self.api.get(DEPLOYMENTS, self.name, self.namespace)["spec"]["replicas"])

    def push(self, events: int = 1) -> None:
        """Let so many more events wait for it."""
        self.source.put(self.queue, events)

    def drain(self) -> None:
        """Take all events away."""
        self.source.drain(self.queue)

    def told(self, kind: str, part: str = "status") -> str:
        """Return a part of a condition of its ScaledObject."""
        return condition(self.api.get(SCALED_OBJECTS, self.name, self.namespace), kind, part)

    def wait_replicas(self, count: int, *, within: float) -> None:
        """Wait until its Deployment is told to have ``count``."""
        Group([self]).wait_replicas(count, within=within)


class Group:
    """Several functions as one: what is done is done to each, and then awaited for all."""

    def __init__(self, members: Iterable[Function]) -> None:
        self._members = tuple(members)

    def __iter__(self) -> Iterator[Function]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def push(self, events: int = 1) -> None:
        """Let so many more events wait for each."""
        for each in self:
            each.push(events)

    def drain(self) -> None:
        """Take all events of all away."""
        for each in self:
            each.drain()

    @property
    def replicas(self) -> dict[str, int]:
        """What each Deployment is told to have, by name."""
        return {each.name: each.replicas for each in self}

    def wait_replicas(self, count: int | Mapping[str, int], *, within: float) -> None:
        """Wait until each Deployment is told to have ``count``, which may differ by name."""
        wanted = {each.name: count if isinstance(count, int) else count[each.name] for each in self}
        self._wait(lambda: self.replicas, wanted, within)

    def wait_told(self, kind: str, status: str, *, within: float) -> None:
        """Wait until a condition of each ScaledObject has that status."""
        wanted = {each.name: (kind, status) for each in self}
        self._wait(lambda: {each.name: (kind, each.told(kind)) for each in self}, wanted, within)

    @staticmethod
    def _wait(seen: Callable[[], Mapping[str, Any]], wanted: Mapping[str, Any], within: float) -> None:
        try:
            wait_until(lambda: seen() == wanted, within=within, what=f"{wanted}")
        except TimeoutError as why:
            why.add_note(f"but {seen()}")
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where functions are deployed: a namespace, the sources of every kind, and the scaler that reads them."""

    api: Api
    namespace: str
    scaler: Warmscaler | Replicas
    sources: Mapping[str, Source]

    def each(self, **options: Any) -> Group:
        """Deploy one function by each source, named after its kind; ``options`` are those of ``follow``."""
        return Group([self.function(kind, source=kind, **options) for kind in self.sources])

    def function(self, name: str, *, source: str = "redis", **options: Any) -> Function:
        """Deploy one, with no replica yet and an empty queue; ``options`` are those of ``follow``."""
        self.at(name, source).source.make(self.at(name, source).queue)
        self.api.apply(manifests.deployment(self.namespace, name))
        return self.follow(name, source=source, **options)

    def follow(
        self,
        name: str,
        *,
        source: str = "redis",
        push: bool = True,
        trigger: Any = None,
        words: Any = None,
        **spec: Any,
    ) -> Function:
        """Apply the ScaledObject of one.

        ``words`` are more metadata of its trigger, ``trigger`` more of the trigger, ``spec`` more of itself.
        """
        triggers = [{**self.trigger(name, source=source, push=push, **(words or {})), **(trigger or {})}]
        return self.scale(name, triggers, source=source, **spec)

    def trigger(
        self,
        name: str,
        *,
        source: str = "redis",
        push: bool = True,
        target: int | None = TARGET,
        **words: str,
    ) -> Document:
        """Return a trigger by the queue of ``name``; without a ``target`` the service's own default counts."""
        one = self.sources[source]
        aim = {} if target is None else {one.target: f"{target}"}
        metadata = {**one.words(self.at(name, source).queue), **aim, **words}
        return manifests.trigger(self.scaler.address, source, metadata, push=push)

    def scale(self, name: str, triggers: Sequence[Document], *, source: str = "redis", **spec: Any) -> Function:
        """Apply a ScaledObject of these triggers for the Deployment ``name``."""
        self.api.apply(manifests.scaled_object(self.namespace, name, triggers, **spec))
        return self.at(name, source)

    def at(self, name: str, source: str = "redis") -> Function:
        """Return the function, or just the queue, of that name."""
        return Function(api=self.api, source=self.sources[source], namespace=self.namespace, name=name)

    def pushed(self, count: int, **options: Any) -> Group:
        """Deploy ``count`` of them by Redis; returns when KEDA follows a stream for each."""
        return self.wait_followed(Group([self.function(f"f{number}", **options) for number in range(count)]))

    def wait_followed(self, group: Group) -> Group:
        """Return when KEDA follows a stream for each and no others, and says that each is ready."""
        self.wait_streams(len(group))
        group.wait_told("Ready", "True", within=30.0)
        return group

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

    def fill(self, functions: Iterable[Function]) -> None:
        """Give each a backlog of seven at its target of five; returns when each has its two replicas."""
        group = Group(functions)
        group.push(7)
        group.wait_replicas(2, within=60.0)

    def fewest(self, seconds: float) -> dict[str, int]:
        """Return the fewest replicas that each Deployment is told to have in the next ``seconds``."""
        return self.extremes(seconds)[0]

    def most(self, seconds: float) -> dict[str, int]:
        """Return the most replicas that each Deployment is told to have in the next ``seconds``."""
        return self.extremes(seconds)[1]

    def extremes(self, seconds: float) -> tuple[dict[str, int], dict[str, int]]:
        """Return the fewest and the most replicas that each Deployment is told to have in the next ``seconds``."""
        fewest = self.replicas()
        most = dict(fewest)
        with self.api.watch(DEPLOYMENTS, self.namespace, within=seconds) as deployments:
            for _, deployment in deployments:
                name, told = deployment["metadata"]["name"], deployment["spec"]["replicas"]
                fewest[name], most[name] = min(fewest[name], told), max(most[name], told)
        return fewest, most


def quantile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
