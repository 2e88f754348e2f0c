"""A small blocking client of a Kubernetes API server, for tests: documents in, documents out, and watches.

It refuses nothing and retries nothing, so a test sees what the server said.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from tests.cluster.credentials import Credentials

Document = dict[str, Any]

_WITHIN = 30.0  # s, for one call
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind as the API names it in paths: ``api`` is ``v1`` or ``group/version``."""

    api: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the path of one object, or of all (in a namespace)."""
        root = f"/{'apis' if '/' in self.api else 'api'}/{self.api}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")


NAMESPACES = Resource(api="v1", plural="namespaces", namespaced=False)
NODES = Resource(api="v1", plural="nodes", namespaced=False)
PODS = Resource(api="v1", plural="pods")
EVENTS = Resource(api="v1", plural="events")
DEPLOYMENTS = Resource(api="apps/v1", plural="deployments")
JOBS = Resource(api="batch/v1", plural="jobs")
HPAS = Resource(api="autoscaling/v2", plural="horizontalpodautoscalers")
APISERVICES = Resource(api="apiregistration.k8s.io/v1", plural="apiservices", namespaced=False)
CRDS = Resource(api="apiextensions.k8s.io/v1", plural="customresourcedefinitions", namespaced=False)
SCALED_OBJECTS = Resource(api="keda.sh/v1alpha1", plural="scaledobjects")
SCALED_JOBS = Resource(api="keda.sh/v1alpha1", plural="scaledjobs")


class ApiError(AssertionError):
    """The API server refused; ``status`` is HTTP's, ``reason`` the API's own word, such as ``Conflict``."""

    def __init__(self, call: str, status: int, document: Document) -> None:
        self.status = status
        self.reason = str(document.get("reason", ""))
        super().__init__(f"{call}: {status} {document.get('message', document)}")


class Api:
    """Calls as one user, by default one with all rights; ``close`` it at last."""

    def __init__(self, credentials: Credentials, token: str | None = None) -> None:
        self._address = urlsplit(credentials.url)
        self._credentials = credentials
        self._token = token or credentials.tokens["admin"]
        self._idle: list[http.client.HTTPSConnection] = []
        self._plurals: dict[tuple[str, str], Resource] = {}

    def close(self) -> None:
        """Let the connections go; it may still be used."""
        while self._idle:
            self._idle.pop().close()

    def as_account(self, namespace: str, name: str) -> Self:
        """Return a client that calls as a service account, which must exist."""
        return type(self)(self._credentials, self.token_of(namespace, name))

    def token_of(self, namespace: str, name: str) -> str:
        """Return a token of a service account, which must exist."""
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", wanted)
        return str(answer["status"]["token"])

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Document:
        """Return one object."""
        return self.call("GET", resource.path(namespace, name))

    def find(self, resource: Resource, name: str, namespace: str | None = None) -> Document | None:
        """Return one object, None if there is none."""
        try:
            return self.get(resource, name, namespace)
        except ApiError as why:
            if why.status == http.client.NOT_FOUND:
                return None
            raise

    def all(self, resource: Resource, namespace: str | None = None, **query: str) -> list[Document]:
        """Return all objects; ``query`` as the API knows it, such as ``labelSelector``."""
        answer = self.call("GET", resource.path(namespace), query=query)
        return list(answer["items"])

    def apply(self, document: Document, *, status: bool = False) -> Document:
        """Apply a manifest on the server's side, by force; its kind is looked up in what the server offers."""
        about = document["metadata"]
        resource = self.resource(document["apiVersion"], document["kind"])
        path = resource.path(about.get("namespace", "default"), about["name"]) + ("/status" if status else "")
        query = {"fieldManager": "tests", "force": "true"}
        return self.call("PATCH", path, document, content=_APPLY, query=query)

    def patch(self, resource: Resource, name: str, namespace: str | None, change: Document) -> Document:
        """Merge ``change`` into one object; None as a value removes a key."""
        return self.call("PATCH", resource.path(namespace, name), change, content=_MERGE)

    def delete(self, resource: Resource, name: str | None = None, namespace: str | None = None) -> None:
        """Ask for one object's end, or for that of all in a namespace; what is not there is fine."""
        try:
            self.call("DELETE", resource.path(namespace, name))
        except ApiError as why:
            if why.status != http.client.NOT_FOUND:
                raise

    def resource(self, api: str, kind: str) -> Resource:
        """Return how the API names ``kind`` in paths."""
        if (api, kind) not in self._plurals:
            for each in self.call("GET", f"/{'apis' if '/' in api else 'api'}/{api}")["resources"]:
                if "/" not in each["name"]:
                    found = Resource(api=api, plural=each["name"], namespaced=each["namespaced"])
                    self._plurals[api, each["kind"]] = found
        return self._plurals[api, kind]

    def call(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        *,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Document:
        """Make one call and return the document; ApiError if it is refused, OSError if nobody answers."""
        target = f"{path}?{urlencode(query)}" if query else path
        status, text = self._exchange(method, target, body, content)
        answer = json.loads(text) if text.startswith(b"{") else {"message": text.decode(errors="replace")}
        if status >= http.client.BAD_REQUEST:
            raise ApiError(f"{method} {path}", status, answer)
        return dict(answer)

    def _exchange(self, method: str, target: str, body: Document | None, content: str) -> tuple[int, bytes]:
        kept = bool(self._idle)
        connection = self._idle.pop() if kept else self._connection(_WITHIN)
        try:
            connection.request(method, target, json.dumps(body) if body else None, self._headers(content))
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            if not kept:
                raise
            return self._exchange(method, target, body, content)  # it was that of a server before a kill
        self._idle.append(connection)
        return status, text

    def _connection(self, within: float) -> http.client.HTTPSConnection:
        trust = ssl.create_default_context(cafile=str(self._credentials.ca))
        return http.client.HTTPSConnection(
            self._address.hostname or "", self._address.port, timeout=within, context=trust
        )

    def _headers(self, content: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Content-Type": content, "Accept": "application/json"}

    @contextmanager
    def watch(self, resource: Resource, namespace: str | None = None, *, within: float = 60.0) -> Iterator["Watch"]:
        """Watch from now on, for ``within`` seconds at most: nothing that happens inside the block is missed."""
        since = self.call("GET", resource.path(namespace), query={"limit": "1"})["metadata"]["resourceVersion"]
        query = urlencode({"watch": "true", "resourceVersion": since, "timeoutSeconds": str(ceil(within))})
        connection = self._connection(within + 5.0)  # it is the server that ends it
        try:
            connection.request("GET", f"{resource.path(namespace)}?{query}", headers=self._headers("application/json"))
            yield Watch(connection.getresponse(), time.monotonic() + within)
        finally:
            connection.close()


class Watch:
    """What happens to objects: (``ADDED``, ``MODIFIED`` or ``DELETED``, object) again and again, until time is up."""

    def __init__(self, answer: http.client.HTTPResponse, deadline: float) -> None:
        self._answer = answer
        self._deadline = deadline

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[str, Document]:
        line = self._answer.readline() if time.monotonic() < self._deadline else b""
        if not line:
            raise StopIteration
        event = json.loads(line)
        return event["type"], event["object"]

    def until(self, fact: Callable[[Document], bool]) -> Document:
        """Return the first object of which ``fact`` holds; TimeoutError if there is none in time."""
        for _, seen in self:
            if fact(seen):
                return seen
        raise TimeoutError("the watch ended before it was so")
