"""An API server that says what a test tells it to, over real HTTP: an answer to each list, and to each watch."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from scaler.net.kube import Document, Kube, running_kube

Answer = tuple[int, str]


def map_of(text: str, version: int) -> Document:
    """Return a ConfigMap as a watch shows it."""
    about = {"namespace": "n", "name": "m", "resourceVersion": str(version)}
    return {"metadata": about, "data": {"config.yaml": text}}


def listed(*texts: str, version: int) -> Answer:
    """Return the answer to a list."""
    items = [map_of(text, version) for text in texts]
    return 200, json.dumps({"items": items, "metadata": {"resourceVersion": str(version)}})


def events(*pairs: tuple[str, Document]) -> Answer:
    """Return the answer to a watch, which ends behind its last event."""
    return 200, "".join(json.dumps({"type": kind, "object": seen}) + "\n" for kind, seen in pairs)


def status(code: int, message: str = "no") -> Answer:
    """Return a refusal."""
    return code, json.dumps({"kind": "Status", "code": code, "message": message})


@dataclass
class Script:
    """What is answered, in turn; the last answer to a list is repeated, and behind the last one a watch stays open.

    An answer with the status 0 cuts the connection instead.
    """

    lists: list[Answer] = field(default_factory=list)
    watches: list[Answer] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked.append(dict(request.query))
        if "watch" not in request.query:
            return self._say(request, self.lists.pop(0) if len(self.lists) > 1 else self.lists[0])
        if self.watches:
            return self._say(request, self.watches.pop(0))
        await asyncio.Event().wait()
        raise AssertionError

    def _say(self, request: web.Request, answer: Answer) -> web.Response:
        code, text = answer
        if code == 0 and request.transport is not None:
            request.transport.close()
        return web.Response(status=code or 200, text=text)

    @property
    def versions(self) -> list[str]:
        """The versions from which was watched."""
        return [each["resourceVersion"] for each in self.asked if "watch" in each]


@asynccontextmanager
async def scripted(script: Script, folder: Path) -> AsyncIterator[Kube]:
    """Connect to an API server with a script."""
    app = web.Application()
    app.router.add_get("/{path:.*}", script.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with running_kube(_kubeconfig(folder, f"http://127.0.0.1:{port}")) as kube:
            assert kube is not None
            yield kube
    finally:
        await runner.cleanup()


def _kubeconfig(folder: Path, url: str) -> Path:
    config: dict[str, Any] = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path
