"""The Kubernetes API: documents in, documents out, and what one object says as it changes.

Of all objects of a kind :mod:`scaler.net.mirror` keeps a copy.

The library's client brings the addresses, certificates and tokens, and renews those of a pod's service account; its
models and its own watch stay unused, since reading raw JSON costs a tenth. Nothing here retries a write. Whatever does
not come from a Kubernetes API, such as the page of a proxy in its place, is no answer.
"""

import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

import aiohttp

from scaler.errors import ApiRefused, ApiUnreachable, ConfigError
from scaler.net.watch import pursue

Document = dict[str, Any]
Event = tuple[str, Document, str]
"""Of a watch: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``; the object; its version."""

Body = Document | list[Document]
"""What is sent: an object, or the operations of a JSON Patch."""

PATIENCE: Final = 5.0  # s for a call, unless it says otherwise
SILENCE: Final = 5.0  # s that a watch may last longer than it should before the connection is taken for dead
LONGEST: Final = 16 * 2**20  # bytes of one event: a ConfigMap, twice more in its annotations, and all of it escaped
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
BUSY: Final = 429
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"

IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"  # a variable that every pod has

_ERROR: Final = 400
_TROUBLE: Final = 500
_SHOWN: Final = 200  # bytes of an answer that is no document
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_API: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[a-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind as the API names it in paths: ``api`` is ``v1`` or ``group/version``."""

    api: str
    plural: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the path of one object or, without a name, of all in a namespace.

        Raises ``ValueError`` for what cannot be a name: a path made of it could lead anywhere.
        """
        if _API.fullmatch(self.api) is None or ".." in self.api:
            raise ValueError(f"{self.api[:60]!r} is not the version of a Kubernetes API")
        for each in (namespace, self.plural, name) if name else (namespace, self.plural):
            if _NAME.fullmatch(each) is None or ".." in each:
                raise ValueError(f"{each[:60]!r} is not the name of a Kubernetes object")
        root = "apis" if "/" in self.api else "api"
        parts = (root, self.api, "namespaces", namespace, self.plural, name, subresource)
        return "/" + "/".join(part for part in parts if part)


CONFIG_MAPS: Final = Resource(api="v1", plural="configmaps")
SECRETS: Final = Resource(api="v1", plural="secrets")
EVENTS: Final = Resource(api="v1", plural="events")
PODS: Final = Resource(api="v1", plural="pods")
SERVICES: Final = Resource(api="v1", plural="services")
DISRUPTION_BUDGETS: Final = Resource(api="policy/v1", plural="poddisruptionbudgets")
DEPLOYMENTS: Final = Resource(api="apps/v1", plural="deployments")
REPLICA_SETS: Final = Resource(api="apps/v1", plural="replicasets")
STATEFUL_SETS: Final = Resource(api="apps/v1", plural="statefulsets")
LEASES: Final = Resource(api="coordination.k8s.io/v1", plural="leases")


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
        """Make one call, ``patience`` seconds at most (:data:`PATIENCE` if not said).

        Raises :class:`ApiRefused` with what the server said, :class:`ApiUnreachable` if it said nothing: then what was
        to be written may be written or not.
        """
        limit = patience or PATIENCE
        try:
            async with await self._ask(method, _target(path, query), body, content=content, patience=limit) as answer:
                return _parsed(method, path, answer.status, await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error, limit) from error

    async def events(self, path: str, query: Mapping[str, str], seconds: int) -> AsyncGenerator[Event]:
        """Watch, and yield each event, until the server ends the watch ``seconds`` later, or sooner.

        Raises :class:`ApiRefused` (status 410 if the version from which to watch is outdated) and
        :class:`ApiUnreachable`, also when the watch outlasts its time by :data:`SILENCE`: its connection is dead then.
        """
        limit = seconds + SILENCE
        asked = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        try:
            async with await self._ask("GET", _target(path, asked), patience=limit) as answer:
                if answer.status >= _ERROR:
                    _parsed("GET", path, answer.status, await answer.read())
                async for line in _lines(answer.content):
                    with understood(path):
                        event = _heard(path, json.loads(line))
                    yield event
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error, limit) from error

    async def follow(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        on_change: Callable[[Document | None], None],
        on_failure: Callable[[ApiRefused | ApiUnreachable], None] = lambda _: None,
    ) -> NoReturn:
        """Call ``on_change`` with the object as it is, and again with each change; ``None`` while there is none.

        It goes on for ever, as :func:`scaler.net.watch.pursue` does; ``on_failure`` hears once for each reason why it
        cannot. Needs the verbs list and watch; a Role with ``resourceNames`` will do.

        Raises ``ValueError`` for what cannot be a name.
        """
        resource.path(namespace, name)

        async def listed() -> str:
            return await self._list(resource, namespace, name, on_change)

        async def watched(version: str, seconds: int) -> str:
            query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": version}
            async with aclosing(self.events(resource.path(namespace), query, seconds)) as events:
                async for kind, seen, version in events:  # noqa: B007, PLR1704 - the last one is where to go on
                    if kind != "BOOKMARK":
                        on_change(None if kind == "DELETED" else seen)
            return version

        about = {"resource": resource.plural, "namespace": namespace, "name": name}
        await pursue(listed, watched, on_failure, about=about)

    async def _list(
        self, resource: Resource, namespace: str, name: str, on_change: Callable[[Document | None], None]
    ) -> str:
        """Tell the object as it is, and return the version from which to watch."""
        path, only = resource.path(namespace), {"fieldSelector": f"metadata.name={name}"}
        listed = await self.call("GET", path, query=only)
        with understood(path):
            found = next((well_formed(each) for each in listed["items"]), None)
            version = str(listed["metadata"]["resourceVersion"])
        on_change(found)
        return version

    async def _ask(
        self,
        method: str,
        target: str,
        body: Body | None = None,
        *,
        content: str = "application/json",
        patience: float,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "Content-Type": content}
        try:
            _, url, headers, sent, _ = await self._client.param_serialize(
                method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
        except Exception as error:  # reading a token, which the library does here, fails in ways of its own
            raise ApiUnreachable(f"the Kubernetes API cannot be asked: {error}") from error
        limit = aiohttp.ClientTimeout(total=patience)
        raw = await self._client.call_api(method, url, headers, sent, _request_timeout=limit)
        answer: aiohttp.ClientResponse = raw.response
        return answer


def _heard(path: str, event: Document) -> Event:
    """Read one line of a watch."""
    kind, seen = event["type"], event["object"]
    if kind == "ERROR":
        _refuse("GET", path, int(seen.get("code", _ERROR)), seen)
    version = str(seen["metadata"]["resourceVersion"])
    return kind, seen if kind == "BOOKMARK" else well_formed(seen), version


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes]:
    """Yield lines; the library's own way gives up at 128 KiB, and a ConfigMap may have a mebibyte."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > LONGEST:
            raise ApiUnreachable(f"the Kubernetes API sent an event longer than {LONGEST // 2**20} MiB")


def well_formed(document: Document) -> Document:
    """Return an object that has what every object has, and ``data``, if any, as ConfigMaps and Secrets have it.

    To be called in a block that is :func:`understood`.
    """
    about = document["metadata"]
    texts = (about["namespace"], about["name"], about["resourceVersion"], *(document.get("data") or {}).values())
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("not an object of Kubernetes")
    return document


@contextmanager
def understood(path: str) -> Iterator[None]:
    """Take an answer that is not of Kubernetes for none: something else may stand in its place, such as a proxy.

    Raises :class:`ApiUnreachable` where the block does not find what it looks for.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ApiUnreachable(f"GET {path}: the answer is not one of the Kubernetes API") from error


