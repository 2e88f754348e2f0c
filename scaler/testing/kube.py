"""A Kubernetes API of dictionaries: what is there, what it refuses, what it was asked."""

import asyncio
from collections.abc import Mapping

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import NOT_FOUND, PATIENCE, Body, Document, Kube

Call = tuple[str, str]


class FakeKube(Kube):
    """Answers with ``objects``, by path; keeps every call, every object that was ``sent``, every JSON Patch.

    ``refusals`` are statuses by path. While ``silent``, nothing is answered; while ``unreachable``, calls fail. What is
    sent as a status is the object's from then on. A call ``takes`` so many seconds; so many as ``most_at_once`` were
    made together.
    """

    def __init__(self, **objects: Document) -> None:
        super().__init__(client=None, namespace="warmscaler")
        self.objects: dict[str, Document] = dict(objects)
        self.refusals: dict[str, int] = {}
        self.calls: list[Call] = []
        self.sent: list[tuple[Call, Document]] = []
        self.patches: list[tuple[Call, list[Document]]] = []
        self.takes = 0.0
        self.most_at_once = 0
        self._at_once = 0
        self.silent = False
        self.unreachable = False

    async def call(  # noqa: PLR0913 - a call has that many parts
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Document:
        """Do as :meth:`Kube.call` does, of dictionaries."""
        del query, content
        self.calls.append((method, path))
        await self._pass_time(patience or PATIENCE)
        if self.unreachable:
            raise ApiUnreachable("the Kubernetes API cannot be reached: refused")
        if status := self.refusals.get(path, NOT_FOUND if method != "POST" and path not in self.objects else 0):
            raise ApiRefused(f"{method} {path}: {status}", status)
        if isinstance(body, list):
            self.patches.append(((method, path), body))
        elif body is not None:
            self.sent.append(((method, path), body))
            if path.endswith("/status"):
                self.objects[path.removesuffix("/status")]["status"] = body["status"]
        return self.objects.get(path, {})

    async def _pass_time(self, patience: float) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            async with asyncio.timeout(patience):
                await (asyncio.Event().wait() if self.silent else asyncio.sleep(self.takes))
        except TimeoutError:
            raise ApiUnreachable("the Kubernetes API cannot be reached: no answer in time") from None
        finally:
            self._at_once -= 1
