"""Patches of documents: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396), as the API server applies them.

It departs from the standard in one way: ``replace`` of a key that is not there adds it.

A patch never changes what it is given: it copies the containers on the way to what it changes and shares the rest.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

Document = dict[str, Any]
Node = Any

_ABSENT: Final = object()


class PatchFailed(Exception):
    """The patch does not fit the document; nothing was changed."""


def merged(target: Node, patch: Node) -> Node:
    """Return ``target`` with ``patch`` merged into it: None removes a key, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def patched(document: Document, operations: Sequence[Document]) -> Document:
    """Return ``document`` after all ``operations``.

    Raises :class:`PatchFailed` at the first one that fails, as a ``test`` of another value does.
    """
    for operation in operations:
        document = _applied(document, operation)
    return document


def _applied(document: Document, operation: Document) -> Document:
    kind, path = operation.get("op"), str(operation.get("path", ""))
    if kind == "test":
        _test(document, path, operation.get("value"))
        return document
    if kind in {"move", "copy"}:
        value = _found(document, _keys(str(operation.get("from", ""))))
        if value is _ABSENT:
            raise PatchFailed(f"{kind} operation does not apply: from does not exist: {operation.get('from')}")
        if kind == "move":
            document = _changed_document(document, _keys(str(operation["from"])), _removed)
        return _changed_document(document, _keys(path), _adding(value))
    return _changed_document(document, _keys(path), _change(kind, operation.get("value")))


def _change(kind: object, value: Node) -> Callable[[Node, str], None]:
    if kind == "add":
        return _adding(value)
    if kind == "replace":
        return _replacing(value)
    if kind == "remove":
        return _removed
    raise PatchFailed(f"unexpected kind: {kind}")


def _test(document: Document, path: str, value: Node) -> None:
    keys = _keys(path)
    parent = _found(document, keys[:-1])
    found = _found(parent, keys[-1:])
    if found is _ABSENT and isinstance(parent, dict):
        found = None  # so a test for null finds out that a key is absent, but not that its container is
    if found != value:
        raise PatchFailed(f"testing value {path} failed: test failed")


@lru_cache(maxsize=4096)
def _keys(path: str) -> tuple[str, ...]:
    """Read a JSON Pointer (RFC 6901)."""
    if path == "":
        return ()
    if not path.startswith("/"):
        raise PatchFailed(f"not a JSON pointer: {path!r}")
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/"))


def _found(node: Node, keys: Sequence[str]) -> Node:
    for key in keys:
        if isinstance(node, dict):
            node = node.get(key, _ABSENT)
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            return _ABSENT
    return node


def _changed_document(document: Document, keys: Sequence[str], change: Callable[[Node, str], None]) -> Document:
    changed: Document = _changed(document, keys, change)
    return changed


def _changed(node: Node, keys: Sequence[str], change: Callable[[Node, str], None]) -> Node:
    """Return a copy of ``node`` in which the container of the last key was given to ``change``."""
    if not keys:
        raise PatchFailed("the whole document cannot be replaced")
    if not isinstance(node, dict | list):
        raise PatchFailed(f"missing container at {keys[0]!r}: missing path")
    copy: Node = node.copy()
    key = keys[0]
    if len(keys) == 1:
        change(copy, key)
        return copy
    place = key if isinstance(copy, dict) else _index(copy, key)
    inner = _found(copy, (key,))
    if inner is _ABSENT:
        raise PatchFailed(f"add operation does not apply: doc is missing path: {key!r}: missing value")
    copy[place] = _changed(inner, keys[1:], change)
    return copy


def _index(items: list[Node], key: str, *, end: int = 0) -> int:
    if not key.isdecimal() or int(key) >= len(items) + end:
        raise PatchFailed(f"invalid index referenced: {key}")
    return int(key)


def _adding(value: Node) -> Callable[[Node, str], None]:
    def add(container: Node, key: str) -> None:
        if isinstance(container, dict):
            container[key] = value
        else:
            container.insert(len(container) if key == "-" else _index(container, key, end=1), value)

    return add


def _replacing(value: Node) -> Callable[[Node, str], None]:
    def replace(container: Node, key: str) -> None:
        if isinstance(container, list):
            container[_index(container, key)] = value
        else:
            container[key] = value

    return replace


def _removed(container: Node, key: str) -> None:
    if isinstance(container, list):
        del container[_index(container, key)]
    elif key in container:
        del container[key]
    else:
        raise PatchFailed(f"remove operation does not apply: unable to remove nonexistent key: {key}: missing value")
