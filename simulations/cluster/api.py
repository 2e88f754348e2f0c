"""The API server in memory: what it answers to whom, and what is left of each write.

Everything is done at once and in one piece, as etcd's transactions make it seem. Who calls it over a network, with
all that may go wrong there, is :class:`simulations.cluster.client.SimulatedKube`.
"""

import json
import marshal
from collections.abc import Iterable, Mapping
from random import Random
from typing import Final
from uuid import UUID

from scaler.errors import ApiRefused
from scaler.net.kube import APPLY, JSON_PATCH, MERGE, Body
from simulations.cluster import deletion, listing, scale
from simulations.cluster.objects import BAD_REQUEST, CONFLICT, INVALID, KINDS, defaulted, refuse, tidied, validate
from simulations.cluster.patches import Document, PatchFailed, merged, patched
from simulations.cluster.state import Request, State, Target, Write
from simulations.cluster.store import Kind, Stored
from simulations.cluster.times import LoopTime, Time, stamp

CREATED: Final = 201
FINE: Final = 200
NOT_FOUND: Final = 404
NOT_ALLOWED: Final = 405
MEDIA: Final = 415

_PLAIN: Final = frozenset({str, int, bool, type(None)})
_SERVERS_OWN: Final = (
    "name",
    "namespace",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)
_SUFFIX: Final = "bcdfghjklmnpqrstvwxz2456789"  # what Kubernetes makes names of: no vowels, so no words


class SimulatedApi(State):
    """The objects of a cluster and the only way to them.

    ``kept`` changes of each kind are remembered: a watch from before gets 410. ``quota`` bounds how many pods a
    namespace may have, as a quota does (403). ``writes`` are the last ``recorded`` writes.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        time: Time | None = None,
        kinds: Iterable[Kind] = KINDS,
        kept: int = 10_000,
        recorded: int = 200_000,
    ) -> None:
        chance = Random(seed)  # noqa: S311 - names, not secrets
        super().__init__(time or LoopTime(), chance, kinds, kept=kept, recorded=recorded)
        self.seed = seed
        self.quota: dict[str, int] = {}

    def handle(self, request: Request) -> Document:
        """Answer one call with a document that is the caller's own.

        Raises :class:`ApiRefused` with what the server would say.
        """
        if request.method == "GET":
            return self.read(request.path, request.query)
        text = _packed(request.body)
        request = request._replace(body=marshal.loads(text))  # noqa: S302 - packed one line above
        status = CREATED if request.method == "POST" else FINE
        try:
            return self._write(self.target(request.path), request)
        except ApiRefused as refused:
            status = refused.status
            raise
        finally:
            now = self.time.now()
            self.writes.append(Write(request.who, request.method, request.path, text, status, self.version, now))

    def read(self, path: str, query: Mapping[str, str], *, behind: int = 0) -> Document:
        """Answer a list or one object, as it was before so many changes of its kind."""
        target = self.target(path)
        if target.name:
            stored = self.found(target)
            return scale.of(stored.document) if target.sub == "scale" else stored.copy()
        now = target.collection.behind(behind, self.version) if behind else self.version
        return listing.listed(target.collection, target.namespace, query, version=now, now=self.version)

    def _write(self, target: Target, request: Request) -> Document:
        match request.method:
            case "PATCH" if target.name:
                return self._patch(target, request)
            case "POST" if not target.name:
                return self._create(target, _one(request.body))
            case "POST" if target.sub == "binding":
                return deletion.bind(self, target, _one(request.body))
            case "PUT" if target.name:
                return self._put(target, _one(request.body))
            case "DELETE":
                return deletion.delete(self, target, request)
            case _:
                return refuse(f"{request.method} {request.path}: the server does not allow this method", NOT_ALLOWED)

    def _create(self, target: Target, document: Document) -> Document:
        kind, about = target.collection.kind, dict(document.get("metadata") or {})
        if about.get("namespace", target.namespace) != target.namespace:
            refuse("the namespace of the object does not match the namespace on the request", BAD_REQUEST)
        if about.pop("resourceVersion", ""):
            refuse("resourceVersion should not be set on objects to be created", BAD_REQUEST)
        if not about.get("name"):
            about["name"] = self._made_up(about.get("generateName"))
        key = (target.namespace or "", about["name"])
        if key in target.collection.objects:
            refuse(f"{kind.plural} {about['name']!r} already exists", CONFLICT)
        about = {key: value for key, value in about.items() if key not in _SERVERS_OWN}
        about |= {
            "name": key[1],
            "namespace": target.namespace,
            "creationTimestamp": stamp(self.time.now()),
            "uid": self._uid(),
        }
        if kind.counted:
            about["generation"] = 1
        document = tidied(defaulted(kind, {**document, "metadata": about}))
        validate(kind, document, None)
        self._within_quota(target)
        return self.commit(target.collection, key, None, document).copy()

    def _made_up(self, prefix: object) -> str:
        if not prefix:
            refuse("name or generateName is required", INVALID)
        return f"{prefix}{''.join(self.chance.choices(_SUFFIX, k=5))}"

    def _uid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def _within_quota(self, target: Target) -> None:
        most = self.quota.get(target.namespace or "")
        if most is not None and target.collection.kind.kind == "Pod":
            used = sum(namespace == target.namespace for namespace, _ in target.collection.objects)
            if used >= most:
                refuse(f"exceeded quota: requested: pods=1, used: pods={used}, limited: pods={most}", scale.FORBIDDEN)

    def _put(self, target: Target, document: Document) -> Document:
        stored = self.found(target)
        if target.sub == "scale":
            return self._put_scale(target, stored, document)
        about = document.get("metadata") or {}
        if about.get("name") != target.name:
            refuse(f"the name of the object ({about.get('name')}) does not match the name on the URL", BAD_REQUEST)
        if not about.get("resourceVersion") and not target.collection.kind.blind:
            refuse("metadata.resourceVersion: must be specified for an update", INVALID)
        uid = self.found(target).document["metadata"]["uid"]
        if about.get("uid") not in {None, "", uid}:
            refuse(f"Precondition failed: UID in precondition: {about['uid']}, UID in object meta: {uid}", CONFLICT)
        return self._update(target, stored, document)

    def _patch(self, target: Target, request: Request) -> Document:
        if request.content == APPLY and target.key not in target.collection.objects:
            return self._create(target._replace(name=""), _one(request.body))
        stored = self.found(target)
        before = scale.of(stored.document) if target.sub == "scale" else stored.document
        try:
            after = _patched(before, request)
        except PatchFailed as failed:
            refuse(f"{request.method} {request.path}: {failed}", INVALID)
        return self._put_scale(target, stored, after) if target.sub == "scale" else self._update(target, stored, after)

    def _put_scale(self, target: Target, stored: Stored, wanted: Document) -> Document:
        changed = scale.applied(stored.document, wanted)
        self._update(target._replace(sub=""), stored, changed)
        return scale.of(self.found(target).document)

    def _update(self, target: Target, stored: Stored, after: Document) -> Document:
        """Replace an object by what a caller made of it; what is not the caller's to change stays as it was."""
        before, kind = stored.document, target.collection.kind
        old, about = before["metadata"], after.get("metadata")
        if not isinstance(about, dict):
            refuse("metadata is required", INVALID)
        _compare(kind, old, about)
        about = _kept(old, about)
        whole = _status_only(before, after) if target.sub == "status" else after
        if kind.status and target.sub != "status":
            whole = {**whole, "status": before.get("status", {})}
        whole = tidied({**whole, "apiVersion": kind.api, "kind": kind.kind, "metadata": about})
        if whole == before:
            return stored.copy()
        validate(kind, whole, before)
        if kind.counted and _moved_on(kind, before, whole):
            whole["metadata"] = {**whole["metadata"], "generation": old["generation"] + 1}
        if deletion.complete(whole):
            return self.remove(target.collection, target.key, whole).copy()
        return self.commit(target.collection, target.key, stored, whole).copy()


