"""The Kubernetes API: documents in, documents out, and what one object says as it changes.

The library's client brings the addresses, certificates and tokens (in a cluster, or of a kubeconfig) and renews them;
its models and its own watch stay unused, since reading raw JSON costs a tenth. Nothing here retries a write.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

import aiohttp
from structlog import get_logger

from scaler.aio import delays
from scaler.errors import ApiRefused, ApiUnreachable, ConfigError

log = get_logger(__name__)

Document = dict[str, Any]

PATIENCE: Final = 5.0  # s for a call
WATCHED: Final = 240  # s after which the server ends a watch, and a new one goes on where it ended
SILENCE: Final = 15.0  # s that a watch may last longer than it should before the connection is taken for dead
AGAIN_CAP: Final = 5.0  # s between two attempts to watch, at most
GONE: Final = 410
NOT_FOUND: Final = 404
FORBIDDEN: Final = 403
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"

_ERROR: Final = 400
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind as the API names it in paths: ``api`` is ``v1`` or ``group/version``."""

    api: str
    plural: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the path of one object or, without a name, of all in a namespace.

        Raises ``ValueError`` for what cannot be a name: a path made of it could lead anywhere.
        """
        for each in (namespace, name) if name else (namespace,):
            if _NAME.fullmatch(each) is None or ".." in each:
                raise ValueError(f"{each[:60]!r} is not the name of a Kubernetes object")
        root = "apis" if "/" in self.api else "api"
        parts = (root, self.api, "namespaces", namespace, self.plural, name, subresource)
        return "/" + "/".join(part for part in parts if part)


CONFIG_MAPS: Final = Resource(api="v1", plural="configmaps")
SECRETS: Final = Resource(api="v1", plural="secrets")
EVENTS: Final = Resource(api="v1", plural="events")


class Kube:
    """Calls as one user. ``namespace`` is the one that we run in, ``default`` outside of a cluster."""

    def __init__(self, client: Any, namespace: str) -> None:  # noqa: ANN401 - the library's client has no better type
        self._client = client
        self.namespace = namespace

    async def get(self, resource: Resource, namespace: str, name: str, subresource: str = "") -> Document:
        """Return one object."""
        return await self.call("GET", resource.path(namespace, name, subresource))

    async def apply(self, resource: Resource, document: Document, *, manager: str) -> Document:
        """Apply an object on the server's side, by force, as the field manager ``manager``."""
        about = document["metadata"]
        path = resource.path(about["namespace"], about["name"])
        query = {"fieldManager": manager, "force": "true"}
        return await self.call("PATCH", path, document, query=query, content=APPLY)

    async def call(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> Document:
        """Make one call, :data:`PATIENCE` seconds at most.

        Raises :class:`ApiRefused` with what the server said, :class:`ApiUnreachable` if it said nothing.
        """
        try:
            async with await self._ask(method, _target(path, query), body, content=content) as answer:
                return _parsed(method, path, answer.status, await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error) from error

    async def follow(
        self, resource: Resource, namespace: str, name: str, on_change: Callable[[Document | None], None]
    ) -> NoReturn:
        """Call ``on_change`` with the object as it is, and again with each change; ``None`` while there is none.

        It goes on for ever: an interrupted watch is resumed, an outdated one (HTTP 410) begins anew, and an API that
        cannot be reached or refuses is asked again, :data:`AGAIN_CAP` seconds later at most.
        """
        retries = delays(cap=AGAIN_CAP)
        said = ""
        while True:
            try:
                await self._follow_once(resource, namespace, name, on_change)
                retries, said = delays(cap=AGAIN_CAP), ""
            except (ApiRefused, ApiUnreachable) as error:
                if str(error) != said:
                    log.warning(
                        "cannot follow", resource=resource.plural, namespace=namespace, name=name, why=str(error)
                    )
                said = str(error)
                if isinstance(error, ApiRefused) and error.status == GONE:
                    continue
                await asyncio.sleep(next(retries))

    async def _follow_once(
        self, resource: Resource, namespace: str, name: str, on_change: Callable[[Document | None], None]
    ) -> None:
        """List, then watch until the server ends the watch."""
        path, only = resource.path(namespace), {"fieldSelector": f"metadata.name={name}"}
        listed = await self.call("GET", path, query=only)
        on_change(next(iter(listed["items"]), None))
        version = listed["metadata"]["resourceVersion"]
        while True:
            query = {**only, "watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
            version = await self._watch(path, {**query, "timeoutSeconds": str(WATCHED)}, version, on_change)

    async def _watch(
        self, path: str, query: Mapping[str, str], version: str, on_change: Callable[[Document | None], None]
    ) -> str:
        """Watch from ``version`` until the server ends it, and return where the next watch goes on."""
        try:
            async with await self._ask("GET", _target(path, query), patience=WATCHED + SILENCE) as answer:
                if answer.status >= _ERROR:
                    _parsed("GET", path, answer.status, await answer.read())
                async for line in answer.content:
                    version = _heard(path, json.loads(line), on_change)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _unreachable(error) from error
        return version

    async def _ask(
        self,
        method: str,
        target: str,
        body: Document | None = None,
        *,
        content: str = "application/json",
        patience: float = PATIENCE,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "Content-Type": content}
        _, url, headers, body, _ = await self._client.param_serialize(
            method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        limit = aiohttp.ClientTimeout(total=patience)
        raw = await self._client.call_api(method, url, headers, body, _request_timeout=limit)
        answer: aiohttp.ClientResponse = raw.response
        return answer


def _heard(path: str, event: Document, on_change: Callable[[Document | None], None]) -> str:
    """Pass on one line of a watch, and return the version that it brought."""
    kind, seen = event["type"], event["object"]
    if kind == "ERROR":
        _refuse("GET", path, int(seen.get("code", _ERROR)), seen)
    if kind != "BOOKMARK":
        on_change(None if kind == "DELETED" else seen)
    return str(seen["metadata"]["resourceVersion"])


@asynccontextmanager
async def running_kube(kubeconfig: Path | None) -> AsyncIterator[Kube | None]:
    """Connect as the service account of our pod or, where one is named, by a kubeconfig; ``None`` if there is neither.

    Raises :class:`ConfigError` for a kubeconfig that cannot be used.
    """
    # Imported here: it takes a quarter of a second and 20 MiB, which no process outside of a cluster needs.
    from kubernetes.aio import client, config  # noqa: PLC0415

    settings = client.Configuration()
    try:
        if kubeconfig is not None:
            await config.load_kube_config(config_file=str(kubeconfig), client_configuration=settings)
        else:
            config.load_incluster_config(client_configuration=settings)
    except Exception as error:
        if kubeconfig is not None:
            raise ConfigError([f"--kubeconfig {kubeconfig}: {error}"]) from error
        yield None
        return
    settings.client_session_kwargs = {"trust_env": False}  # tokens go to the API server, not to a proxy
    async with client.ApiClient(settings) as connected:
        yield Kube(connected, _own_namespace())


def _own_namespace() -> str:
    try:
        return Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read_text(encoding="utf-8").strip()
    except OSError:
        return "default"


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _parsed(method: str, path: str, status: int, body: bytes) -> Document:
    try:
        document = json.loads(body)
    except ValueError:
        document = {"message": body[:200].decode(errors="replace")}
    if status >= _ERROR:
        _refuse(method, path, status, document)
    return dict(document)


def _refuse(method: str, path: str, status: int, document: Document) -> NoReturn:
    raise ApiRefused(f"{method} {path}: {document.get('message') or status}", status)


def _unreachable(error: Exception) -> ApiUnreachable:
    said = f"no answer within {PATIENCE:g} s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return ApiUnreachable(f"the Kubernetes API cannot be reached: {said}")
