"""Lists: selected, in pages, and as old as somebody is content with."""

import base64
import json
from collections.abc import Mapping

from simulations.cluster.objects import BAD_REQUEST, refuse
from simulations.cluster.patches import Document
from simulations.cluster.selectors import always, field_selector, label_selector
from simulations.cluster.store import Accepts, Collection, Key, Stored


def accepting(query: Mapping[str, str]) -> Accepts:
    """Return what the selectors of a query accept; raise ``ApiRefused`` (400) for what is none."""
    labels, fields = label_selector(query.get("labelSelector", "")), field_selector(query.get("fieldSelector", ""))
    if fields is always:
        return (lambda _: True) if labels is always else lambda stored: labels(stored.labels)
    return lambda stored: labels(stored.labels) and fields(stored.document)


def listed(
    collection: Collection, namespace: str | None, query: Mapping[str, str], *, version: int, now: int
) -> Document:
    """Answer a list as the objects were at ``version`` or, where a page goes on, as they were at its first one."""
    after: Key = ("", "")
    if query.get("continue"):
        version, after = _went_on(query["continue"])
    objects = collection.objects if version == now else collection.at(version)
    accepts = accepting(query)
    found = sorted(
        (key, stored)
        for key, stored in objects.items()
        if (namespace is None or key[0] == namespace) and key > after and accepts(stored)
    )
    limit = int(query.get("limit") or 0)
    page = found[:limit] if limit else found
    about: Document = {"resourceVersion": str(version)}
    if len(page) < len(found):
        about["continue"] = _go_on(version, page[-1][0])
        if not (query.get("labelSelector") or query.get("fieldSelector")):
            about["remainingItemCount"] = len(found) - len(page)
    kind = collection.kind
    items = [_item(stored, named=kind.custom) for _, stored in page]
    return {"apiVersion": kind.api, "kind": f"{kind.kind}List", "metadata": about, "items": items}


def _item(stored: Stored, *, named: bool) -> Document:
    """Return an object as it stands in a list: built-in kinds do not repeat there what they are."""
    item = stored.copy()
    if not named:
        del item["apiVersion"], item["kind"]
    return item


def _go_on(version: int, last: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps([version, *last]).encode()).decode()


def _went_on(token: str) -> tuple[int, Key]:
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        return int(version), (str(namespace), str(name))
    except ValueError:
        refuse("continue key is not valid", BAD_REQUEST)