def _packed(body: Body | None) -> bytes:
    """Return a copy of a body as JSON would make it: what is no plain value, such as a StrEnum, becomes one."""
    return marshal.dumps(body if _is_plain(body) else json.loads(json.dumps(body)))


def _is_plain(node: object) -> bool:
    kind = type(node)
    if kind is dict:
        return all(type(key) is str and _is_plain(value) for key, value in node.items())  # type: ignore[attr-defined]
    if kind is list:
        return all(map(_is_plain, node))  # type: ignore[call-overload]
    return kind in _PLAIN


def _one(body: Body | None) -> Document:
    if not isinstance(body, dict):
        refuse("the body of the request is no object", BAD_REQUEST)
    return body


def _patched(before: Document, request: Request) -> Document:
    if request.content == JSON_PATCH:
        if not isinstance(request.body, list):
            refuse("a JSON patch is a list of operations", BAD_REQUEST)
        return patched(before, request.body)
    if request.content not in {MERGE, APPLY}:
        refuse(f"the body of the request was in an unknown format: {request.content}", MEDIA)
    after: Document = merged(before, _one(request.body))
    return after


def _compare(kind: Kind, old: Document, about: Document) -> None:
    """Refuse an update that is meant for another object, or for an older state of this one."""
    if about is old:
        return
    if about.get("uid") not in {None, "", old["uid"]}:
        refuse(f"{kind.plural} {old['name']!r} is invalid: metadata.uid: field is immutable", INVALID)
    if about.get("resourceVersion") not in {None, "", old["resourceVersion"]}:
        refuse(f"{kind.plural} {old['name']!r}: the object has been modified; please apply your changes", CONFLICT)
    if about.get("name") != old["name"] or about.get("namespace", old["namespace"]) != old["namespace"]:
        refuse("the name or the namespace of an object cannot be changed", BAD_REQUEST)


def _kept(old: Document, about: Document) -> Document:
    """Return an object's new metadata with what is not the caller's to change."""
    if about is old:
        return old
    kept: Document = {key: old[key] for key in _SERVERS_OWN if key in old}
    return {**{key: value for key, value in about.items() if key not in _SERVERS_OWN}, **kept}


def _status_only(before: Document, after: Document) -> Document:
    return {**before, "status": after.get("status", {})}


def _moved_on(kind: Kind, before: Document, after: Document) -> bool:
    """Tell whether an update is one that counts in the generation."""
    if kind.custom:
        beside = ("metadata", "status")
        return {k: v for k, v in before.items() if k not in beside} != {
            k: v for k, v in after.items() if k not in beside
        }
    if before.get("spec") != after.get("spec"):
        return True
    notes = before["metadata"].get("annotations"), after["metadata"].get("annotations")
    return kind.kind == "Deployment" and notes[0] != notes[1]
