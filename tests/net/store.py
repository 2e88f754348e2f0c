"""A Kubernetes API of one kind in memory, with versions and a history, which can be told to lie as a real one may."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import Body, Document, Event, Kube
from scaler.net.watch import GONE

Past = tuple[int, str, Document]
"""A version, what happened at it, and the object as it was then."""


def pod(name: str, uid: str, version: int, *, note: str = "") -> Document:
    """Return an object."""
    about = {"namespace": "n", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": about, "note": note}


@dataclass
class Lies:
    """What may go wrong, each as often as ``of`` ten say; drawn from ``chance``."""

    chance: random.Random
    of: int = 0

    def strikes(self) -> bool:
        """Tell whether something goes wrong now."""
        return self.chance.random() * 10 < self.of


class Store(Kube):
    """Keeps every state there ever was. While there are ``lies``, lists are stale, and watches repeat, mix up and end.

    A page of a list has ``page`` objects. Only what a mirror asks is answered.
    """

    def __init__(self, lies: Lies | None = None, page: int = 2) -> None:
        super().__init__(client=None, namespace="n")
        self.past: list[Past] = []
        self.version = 1
        self.lies = lies or Lies(random.Random(0))
        self.page = page
        self.asked: list[dict[str, str]] = []
        self._news = asyncio.Event()

    def put(self, name: str, uid: str) -> Document:
        """Make or change an object."""
        return self._happened(
            "MODIFIED" if uid in {each["metadata"]["uid"] for each in self.now()} else "ADDED", name, uid
        )

    def delete(self, name: str, uid: str) -> Document:
        """End an object."""
        return self._happened("DELETED", name, uid)

    def _happened(self, what: str, name: str, uid: str) -> Document:
        self.version += 1
        self.past.append((self.version, what, pod(name, uid, self.version)))
        self._news.set()
        return self.past[-1][2]

    def now(self, at: int | None = None) -> list[Document]:
        """Return what there is, or was at a version."""
        found: dict[str, Document] = {}
        for version, what, document in self.past:
            if at is None or version <= at:
                found.pop(document["metadata"]["name"], None)
                if what != "DELETED":
                    found[document["metadata"]["name"]] = document
        return sorted(found.values(), key=lambda each: str(each["metadata"]["name"]))

    async def call(  # noqa: PLR0913 - as the one it stands for
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Document:
        """List, page by page; a lie is a list of an old cache."""
        del path, body, content, patience
        assert method == "GET"
        asked = dict(query or {})
        self.asked.append(asked)
        await asyncio.sleep(0)
        version, begin = self.version, 0
        if "continue" in asked:
            version, begin = (int(each) for each in asked["continue"].split("/"))
        elif self.lies.strikes():
            version = self.lies.chance.randint(1, self.version)
        items = self.now(version)
        end = begin + self.page
        about = {"resourceVersion": str(version), "continue": f"{version}/{end}" if end < len(items) else ""}
        return {"items": items[begin:end], "metadata": about}

    async def events(self, path: str, query: Mapping[str, str], seconds: int) -> AsyncGenerator[Event]:
        """Tell what happens from a version on; lies are repetitions, another order, and all ways to end."""
        del path
        self.asked.append(dict(query))
        since, until = int(query["resourceVersion"]), asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            news = [(what, seen, str(version)) for version, what, seen in self.past if version > since]
            since = self.version
            for event in self._mixed(news):
                self._fail()
                yield event
            self._news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                return

    def _mixed(self, news: list[Event]) -> list[Event]:
        if self.lies.strikes():
            news = news + self.lies.chance.sample(news, len(news) // 2)
        if self.lies.strikes():
            self.lies.chance.shuffle(news)
        return news

    def _fail(self) -> None:
        if self.lies.strikes():
            raise self.lies.chance.choice((ApiRefused("too old", GONE), ApiUnreachable("cut")))


@dataclass
class Witness:
    """Writes down every change that a mirror tells, and sees to it that none goes back in time."""

    changes: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def read(self, document: Document) -> str:
        """Say which state of which object it is: ``uid@version``."""
        about = document["metadata"]
        return f"{about['uid']}@{about['resourceVersion']}"

    def change(self, name: str, before: str | None, after: str | None) -> None:
        """Take a change."""
        self.changes.append((name, before, after))

    def of(self, name: str) -> list[str | None]:
        """Return what an object became, one after the other."""
        return [after for each, _, after in self.changes if each == name]
