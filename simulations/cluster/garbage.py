"""The garbage collector: what has owners goes when the last of them is gone, or was never there."""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from scaler.errors import ApiRefused
from scaler.net.kube import MERGE
from simulations.cluster.api import SimulatedApi
from simulations.cluster.patches import Document
from simulations.cluster.state import Request
from simulations.cluster.store import Change, Kind

WHO: Final = "garbage-collector"


class GarbageCollector:
    """Deletes dependents in the background; ``delay`` is how long after their owner, in seconds."""

    def __init__(self, api: SimulatedApi, *, delay: Callable[[], float]) -> None:
        self._api = api
        self._delay = delay
        self._dependents: dict[str, set[str]] = {}  # paths, by the owner's uid
        self._suspects: dict[str, None] = {}
        self._news = asyncio.Event()
        api.on_change(self._changed)

    def _changed(self, kind: Kind, change: Change) -> None:
        about = change.after.document["metadata"]
        root = "apis" if "/" in kind.api else "api"
        path = f"/{root}/{kind.api}/namespaces/{about['namespace']}/{kind.plural}/{about['name']}"
        before = _owners(change.before.document) if change.before else set()
        now = set() if change.gone else _owners(change.after.document)
        for owner in before - now:
            self._dependents.get(owner, set()).discard(path)
        for owner in now - before:
            self._dependents.setdefault(owner, set()).add(path)
        if any(owner not in self._api.uids for owner in now - before):
            self._suspect({path})
        if change.gone:
            self._suspect(self._dependents.pop(about["uid"], set()))

    def _suspect(self, paths: set[str]) -> None:
        self._suspects |= dict.fromkeys(sorted(paths))
        if paths:
            self._news.set()

    async def run(self) -> NoReturn:
        """Work for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._api.time.sleep(self._delay())
            while self._suspects:
                path = next(iter(self._suspects))
                del self._suspects[path]
                self._judge(path)

    def _judge(self, path: str) -> None:
        """Delete an object of which no owner is left; where one is, let it forget those that are not."""
        try:
            document = self._api.read(path, {})
        except ApiRefused:
            return
        owners = document["metadata"].get("ownerReferences", [])
        left = [owner for owner in owners if owner["uid"] in self._api.uids]
        if not owners or len(left) == len(owners):
            return
        uid = document["metadata"]["uid"]
        if left:
            change = {"metadata": {"uid": uid, "ownerReferences": left}}
            self._api.handle(Request(WHO, "PATCH", path, change, {}, MERGE))
        else:
            self._api.handle(Request(WHO, "DELETE", path, {"preconditions": {"uid": uid}}))


def _owners(document: Document) -> set[str]:
    return {owner["uid"] for owner in document["metadata"].get("ownerReferences", ())}