@asynccontextmanager
async def running_kube(kubeconfig: Path | None) -> AsyncIterator[Kube | None]:
    """Connect as the service account of our pod or, where one is named, by a kubeconfig; ``None`` if there is neither.

    Raises :class:`ConfigError` for a kubeconfig that cannot be used.
    """
    if kubeconfig is None and IN_CLUSTER not in os.environ:
        yield None
        return
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
    settings.connection_pool_maxsize = 0  # each watch holds a connection, and calls must not wait for one
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
    """Return the document of an answer; what is none, or none of Kubernetes, is no answer."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and status < _ERROR:
        return document
    said = document if isinstance(document, dict) else {"message": body[:_SHOWN].decode(errors="replace")}
    if status >= _ERROR:
        _refuse(method, path, status, said)
    raise ApiUnreachable(f"{method} {path}: the answer is not one of the Kubernetes API")


def _refuse(method: str, path: str, status: int, document: Document) -> NoReturn:
    """Raise what a status means: a server that is busy or in trouble has not said no."""
    said = f"{method} {path}: {document.get('message') or status}"
    if status == BUSY or status >= _TROUBLE:
        raise ApiUnreachable(said)
    raise ApiRefused(said, status)


def _unreachable(error: Exception, patience: float) -> ApiUnreachable:
    said = f"no answer within {patience:g} s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return ApiUnreachable(f"the Kubernetes API cannot be reached: {said}")
