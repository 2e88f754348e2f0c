"""Label and field selectors, in the words of a query."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final, NoReturn

from scaler.errors import ApiRefused
from simulations.cluster.patches import Document

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

BAD_REQUEST: Final = 400

_TERMS: Final = re.compile(r",(?![^(]*\))")
_SET: Final = re.compile(r"(?P<key>\S+)\s+(?P<how>in|notin)\s+\((?P<values>[^()]*)\)")
_EQUAL: Final = re.compile(r"(?P<key>[^\s=!]+)\s*(?P<how>==?|!=)\s*(?P<value>[^\s=!]*)")
_KEY: Final = re.compile(r"(?P<no>!?)\s*(?P<key>[^\s=!,()]+)")
_FIELDS: Final = ("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase")


def always(_: object) -> bool:
    """Select everything."""
    return True


@lru_cache(maxsize=1024)
def label_selector(text: str) -> Test:
    """Read ``a=b,c!=d,e in (f,g),h,!i``; raise :class:`ApiRefused` (400) for what is none."""
    tests = [_term(term.strip()) for term in _TERMS.split(text) if term.strip()]
    if not tests:
        return always
    return tests[0] if len(tests) == 1 else lambda labels: all(test(labels) for test in tests)


def _term(text: str) -> Test:
    if found := _SET.fullmatch(text):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return partial(_is_in if found["how"] == "in" else _is_not_in, found["key"], values)
    if found := _EQUAL.fullmatch(text):
        return partial(_is_not_in if found["how"] == "!=" else _is_in, found["key"], frozenset([found["value"]]))
    if found := _KEY.fullmatch(text):
        return partial(_has_not if found["no"] else _has, found["key"])
    return _unreadable(f"unable to parse requirement: {text!r}")


def _is_in(key: str, values: frozenset[str], labels: Labels) -> bool:
    return labels.get(key) in values


def _is_not_in(key: str, values: frozenset[str], labels: Labels) -> bool:
    return labels.get(key) not in values


def _has(key: str, labels: Labels) -> bool:
    return key in labels


def _has_not(key: str, labels: Labels) -> bool:
    return key not in labels


@lru_cache(maxsize=1024)
def field_selector(text: str) -> Callable[[Document], bool]:
    """Read ``metadata.name=a``; raise :class:`ApiRefused` (400) for what is none or names another field."""
    terms = []
    for term in filter(None, text.split(",")):
        found = _EQUAL.fullmatch(term.strip())
        if found is None or found["key"] not in _FIELDS:
            _unreadable(f"field label not supported: {term}")
        terms.append((found["key"].split("."), found["value"], found["how"] != "!="))
    if not terms:
        return always
    return lambda document: all((_field(document, path) == value) is wanted for path, value, wanted in terms)


def _field(document: Document, path: list[str]) -> str:
    return str(document.get(path[0], {}).get(path[1], ""))


def matches(selector: Mapping[str, object] | None, labels: Labels) -> bool:
    """Tell whether a LabelSelector of an object, with ``matchLabels`` and ``matchExpressions``, selects ``labels``.

    None selects nothing, as in a Service without one; an empty one selects everything.
    """
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    rules = selector.get("matchExpressions") or []
    if not isinstance(wanted, dict) or not isinstance(rules, list):
        return False
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(rule, labels) for rule in rules
    )


def _holds(rule: Document, labels: Labels) -> bool:
    key, values = rule["key"], frozenset(rule.get("values") or ())
    tests = {"In": partial(_is_in, key, values), "NotIn": partial(_is_not_in, key, values)}
    tests |= {"Exists": partial(_has, key), "DoesNotExist": partial(_has_not, key)}
    return tests[rule["operator"]](labels)


def _unreadable(what: str) -> NoReturn:
    raise ApiRefused(what, BAD_REQUEST)
